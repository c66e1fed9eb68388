#include "config/key_table.hpp"

namespace understudy::config {
namespace {

constexpr KeySpec kTimeouts[] = {
    {"connect", "duration", "5s"},  {"first_token", "duration", "60s"},
    {"response", "duration", "5m"}, {"idle", "duration", "60s"},
    {"total", "duration", "15m"},
};

constexpr KeySpec kBody[] = {
    {"set", "map", "none"},
    {"drop", "list", "none"},
    {"rename", "map", "none"},
};

constexpr KeySpec kTls[] = {
    {"ca", "path", "none"},
    {"verify", "boolean", "true"},
    {"sni", "host name", "none"},
};

constexpr KeySpec kPrice[] = {
    {"input", "number", "required"},
    {"output", "number", "required"},
    {"cache_read", "number", "none"},
    {"cache_write", "number", "none"},
};

constexpr KeySpec kBreaker[] = {
    {"failures", "integer", "5"},
    {"window", "duration", "60s"},
    {"cooldown", "duration", "3s"},
};

constexpr KeySpec kHealth[] = {
    {"path", "URL path", "required"},
    {"interval", "duration", "10s"},
};

constexpr KeySpec kUpstream[] = {
    {"name", "name", "required"},
    {"base_url", "URL", "none"},
    {"api_key", "secret or list", "none"},
    {"provider", "choice", "openai"},
    {"dialect", "choice", "chat"},
    {"api_version", "version", "none"},
    {"region", "region", "none"},
    {"model", "model name", "none"},
    {"context_window", "integer", "none"},
    {"timeouts", "section", "none", kTimeouts},
    {"headers", "map", "none"},
    {"body", "section", "none", kBody},
    {"tls", "section", "none", kTls},
    {"proxy", "proxy", "none"},
    {"max_connections", "integer", "256"},
    {"price", "section", "none", kPrice},
    {"continuation", "choice", "auto"},
    {"min_rate", "events/duration", "none"},
    {"breaker", "section", "none", kBreaker},
    {"health", "section", "none", kHealth},
};

constexpr KeySpec kRetryBudget[] = {
    {"percent", "number", "20"},
    {"min", "integer", "3"},
    {"failovers", "boolean", "false"},
};

constexpr KeySpec kRetry[] = {
    {"base", "duration", "250ms"},
    {"max", "duration", "5s"},
    {"max_retry_after", "duration", "5s"},
};

constexpr KeySpec kHedge[] = {
    {"after", "percentile or duration", "required"},
    {"budget", "percentage", "5%"},
};

constexpr KeySpec kWhen[] = {
    {"images", "boolean", "none"},
    {"tools", "boolean", "none"},
    {"prompt_tokens_over", "integer", "none"},
    {"header", "map", "none"},
};

constexpr KeySpec kGroup[] = {
    {"any", "list or map", "required"},
    {"by", "choice", "random"},
    {"sticky", "choice", "none"},
};

constexpr KeySpec kOn[] = {
    {"context_length", "list", "none"},
    {"content_filter", "list", "none"},
};

constexpr KeySpec kRoute[] = {
    {"model", "glob", "required"},
    {"when", "section", "none", kWhen},
    {"chain", "list", "required", kGroup, true},
    {"fallback_on", "list", "[connection, timeout, rate_limit, quota, server_error, malformed]"},
    {"retries", "integer", "0"},
    {"retry", "section", "none", kRetry},
    {"deadline", "duration", "5m"},
    {"midstream", "choice", "error"},
    {"hedge", "section", "none", kHedge},
    {"keepalive", "duration", "none"},
    {"on", "section", "none", kOn},
};

constexpr KeySpec kKeyLimits[] = {
    {"requests_per_minute", "integer", "none"}, {"tokens_per_minute", "integer", "none"},
    {"requests_in_flight", "integer", "none"},  {"budget_usd_per_day", "number", "none"},
    {"budget_usd_per_month", "number", "none"},
};

constexpr KeySpec kKey[] = {
    {"name", "name", "required"}, {"key", "secret", "required"},
    {"routes", "list", "none"},   {"limits", "section", "none", kKeyLimits},
    {"expires", "date", "none"},
};

constexpr KeySpec kCors[] = {
    {"origins", "list", "[]"},
};

constexpr KeySpec kLimits[] = {
    {"header", "size", "64KiB"},         {"header_count", "integer", "128"},
    {"body", "size", "64MiB"},           {"memory", "size", "1GiB"},
    {"connections", "integer", "10000"}, {"header_timeout", "duration", "10s"},
    {"body_timeout", "duration", "60s"}, {"keepalive", "duration", "75s"},
    {"buffer_response", "size", "4MiB"},
};

constexpr KeySpec kLog[] = {
    {"level", "choice", "info"},
    {"format", "choice", "text"},
};

constexpr KeySpec kLedger[] = {
    {"path", "path", "~/.local/state/understudy/ledger.db"},
    {"keep", "age", "90d"},
    {"required", "boolean", "false"},
};

constexpr KeySpec kTop[] = {
    {"listen", "address or list", "127.0.0.1:8080"},
    {"admin", "address", "none"},
    {"workers", "integer or auto", "auto"},
    {"upstreams", "list", "none", kUpstream, true},
    {"routes", "list", "none", kRoute, true},
    {"breaker", "section", "none", kBreaker},
    {"retry_budget", "section", "none", kRetryBudget},
    {"keys", "list", "none", kKey, true},
    {"cors", "section", "none", kCors},
    {"hosts", "list", "[]"},
    {"limits", "section", "none", kLimits},
    {"drain", "duration", "30s"},
    {"log", "section", "none", kLog},
    {"ledger", "section, path or off", "on", kLedger},
    {"profiles", "path", "none"},
    {"prices", "path", "none"},
};

void flatten(std::span<const KeySpec> keys, const std::string& prefix, std::vector<KeyPath>& out) {
    for (const KeySpec& key : keys) {
        const std::string path = prefix + std::string(key.name);
        out.push_back({path, &key});
        flatten(key.children, path + (key.each ? "[]." : "."), out);
    }
}

}  // namespace

std::span<const KeySpec> top_keys() {
    return kTop;
}
std::span<const KeySpec> upstream_keys() {
    return kUpstream;
}
std::span<const KeySpec> timeout_keys() {
    return kTimeouts;
}
std::span<const KeySpec> body_keys() {
    return kBody;
}
std::span<const KeySpec> tls_keys() {
    return kTls;
}
std::span<const KeySpec> price_keys() {
    return kPrice;
}
std::span<const KeySpec> breaker_keys() {
    return kBreaker;
}
std::span<const KeySpec> health_keys() {
    return kHealth;
}
std::span<const KeySpec> retry_budget_keys() {
    return kRetryBudget;
}
std::span<const KeySpec> route_keys() {
    return kRoute;
}
std::span<const KeySpec> retry_keys() {
    return kRetry;
}
std::span<const KeySpec> when_keys() {
    return kWhen;
}
std::span<const KeySpec> group_keys() {
    return kGroup;
}
std::span<const KeySpec> on_keys() {
    return kOn;
}
std::span<const KeySpec> hedge_keys() {
    return kHedge;
}
std::span<const KeySpec> key_keys() {
    return kKey;
}
std::span<const KeySpec> key_limit_keys() {
    return kKeyLimits;
}
std::span<const KeySpec> cors_keys() {
    return kCors;
}
std::span<const KeySpec> limit_keys() {
    return kLimits;
}
std::span<const KeySpec> log_keys() {
    return kLog;
}
std::span<const KeySpec> ledger_keys() {
    return kLedger;
}

std::vector<KeyPath> all_keys() {
    std::vector<KeyPath> out;
    flatten(kTop, "", out);
    return out;
}

}  // namespace understudy::config
