// The request head an upstream gets: the client's end-to-end fields, our own, and nothing else.
#pragma once

#include "config/config.hpp"
#include "upstreams/key_mask.hpp"
#include "wire/field_id.hpp"
#include "wire/head.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

/// What an upstream is asked. Views and pointers belong to the inbound request and outlive the
/// attempt.
struct OutboundHead {
    OutboundHead() = default;
    std::string_view method;
    std::string_view path;                      // below the base URL, query included
    std::string_view model;                     // as sent; only Azure's deployments need it
    const wire::RequestHead* client = nullptr;  // null: a request of our own (probe)
    bool forward_credentials = false;           // the client's own, when the upstream has none
    bool has_body = true;
    std::size_t body_size = 0;
    std::string_view request_id;
};

/// What all requests to one upstream have in common, worked out once per configuration. Holds the
/// upstream's key in the clear. Immutable, so any thread may use it.
class HeadTemplate {
  public:
    explicit HeadTemplate(const config::Upstream& upstream);

    /// Appends a whole head to `out`. Host comes from the configuration alone; credentials are the
    /// upstream's own or, if it has none and forwarding is allowed, the client's. The client's
    /// lines are copied as they came.
    void write(const OutboundHead& request, std::string& out) const;

    /// What of it nobody but the upstream may see.
    const KeyMask& key_mask() const { return key_mask_; }

  private:
    void copy_fields(const wire::Fields& fields, bool credentials, std::string& out) const;
    bool configured(std::string_view name) const;

    std::string path_;         // of the base URL
    std::string api_version_;  // "" none
    bool model_in_path_ = false;
    std::string first_;                // end of the request line, Host
    std::string last_;                 // configured fields, key, Accept-Encoding
    wire::FieldSet dropped_;           // fields of the client that are never passed on
    std::vector<std::string> others_;  // the same, where there is no id
    bool own_credentials_ = false;
    bool own_request_id_ = false;
    KeyMask key_mask_;
};

}  // namespace understudy::upstreams
