// The configuration as the rest of the program sees it: typed, complete with defaults, validated,
// immutable. Text is turned into this once (config/load.hpp); nobody else sees YAML. Workers share
// one Config through a shared_ptr<const Config>; a request keeps the one it started with.
#pragma once

#include "config/secret.hpp"
#include "config/when.hpp"
#include "metrics/price.hpp"
#include "wire/failure.hpp"
#include "wire/request_body.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::config {

using Duration = std::chrono::milliseconds;

/// Where to listen. `address` is a numeric IPv4 or IPv6 address (no brackets); port 0 lets the
/// kernel choose.
struct Endpoint {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;
    bool loopback() const;
    std::string text() const;  // "127.0.0.1:8080", "[::1]:8080"
    bool operator==(const Endpoint&) const = default;
};

/// An upstream's base URL, taken apart. `path` has no trailing slash ("" or "/v1").
struct BaseUrl {
    bool tls = true;
    std::string host;  // name or numeric address, no brackets
    std::uint16_t port = 443;
    std::string path;
    std::string authority()
        const;  // what the Host field says: the port only where it is not the scheme's own
    std::string text() const;
    bool operator==(const BaseUrl&) const = default;
};

/// A proxy on the way to an upstream, which is reached through it by CONNECT (RFC 9110 9.3.6).
struct Proxy {
    std::string host;  // name or numeric address, no brackets
    std::uint16_t port = 80;
    std::optional<Secret> authorization;  // of Proxy-Authorization: "Basic ..."
    std::string variable;                 // of the environment, where it was found there
    std::string text() const;             // "proxy.example:3128"
    bool operator==(const Proxy&) const = default;
};

/// All per attempt; 0 is refused.
struct Timeouts {
    Duration connect{5'000};       // TCP and TLS together
    Duration first_token{60'000};  // streams: request sent -> first content or tool delta
    Duration response{300'000};    // plain answers: request sent -> answer whole
    Duration idle{60'000};         // between two payload bytes; comments and pings do not count
    Duration total{900'000};       // one attempt, whatever it is doing
};

struct TlsOptions {
    std::string ca;      // PEM file of trusted roots; empty: the system's
    bool verify = true;  // false: no check of chain and name at all (warned about at start)
    std::string sni;     // name sent and checked; empty: the host of base_url
    bool operator==(const TlsOptions&) const = default;
};

struct Preset;  // config/presets.hpp

/// What is spoken to an upstream.
enum class Dialect : std::uint8_t { chat, responses, messages, gemini, converse };
enum class Continuation : std::uint8_t { automatic, prefill, instruct, restart, none };

struct Breaker {
    std::uint32_t failures = 5;
    Duration window{60'000};
    Duration cooldown{30'000};
    bool operator==(const Breaker&) const = default;
};

struct HeaderSetting {
    std::string name;
    Secret value;
};

/// A price for the models that a glob matches.
struct ModelPriceRule {
    std::string model;
    metrics::ModelPrice price;
};

struct Upstream {
    std::string name;
    BaseUrl base_url;
    std::optional<Secret> api_key;   // absent: the client's own credentials are passed through
    std::string key_variable;        // of the environment, where api_key was found there
    const Preset* preset = nullptr;  // never dangles; null: any OpenAI-compatible server
    Dialect dialect = Dialect::chat;
    std::string api_version;     // sent as a query parameter; "" none
    bool model_in_path = false;  // Azure's deployments: {base}/deployments/{model}/...
    bool implicit = false;       // made by "provider/model" in a chain, not by the file
    std::string profile;         // the file of the profile that it was made from; "" none
    bool known_names = false;    // other services' names for a model become its own where known
    std::optional<std::string> model;  // sent instead of the client's
    Timeouts timeouts;
    std::vector<HeaderSetting> headers;
    wire::BodyRewrite body;
    TlsOptions tls;
    std::optional<Proxy> proxy;                // in effect: its own, or the environment's
    bool proxy_configured = false;             // the file has the last word, also with `none`
    std::uint32_t max_connections = 256;       // over all workers
    std::optional<metrics::ModelPrice> price;  // of every model there ...
    std::vector<ModelPriceRule> prices;        // ... or by model; then `price` is absent
    Continuation continuation = Continuation::automatic;
    std::optional<Breaker> breaker;  // in effect: its own, or the one at the top
    std::string price_provider;  // litellm_provider of the host or the preset ("openai", "groq", ""
                                 // unknown)

    /// What the configuration says that a model costs here, or null: then the price table is asked.
    /// Of several globs that match one of the two names the most specific counts: a name without
    /// wildcards, then the one with the most characters that are none, then the first.
    const metrics::ModelPrice* configured_price(std::string_view answered,
                                                std::string_view asked) const;
};

/// One step of a chain.
struct ChainEntry {
    std::size_t upstream = 0;          // index into Config::upstreams
    std::optional<std::string> model;  // from "upstream/model", else the upstream's own
    std::string text;                  // as written: "backup/openai/gpt-4o-mini"
    std::uint32_t tier = 0;    // members of one group share one above 0 and stand side by side
    std::uint32_t weight = 1;  // within its group: how often it comes first, against the others
};

struct Retry {
    Duration base{250};
    Duration max{5'000};
    Duration max_retry_after{5'000};
};

/// What a profile says of a chain of it alone; index into Config::upstreams.
struct ProfileRoute {
    std::size_t upstream = 0;
    std::uint32_t retries = 0;
    Retry retry;
};

/// A profile that no chain can name, and why.
struct UnusableProfile {
    std::string name;
    std::string why;  // "/x/fast.json: api_key: is masked ..."
};

enum class Midstream : std::uint8_t { error, continue_ };

struct Hedge {
    std::optional<Duration> after;     // a fixed delay ...
    std::optional<double> percentile;  // ... or a percentile of the first-token time, 0..100
    double budget_percent = 5;
};

struct Route {
    std::string model =
        "*";    // glob over the client's model: * and ? only; also the route's name in metrics
    When when;  // what else must be true of a request; empty: nothing
    std::vector<ChainEntry> chain;
    wire::FailureSet fallback_on = wire::kDefaultFallbackOn;
    std::uint32_t retries = 0;  // default 0; 2 where the chain has one entry
    Retry retry;
    Duration deadline{300'000};
    Midstream midstream = Midstream::error;
    std::optional<Hedge> hedge;

    /// What metrics and logs call it: the glob, and its conditions: `* when images`.
    std::string label() const;
    /// Some entries of the chain are a group, whose order is drawn for each request.
    bool grouped() const;
};

struct KeyLimits {
    std::optional<std::uint64_t> requests_per_minute, tokens_per_minute;
    std::optional<double> budget_usd_per_day;
};

/// An inbound credential; only its SHA-256 is kept.
struct Key {
    std::string name;
    std::array<std::uint8_t, 32> sha256{};
    std::vector<std::string> routes;  // globs over the client's model; empty: all
    KeyLimits limits;
};

struct Limits {
    std::size_t header_bytes = 64 << 10;
    std::size_t header_count = 128;
    std::size_t body_bytes = 64 << 20;
    std::size_t memory_bytes = std::size_t{1} << 30;  // all buffers together
    std::size_t connections = 10'000;
    Duration header_timeout{10'000};  // from the first byte of a head to its end, in total
    Duration body_timeout{
        60'000};  // between two reads of a request body; also between two writes to a client
    Duration keepalive{75'000};                   // idle client connection
    std::size_t buffer_response_bytes = 4 << 20;  // a held answer larger than this starts streaming
};

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };
struct Log {
    LogLevel level = LogLevel::info;
    bool json = false;
};

struct Config {
    std::vector<Endpoint> listen{Endpoint{}};
    std::optional<Endpoint> admin;
    std::uint32_t workers = 0;  // 0: auto (CPUs this process may use, cgroup quota included)
    std::vector<Upstream> upstreams;
    std::vector<Route> routes;  // never empty: without `routes`, one "*" route over all upstreams
    bool routes_given = false;
    std::optional<Breaker> breaker;
    std::vector<Key> keys;
    std::vector<std::string> cors_origins;  // of pages that may call: "https://chat.example.com"
    std::vector<std::string> hosts;  // globs: names besides loopback's under which it is addressed
    Limits limits;
    Duration drain{30'000};
    Log log;
    std::optional<std::string> ledger;    // path; absent: off
    std::optional<std::string> profiles;  // directory
    std::vector<ProfileRoute> profile_routes;
    std::vector<UnusableProfile> unusable_profiles;
    std::optional<std::string> prices_file;             // in LiteLLM's format, over the table
    std::shared_ptr<const metrics::PriceTable> prices;  // never null: the built-in table at least
    std::string source;                                 // file, or "environment"
    bool source_by_variable = false;  // $UNDERSTUDY_CONFIG named it, not the command line
    std::vector<std::string>
        warnings;  // worth telling at start (tls.verify: false, unknown price ...)

    /// `source` for people: "understudy.yaml", "/x.yaml (from $UNDERSTUDY_CONFIG)".
    std::string source_text() const;

    /// First route whose glob matches and that asks for nothing else, or null: what any request for
    /// this model gets at the latest.
    const Route* route_for(std::string_view model) const;
};

/// `*` matches any run, `?` one character; everything else itself, case included.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace understudy::config
