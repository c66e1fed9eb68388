// Which request targets exist. Nothing else is ever forwarded.
#pragma once

#include "wire/answer.hpp"
#include "wire/dialect.hpp"

#include <cstdint>
#include <span>
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
    api,  // GET /api/...
};

struct Endpoint {
    EndpointKind kind = EndpointKind::unknown;
    wire::AnswerShape shape = wire::AnswerShape::other_json;
    wire::Dialect dialect = wire::Dialect::chat;  // of its errors, and of its lists
    std::string_view path;      // below the base URL, query included: "/chat/completions?x=1"
    std::string_view argument;  // {id} of /models/{id}, {model} of /models/{model}:verb, still
                                // percent-encoded
    std::string_view action;    // from the colon of such a verb on: ":generateContent?x=1"
    bool streams = false;       // a stream_options.include_usage is understood there
    bool asks_events = false;   // the target alone says that a stream is wanted
    std::string_view allow;     // methods allowed, for 405: "POST", "GET, HEAD"
    bool method_ok = true;
};

/// Looks at method and target (origin-form). OpenAI's and Anthropic's paths work with and without
/// /v1, Google's with /v1beta, /v1 and nothing in front. Comparison is exact: no decoding, no dot
/// segments, so what is checked is what is sent.
Endpoint match_endpoint(std::string_view method, std::string_view target);

/// Every path of the above that has one name, and known ones of those that have not; those of
/// OpenAI and Anthropic without their /v1. For who meant one of them.
std::span<const std::string_view> served_paths();

}  // namespace understudy::proxy
