#include "mock/log.hpp"

#include "mock/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace understudy::mock {
namespace {

constexpr std::array<std::string_view, 9> kSecretFields{
    "authorization", "proxy-authorization", "api-key",      "x-api-key",           "x-goog-api-key",
    "cookie",        "set-cookie",          "x-auth-token", "x-amz-security-token"};

double now_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

std::string number(double value) {
    std::array<char, 32> text{};
    const int size = std::snprintf(text.data(), text.size(), "%.6f", value);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string short_hash(std::string_view secret) {
    return "sha256:" + sha256_hex(secret).substr(0, 12);
}

/// AWS's: whose key it is, in short; what else was signed is worth seeing, but for the signature.
std::string shown_signature(std::string_view value) {
    constexpr std::string_view kKey = "Credential=";
    constexpr std::string_view kSignature = "Signature=";
    const auto key = value.find(kKey);
    const auto signature = value.rfind(kSignature);
    const auto slash = value.find('/', key);
    if (key == std::string_view::npos || slash == std::string_view::npos ||
        signature == std::string_view::npos || signature < slash)
        return short_hash(value);
    const auto id = key + kKey.size();
    const auto end = signature + kSignature.size();
    return join({value.substr(0, id), short_hash(value.substr(id, slash - id)),
                 value.substr(slash, end - slash), short_hash(value.substr(end))});
}

std::size_t weight(const LogEntry& entry) {
    std::size_t bytes = sizeof entry + entry.body.size() + entry.path.size();
    for (const auto& [name, value] : entry.headers) bytes += name.size() + value.size() + 64;
    return bytes;
}

/// Lower-case names, repeated fields joined as HTTP allows.
std::string headers_object(const LogEntry& entry) {
    std::vector<std::pair<std::string, std::string>> merged;
    for (const auto& [name, value] : entry.headers) {
        const auto key = lower(name);
        const auto same = std::find_if(merged.begin(), merged.end(),
                                       [&](const auto& f) { return f.first == key; });
        if (same == merged.end()) {
            merged.emplace_back(key, value);
        } else {
            same->second += ", " + value;
        }
    }
    std::string out = "{";
    for (const auto& [name, value] : merged)
        out += join({out.size() > 1 ? "," : "", quoted(name), ":", quoted(value)});
    return out + "}";
}

std::string headers_list(const LogEntry& entry) {
    std::string out = "[";
    for (const auto& [name, value] : entry.headers)
        out += join({out.size() > 1 ? "," : "", "[", quoted(name), ",", quoted(value), "]"});
    return out + "]";
}

std::string entry_json(const LogEntry& entry) {
    const auto boolean = [](bool value) { return value ? "true" : "false"; };
    return join({R"({"id":)",
                 std::to_string(entry.id),
                 R"(,"time":)",
                 number(entry.time),
                 R"(,"method":)",
                 quoted(entry.method),
                 R"(,"path":)",
                 quoted(entry.path),
                 R"(,"query":)",
                 quoted(entry.query),
                 R"(,"version":)",
                 quoted(entry.version),
                 R"(,"headers":)",
                 headers_object(entry),
                 R"(,"header_list":)",
                 headers_list(entry),
                 R"(,"body":)",
                 quoted(entry.body),
                 R"(,"body_bytes":)",
                 std::to_string(entry.body_bytes),
                 R"(,"body_truncated":)",
                 boolean(entry.body.size() < entry.body_bytes),
                 R"(,"body_sha256":)",
                 quoted(entry.body_sha256),
                 R"(,"model":)",
                 quoted(entry.model),
                 R"(,"stream":)",
                 boolean(entry.stream),
                 R"(,"connection":)",
                 std::to_string(entry.connection),
                 R"(,"request":)",
                 std::to_string(entry.request),
                 R"(,"behaviour":)",
                 quoted(entry.behaviour),
                 R"(,"status":)",
                 entry.status == 0 ? "null" : std::to_string(entry.status),
                 R"(,"words":)",
                 std::to_string(entry.words),
                 R"(,"finished":)",
                 boolean(entry.finished),
                 R"(,"complete":)",
                 boolean(entry.complete),
                 R"(,"aborted":)",
                 boolean(entry.aborted),
                 R"(,"duration_seconds":)",
                 number(entry.duration_seconds),
                 "}"});
}

}  // namespace

std::string shown_value(std::string_view name, std::string_view value) {
    const bool secret = std::any_of(kSecretFields.begin(), kSecretFields.end(),
                                    [&](std::string_view field) { return same_word(field, name); });
    if (!secret || value.empty()) return std::string(value);
    if (value.starts_with("AWS4-HMAC-SHA256 ")) return shown_signature(value);
    // "Bearer " is worth seeing; what follows is not.
    const auto space = same_word(name, "authorization") ? value.find(' ') : std::string_view::npos;
    if (space == std::string_view::npos) return short_hash(value);
    return join({value.substr(0, space + 1), short_hash(value.substr(space + 1))});
}

std::string shown_query(std::string_view query) {
    std::string out;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        // g++ 12 warns of a find() in what substr() gave it.
        const auto equals = std::find(pair.begin(), pair.end(), '=');
        const auto name = pair.substr(0, static_cast<std::size_t>(equals - pair.begin()));
        const bool secret =
            name == "key" || name == "api_key" || name == "api-key" || name == "access_token";
        if (!out.empty()) out += '&';
        out += secret && name.size() < pair.size()
                   ? join({name, "=", short_hash(pair.substr(name.size() + 1))})
                   : std::string(pair);
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return out;
}

RequestLog::EntryPtr RequestLog::entry_for(const HttpRequest& request) {
    auto entry = std::make_shared<LogEntry>();
    entry->time = now_seconds();
    entry->method = request.method;
    entry->path = request.path;
    entry->query = shown_query(request.query);
    entry->version = request.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
    for (const auto& [name, value] : request.fields)
        entry->headers.emplace_back(name, shown_value(name, value));
    entry->body = request.body.substr(0, kMaxBody);
    entry->body_bytes = request.body.size();
    entry->body_sha256 = sha256_hex(request.body);
    return entry;
}

void RequestLog::add(EntryPtr entry) {
    const std::lock_guard lock(mutex_);
    bytes_ += weight(*entry);
    entries_.push_back(std::move(entry));
    while (entries_.size() > kMaxEntries || bytes_ > kMaxBytes) {
        bytes_ -= weight(*entries_.front());
        entries_.pop_front();
        ++dropped_;
    }
}

void RequestLog::finish(const EntryPtr& entry, const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    entry->status = outcome.status;
    entry->words = outcome.words;
    entry->complete = outcome.complete;
    entry->aborted = outcome.aborted;
    entry->finished = true;
    entry->duration_seconds = now_seconds() - entry->time;
}

void RequestLog::clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
    bytes_ = 0;
    dropped_ = 0;
}

std::string RequestLog::json(const Filter& filter) const {
    const std::lock_guard lock(mutex_);
    std::string list;
    for (const auto& entry : entries_) {
        if (entry->id <= filter.since) continue;
        if (!filter.model.empty() && entry->model != filter.model) continue;
        if (!list.empty()) list += ",\n";
        list += entry_json(*entry);
    }
    return join({R"({"dropped":)", std::to_string(dropped_), ",\"requests\":[\n", list, "]}\n"});
}

}  // namespace understudy::mock
