// Which request targets exist. Nothing else is ever forwarded.
#pragma once

#include "wire/answer.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::proxy {

enum class EndpointKind : std::uint8_t {
    unknown,
    proxied,  // goes to upstreams
    models,   // GET /models
    model,    // GET /models/{id}
    root,     // GET /: name and version
    healthz,
    readyz,
    metrics,
};

struct Endpoint {
    EndpointKind kind = EndpointKind::unknown;
    wire::AnswerShape shape = wire::AnswerShape::other_json;
    std::string_view path;      // below the base URL, query included: "/chat/completions?x=1"
    std::string_view argument;  // {id} of /models/{id}, still percent-encoded
    bool streams = false;       // a stream_options.include_usage is understood there
    std::string_view allow;     // methods allowed, for 405: "POST", "GET, HEAD"
    bool method_ok = true;
};

/// Looks at method and target (origin-form). Paths work with and without /v1. Comparison is exact:
/// no decoding, no dot segments, so what is checked is what is sent.
Endpoint match_endpoint(std::string_view method, std::string_view target);

}  // namespace understudy::proxy
