// The closed set of reasons why an attempt can fail. The names are an interface: they are the
// `reason` label of every metric, the words in x-understudy-trace, and what `fallback_on` accepts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace understudy::wire {

enum class FailureClass : std::uint8_t {
    none,        // the attempt succeeded; named "ok"
    connection,  // DNS, refused, reset or closed before the response head, TLS failure
    timeout,     // connect, first token, response, idle before commit, total; also 408, 504 and 524
    rate_limit,  // 429
    quota,       // 429 or 402 that only the account's owner can cure
    server_error,    // every other 5xx
    malformed,       // 2xx whose body is not an answer
    auth,            // 401, 403
    not_found,       // 404
    context_length,  // 400 or 413: the prompt is too long for the model
    content_filter,  // 400 by a safety system
    bad_request,     // every other 4xx (and 3xx, which is never followed)
    unsupported,     // never sent: the request needs what this entry cannot do
    budget,          // denied by a budget; ends the chain
    client_closed,   // the client left; ends the chain
    overloaded,      // a limit of this process was reached: memory, descriptors, places
    dropped,         // no failure: another attempt of the same request answered first (hedging)
    // Of whole answers, and only where a route asks for it (quality.hpp):
    empty,              // says nothing
    length,             // ended at its limit of tokens
    refusal,            // the model refuses, and says so in the API's own form
    invalid_json,       // JSON was asked for, and it is none, or none of the schema given
    invalid_tool_call,  // calls what was not offered, or not as it was described
};

inline constexpr std::size_t kFailureClassCount = 22;

/// Index = value of the enum. Static storage.
inline constexpr std::array<std::string_view, kFailureClassCount> kFailureClassNames{
    "ok",
    "connection",
    "timeout",
    "rate_limit",
    "quota",
    "server_error",
    "malformed",
    "auth",
    "not_found",
    "context_length",
    "content_filter",
    "bad_request",
    "unsupported",
    "budget",
    "client_closed",
    "overloaded",
    "dropped",
    "empty",
    "length",
    "refusal",
    "invalid_json",
    "invalid_tool_call"};

constexpr std::string_view name_of(FailureClass failure) {
    return kFailureClassNames[static_cast<std::size_t>(failure)];
}

/// The class with this name, if there is one.
constexpr std::optional<FailureClass> failure_class_from(std::string_view name) {
    for (std::size_t i = 0; i < kFailureClassCount; ++i) {
        if (kFailureClassNames[i] == name) return static_cast<FailureClass>(i);
    }
    return std::nullopt;
}

/// A set of classes, as one word; used for `fallback_on`.
class FailureSet {
  public:
    constexpr FailureSet() = default;
    constexpr FailureSet(std::initializer_list<FailureClass> classes) {
        for (const auto c : classes) add(c);
    }
    constexpr void add(FailureClass c) { bits_ |= bit(c); }
    constexpr bool contains(FailureClass c) const { return (bits_ & bit(c)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    /// Those that are in both.
    constexpr FailureSet operator&(const FailureSet& other) const {
        FailureSet both;
        both.bits_ = bits_ & other.bits_;
        return both;
    }
    constexpr bool operator==(const FailureSet&) const = default;

  private:
    static constexpr std::uint32_t bit(FailureClass c) { return 1U << static_cast<unsigned>(c); }
    std::uint32_t bits_ = 0;
};

/// What falls back when a route does not say.
inline constexpr FailureSet kDefaultFallbackOn{FailureClass::connection,   FailureClass::timeout,
                                               FailureClass::rate_limit,   FailureClass::quota,
                                               FailureClass::server_error, FailureClass::malformed};

/// What an answer can be besides good, by what it says.
inline constexpr FailureSet kQualityClasses{FailureClass::empty, FailureClass::length,
                                            FailureClass::refusal, FailureClass::invalid_json,
                                            FailureClass::invalid_tool_call};

}  // namespace understudy::wire
