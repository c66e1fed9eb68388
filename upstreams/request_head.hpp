// The request head an upstream gets: the client's end-to-end fields, our own, and nothing else.
#pragma once

#include "config/config.hpp"
#include "wire/head.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::upstreams {

/// What an upstream is asked. Views and pointers belong to the inbound request and outlive the
/// attempt.
struct OutboundHead {
    OutboundHead() = default;
    std::string_view method;
    std::string_view path;                      // below the base URL, query included
    const wire::RequestHead* client = nullptr;  // null: a request of our own (probe)
    bool forward_credentials = false;           // the client's own, when the upstream has none
    bool has_body = true;
    std::size_t body_size = 0;
    std::string_view request_id;
};

/// Appends the whole head to `out`. Host comes from the configuration alone; credentials are the
/// upstream's own or, if it has none and forwarding is allowed, the client's.
void write_request_head(const config::Upstream& upstream, const OutboundHead& request,
                        std::string& out);

}  // namespace understudy::upstreams
