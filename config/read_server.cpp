// listen, admin, workers, breaker, retry_budget, limits, drain, log, ledger, profiles, prices.
#include "config/address.hpp"
#include "config/files.hpp"
#include "config/prices.hpp"
#include "config/read.hpp"

#include <algorithm>
#include <array>

namespace understudy::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::size_t kMaxPriceFileBytes = 16 * kMiB;  // the public file is about 1.6 MB
constexpr std::string_view kAddress = "an address such as 127.0.0.1:8080";

void read_listen(const Section& top, Config& config) {
    const auto value = top.get("listen");
    if (!value) return;
    std::vector<Value> addresses{*value};
    if (value->node().kind != Element::Kind::scalar) addresses = value->items("addresses");
    std::vector<Endpoint> listen;
    for (const Value& address : addresses) {
        const auto endpoint = parse(address, kAddress, &parse_endpoint);
        if (!endpoint) continue;
        const bool twice = std::find(listen.begin(), listen.end(), *endpoint) != listen.end();
        if (twice && endpoint->port != 0) {
            address.problem(in_quotes(endpoint->text()) + " is listed twice");
        }
        listen.push_back(*endpoint);
    }
    if (value->node().kind == Element::Kind::list && addresses.empty()) {
        value->problem("is an empty list; name at least one address, or remove the key");
    }
    if (!listen.empty()) config.listen = std::move(listen);
}

void read_admin(const Section& top, Config& config) {
    const auto value = top.get("admin");
    if (!value) return;
    config.admin = parse(*value, kAddress, &parse_endpoint);
}

void read_workers(const Section& top, Config& config) {
    const auto value = top.get("workers");
    if (!value) return;
    if (value->node().kind == Element::Kind::scalar && value->node().text == "auto") return;
    const auto number = parse(*value, "a number of threads or auto", &parse_integer);
    if (!number) return;
    if (*number < 1 || *number > 256) {
        value->problem(value->shown() + " is out of range; it must be 1 to 256, or auto");
        return;
    }
    config.workers = static_cast<std::uint32_t>(*number);
}

void read_limits(const Section& top, Limits& limits) {
    const auto value = top.get("limits");
    if (!value) return;
    const Section section(*value, limit_keys(), "a map of limits");
    read_size(section, "header", limits.header_bytes, {kKiB, kMiB});
    if (const auto n = read_integer(section, "header_count", {8, 1000})) limits.header_count = *n;
    read_size(section, "body", limits.body_bytes, {kKiB, 4 * kGiB});
    read_size(section, "memory", limits.memory_bytes, {kMiB, 1024 * kGiB});
    if (const auto n = read_integer(section, "connections", {1, 1'000'000})) {
        limits.connections = *n;
    }
    read(section, "header_timeout", limits.header_timeout);
    read(section, "body_timeout", limits.body_timeout);
    read(section, "keepalive", limits.keepalive);
    read_size(section, "buffer_response", limits.buffer_response_bytes, {kKiB, kGiB});
    for (const auto& [key, bytes] : {std::pair{"body", limits.body_bytes},
                                     std::pair{"buffer_response", limits.buffer_response_bytes}}) {
        if (bytes <= limits.memory_bytes) continue;
        const auto at = section.get(key);
        (at ? *at : *value)
            .problem(std::string(at ? "" : key) + (at ? "" : " ") +
                     "is larger than limits.memory, which bounds all buffers together (" +
                     format_size(bytes) + " > " + format_size(limits.memory_bytes) + ")");
    }
}

void read_log(const Section& top, Log& log) {
    const auto value = top.get("log");
    if (!value) return;
    const Section section(*value, log_keys(), "a map with level and format");
    using Level = std::pair<std::string_view, LogLevel>;
    constexpr std::array kLevels{Level{"trace", LogLevel::trace}, Level{"debug", LogLevel::debug},
                                 Level{"info", LogLevel::info},   Level{"warn", LogLevel::warn},
                                 Level{"error", LogLevel::error}, Level{"off", LogLevel::off}};
    read_word<LogLevel>(section, "level", log.level, kLevels);
    using Format = std::pair<std::string_view, bool>;
    constexpr std::array kFormats{Format{"text", false}, Format{"json", true}};
    read_word<bool>(section, "format", log.json, kFormats);
}

std::optional<std::string> read_path(const Value& value) {
    const std::string* text = value.text("a path");
    if (text == nullptr) return std::nullopt;
    if (text->empty()) {
        value.problem("is empty; give a path or remove the key");
        return std::nullopt;
    }
    return resolve_path(*text, value.context().directory, value.context().env);
}

// A word that is neither off nor a path is a slip of the pen.
bool looks_like_path(std::string_view text) {
    return text.find_first_of("/.") != std::string_view::npos;
}

void read_ledger_settings(const Value& value, Ledger& ledger) {
    const Section section(value, ledger_keys(), "off, a path, or a map with path, keep, required");
    if (const auto at = section.get("path")) {
        if (auto path = read_path(*at)) ledger.path = std::move(*path);
    }
    if (const auto at = section.get("keep")) {
        if (const auto age = parse(*at, "an age such as 90d", &parse_age)) ledger.keep = *age;
    }
    read(section, "required", ledger.required);
}

void read_profiles(const Section& top, Config& config) {
    const auto value = top.get("profiles");
    if (!value) return;
    const auto path = read_path(*value);
    if (!path) return;
    config.profiles = *path;
}

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

void read_prices(const Section& top, Config& config) {
    const auto value = top.get("prices");
    if (!value) return;
    const auto path = read_path(*value);
    if (!path) return;
    config.prices_file = *path;
    const FileText file = read_file(*path, kMaxPriceFileBytes);
    if (!file.text) {
        value->problem("the file " + value->shown() + " " + file.error);
        return;
    }
    PriceFile prices = parse_prices(*file.text);
    for (const std::string& note : prices.notes) value->warn(note);
    if (prices.error.empty()) {
        config.prices = prices_over_builtin(std::move(prices.lines), file_name(*path));
    } else {
        // By its name: a long path would hide it.
        value->problem("the file " + in_quotes(file_name(*path)) + " " + prices.error);
    }
}

void read_retry_budget(const Section& top, RetryBudget& budget) {
    const auto value = top.get("retry_budget");
    if (!value) return;
    const Section section(*value, retry_budget_keys(), "a map with percent, min and failovers");
    if (const auto n = read_number(section, "percent", {0, 100})) budget.percent = *n;
    if (const auto n = read_integer(section, "min", {0, 100'000})) {
        budget.min = static_cast<std::uint32_t>(*n);
    }
    read(section, "failovers", budget.failovers);
}

}  // namespace

Breaker read_breaker(const Value& value, const Breaker& defaults) {
    Breaker breaker = defaults;
    const Section section(value, breaker_keys(), "a map with failures, window and cooldown");
    if (const auto n = read_integer(section, "failures", {1, 10'000})) {
        breaker.failures = static_cast<std::uint32_t>(*n);
    }
    read(section, "window", breaker.window);
    read(section, "cooldown", breaker.cooldown);
    return breaker;
}

void read_ledger(const Section& top, Config& config) {
    const auto value = top.get("ledger");
    if (!value) return;
    config.ledger_given = true;
    Ledger ledger;
    if (value->node().kind == Element::Kind::scalar) {
        // `true` and `false` are what YAML 1.1 tools make of `on` and `off`.
        const std::string& word = value->node().text;
        if (word == "off" || word == "false" || value->node().broken) return;
        if (looks_like_path(word)) {
            if (auto path = read_path(*value)) ledger.path = std::move(*path);
        } else if (word == "true") {
            value->warn(
                "is read as `on`, which the ledger is by default; leave it out, write "
                "`ledger: off`, or say where it is kept: `ledger: { path: FILE }`");
        } else if (word != "on") {
            value->problem(value->shown() +
                           " is neither off nor a path nor a map; write `ledger: off` or "
                           "`ledger: { path: FILE }`");
            return;
        }
    } else {
        read_ledger_settings(*value, ledger);
    }
    if (ledger.path.empty()) {
        ledger.path = usual_ledger_path(value->context().env);
        ledger.by_default = true;
    }
    if (ledger.path.empty()) {
        value->problem("has no path, and neither HOME nor XDG_STATE_HOME says where one could be");
    }
    config.ledger = std::move(ledger);
}

void read_server(const Section& top, Config& config) {
    read_listen(top, config);
    read_admin(top, config);
    read_workers(top, config);
    if (const auto value = top.get("breaker")) config.breaker = read_breaker(*value, Breaker{});
    read_retry_budget(top, config.retry_budget);
    read_limits(top, config.limits);
    read(top, "drain", config.drain, kFromZero);
    read_log(top, config.log);
    read_ledger(top, config);
    read_profiles(top, config);
    read_prices(top, config);
}

}  // namespace understudy::config
