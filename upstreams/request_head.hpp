// The request head an upstream gets: the client's end-to-end fields, our own, and nothing else.
#pragma once

#include "config/config.hpp"
#include "upstreams/aws_signer.hpp"
#include "upstreams/key_mask.hpp"
#include "wire/field_id.hpp"
#include "wire/head.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

/// What an upstream is asked. Views and pointers belong to the inbound request and outlive the
/// attempt.
struct OutboundHead {
    OutboundHead() = default;
    std::string_view method;
    std::string_view path;       // below the base URL, query included
    std::string_view base_path;  // in place of the base URL's; empty: that
    std::string_view action;     // ":verb?query" or "/verb" behind a model in the path, or none
    std::string_view model;      // as sent; Azure's deployments and actions need it
    const wire::RequestHead* client = nullptr;  // null: a request of our own (probe)
    bool forward_credentials = false;           // the client's own, when the upstream has none
    // The client speaks another API: what belongs to that stays here, and the key that it sent goes
    // out in the form in which this upstream takes one.
    bool other_api = false;
    std::string_view client_key;
    bool has_body = true;
    std::size_t body_size = 0;
    std::string_view request_id;
    std::size_t key = 0;  // which of the upstream's keys, where it has several
};

/// What all requests to one upstream have in common, worked out once per configuration. Holds the
/// upstream's keys in the clear. Immutable, so any thread may use it.
class HeadTemplate {
  public:
    explicit HeadTemplate(const config::Upstream& upstream);

    /// Appends a whole head to `out`. Host comes from the configuration alone; credentials are the
    /// upstream's own or, if it has none and forwarding is allowed, the client's. The client's
    /// lines are copied as they came.
    void write(const OutboundHead& request, std::string& out) const;

    /// Signs what write() has written; null where nothing is signed.
    const AwsSigner* signer() const { return signer_ ? &*signer_ : nullptr; }
    /// It has credentials of its own, so that the client's never travel there.
    bool own_credentials() const { return own_credentials_; }
    /// What of it nobody but the upstream may see.
    const KeyMask& key_mask() const { return key_mask_; }

  private:
    void write_target(const OutboundHead& request, bool credentials, std::string& out) const;
    void copy_fields(const wire::Fields& fields, bool credentials, std::string& out) const;
    void copy_to_other_api(const OutboundHead& request, bool credentials, std::string& out) const;
    bool configured(std::string_view name) const;
    void be_of_bedrock(const config::Upstream& upstream, wire::FieldSet configured);

    std::string path_;         // of the base URL
    std::string api_version_;  // "" none
    bool model_in_path_ = false;
    bool wants_version_ = false;       // of Anthropic's API, where the client names none
    std::string_view key_header_;      // static text; empty: Authorization
    std::string first_;                // end of the request line, Host
    std::string last_;                 // configured fields, the only key, Accept-Encoding
    std::vector<std::string> keys_;    // fields with a key each, where there are several
    wire::FieldSet dropped_;           // fields of the client that are never passed on
    std::vector<std::string> others_;  // the same, where there is no id
    bool own_credentials_ = false;
    bool own_request_id_ = false;
    std::string_view models_;    // what stands in front of a model in the path; static text
    bool keeps_slashes_ = true;  // of a model's name there
    std::optional<AwsSigner> signer_;
    KeyMask key_mask_;
};

}  // namespace understudy::upstreams
