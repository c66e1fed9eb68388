// The configuration as the rest of the program sees it: typed, complete with defaults, validated,
// immutable. Text is turned into this once (config/load.hpp); nobody else sees YAML. Workers share
// one Config through a shared_ptr<const Config>; a request keeps the one it started with.
#pragma once

#include "config/secret.hpp"
#include "config/when.hpp"
#include "metrics/price_table.hpp"
#include "wire/dialect.hpp"
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

/// Keys of AWS, by which requests are signed.
struct AwsCredentials {
    std::string key_id;
    Secret secret;
    Secret token;        // of keys that are valid for a while; else empty
    std::string source;  // where they were found: "AWS_ACCESS_KEY_ID", a file and its profile
    bool operator==(const AwsCredentials&) const = default;
};

struct Preset;  // config/presets.hpp

/// What is spoken to an upstream.
using wire::Dialect;

enum class Continuation : std::uint8_t { automatic, prefill, instruct, restart, none };

/// When an upstream rests, and for how long; upstreams/breaker.hpp says how it is read.
struct Breaker {
    std::uint32_t failures = 5;
    Duration window{60'000};   // in which they count
    Duration cooldown{3'000};  // the first rest; it doubles while the upstream does not recover
    bool operator==(const Breaker&) const = default;
};

/// Fewer events with content than `events` in a `window` of a stream that has begun: too slow.
struct MinRate {
    std::uint32_t events = 1;
    Duration window{10'000};
    bool operator==(const MinRate&) const = default;
};

/// A path that an upstream is asked for at times, to see whether it is well.
struct HealthCheck {
    std::string path;  // of the server, not below base_url: "/health"
    Duration interval{10'000};
    bool operator==(const HealthCheck&) const = default;
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
    std::vector<Secret> more_keys;   // behind api_key, where that is a list: a pool
    std::string key_variable;        // of the environment, where api_key was found there
    const Preset* preset = nullptr;  // never dangles; null: any OpenAI-compatible server
    Dialect dialect = Dialect::chat;
    std::string api_version;            // sent as a query parameter; "" none
    std::string region;                 // of AWS, of bedrock; "" none
    std::optional<AwsCredentials> aws;  // what is sent is signed with these; absent: it is not
    bool model_in_path = false;         // Azure's deployments: {base}/deployments/{model}/...
    bool implicit = false;              // made by "provider/model" in a chain, not by the file
    std::string profile;                // the file of the profile that it was made from; "" none
    bool known_names = false;  // other services' names for a model become its own where known
    std::optional<std::string> model;             // sent instead of the client's
    std::optional<std::uint64_t> context_window;  // tokens; absent: the price table may know
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
    std::optional<MinRate> min_rate;  // of a stream, from its first token on; absent: any
    std::optional<Breaker> breaker;   // in effect: its own, or the one at the top
    std::optional<HealthCheck> health;
    std::string price_provider;  // litellm_provider of the host or the preset ("openai", "groq", ""
                                 // unknown)

    /// What the configuration says that a model costs here, or null: then the price table is asked.
    /// Of several globs that match one of the two names the most specific counts: a name without
    /// wildcards, then the one with the most characters that are none, then the first.
    const metrics::ModelPrice* configured_price(std::string_view answered,
                                                std::string_view asked) const;
    /// Whether it has a key of its own, of whichever form (headers left out).
    bool has_key() const { return api_key || aws; }
    /// The key at `position` of its pool; there must be one.
    const Secret& key(std::size_t position) const {
        return position == 0 ? *api_key : more_keys[position - 1];
    }
    std::size_t key_count() const { return api_key ? 1 + more_keys.size() : 0; }
};

/// By what the members of a group are put in order, for each request.
enum class GroupOrder : std::uint8_t {
    random,          // by chance, weighted
    least_inflight,  // the one with the fewest requests under way, for its weight, first
    latency,         // the one whose answers began soonest of late
};

/// One step of a chain.
struct ChainEntry {
    std::size_t upstream = 0;          // index into Config::upstreams
    std::optional<std::string> model;  // from "upstream/model", else the upstream's own
    std::string text;                  // as written: "backup/openai/gpt-4o-mini"
    std::uint32_t tier = 0;    // members of one group share one above 0 and stand side by side
    std::uint32_t weight = 1;  // within its group: how often it comes first, against the others
    GroupOrder order = GroupOrder::random;  // of its group
    bool sticky = false;                    // the same session meets the same member first
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

/// A chain of its own for what failed in one way.
struct OnFailure {
    wire::FailureClass failure = wire::FailureClass::none;
    std::vector<ChainEntry> chain;
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
    std::optional<Duration> keepalive;  // a stream's client hears from us this often while it waits
    std::vector<OnFailure> on;          // at most one for each class

    /// Every entry that a request may come to, those of `on` last.
    template <class F>
    void each_entry(F&& use) const {
        for (const ChainEntry& entry : chain) use(entry);
        for (const OnFailure& other : on) {
            for (const ChainEntry& entry : other.chain) use(entry);
        }
    }
    /// What metrics and logs call it: the glob, and its conditions: `* when images`.
    std::string label() const;
    /// Some entries of the chain are a group, whose order is drawn for each request.
    bool grouped() const;
};

/// How much of what is sent to upstreams may be sent again: of all requests together, a share of
/// those under way, and always `min` at a time.
struct RetryBudget {
    double percent = 20;
    std::uint32_t min = 3;
    bool failovers = false;  // the moves to the next entry are bounded too, not only counted
    bool operator==(const RetryBudget&) const = default;
};

/// What a key may do, over all workers; absent: as much as it likes.
struct KeyLimits {
    std::optional<std::uint64_t> requests_per_minute, tokens_per_minute, requests_in_flight;
    std::optional<double> budget_usd_per_day, budget_usd_per_month;  // days and months in UTC
    bool money() const { return budget_usd_per_day || budget_usd_per_month; }
    bool any() const {
        return requests_per_minute || tokens_per_minute || requests_in_flight || money();
    }
};

/// An inbound credential; only its SHA-256 is kept.
struct Key {
    std::string name;
    std::array<std::uint8_t, 32> sha256{};
    std::vector<std::string> routes;  // globs over the client's model; empty: all
    KeyLimits limits;
    std::optional<std::chrono::sys_seconds> expires;  // from then on it opens nothing
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

/// Where every attempt is recorded.
struct Ledger {
    std::string path;
    std::chrono::hours keep{90 * 24};  // 0: for ever
    bool required = false;             // not ready without it
    bool by_default = false;           // nobody named the path
    bool operator==(const Ledger&) const = default;
};

struct Config {
    std::vector<Endpoint> listen{Endpoint{}};
    std::optional<Endpoint> admin;
    std::uint32_t workers = 0;  // 0: auto (CPUs this process may use, cgroup quota included)
    std::vector<Upstream> upstreams;
    std::vector<Route> routes;  // never empty: without `routes`, one "*" route over all upstreams
    bool routes_given = false;
    std::optional<Breaker> breaker;
    RetryBudget retry_budget;
    std::vector<Key> keys;
    std::vector<std::string> cors_origins;  // of pages that may call: "https://chat.example.com"
    std::vector<std::string> hosts;  // globs: names besides loopback's under which it is addressed
    Limits limits;
    Duration drain{30'000};
    Log log;
    std::optional<Ledger> ledger;         // absent: off
    bool ledger_given = false;            // the configuration says something of it
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
