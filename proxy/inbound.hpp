// One request as it came from a client, read and understood but not yet acted upon.
#pragma once

#include "config/config.hpp"
#include "net/timers.hpp"
#include "proxy/endpoints.hpp"
#include "wire/content_coding.hpp"
#include "wire/head.hpp"
#include "wire/request_body.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Views point into the session's read buffer, or into what was decoded of it, which do not move
/// while the request is handled.
struct Inbound {
    wire::RequestHead head;
    Endpoint endpoint;
    wire::BodyCoding coding = wire::BodyCoding::identity;  // in which the body came
    std::string_view body;                                 // decoded
    wire::ClearBlocks clear;                               // of a large body, noted while it came
    wire::RequestFacts facts;
    std::string request_id;
    bool id_given = false;            // the client chose it
    boost::asio::ip::address client;  // who connected; unspecified when not known
    std::string cors;                 // header lines of the answer, for an allowed origin
    std::string session;              // x-understudy-session or x-litellm-session-id
    std::optional<std::int64_t> session_budget;  // x-understudy-session-budget-usd, nano-dollars
    const config::Key* key = nullptr;            // who asks, where keys are configured
    net::TimePoint received_at{};                // when it had been read completely

    std::string_view chain;                             // x-understudy-chain, empty: the route's
    std::optional<std::chrono::milliseconds> deadline;  // x-understudy-deadline
    bool may_fall_back = true;                          // x-understudy-fallback: off
};

/// Reads the x-understudy-* fields. Returns what is wrong with one of them, or an empty string.
std::string read_overrides(Inbound& request);

/// "250ms", "30s", "2m", "1h", as in the configuration.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Dollars as whole nano-dollars: "2.5" -> 2500000000. At most a million of them.
std::optional<std::int64_t> parse_usd(std::string_view text);

/// What the ids of one more answer are made of where its upstream gives none: no other answer's,
/// also where a client gives all of its requests one id.
std::string new_answer_seed(const Inbound& request);

/// The client's request id if it is fit for headers and logs, else empty.
std::string_view usable_request_id(const wire::RequestHead& head);

}  // namespace understudy::proxy
