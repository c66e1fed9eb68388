#include "proxy/log.hpp"

#include "proxy/log_writer.hpp"
#include "wire/json_scan.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <mutex>

namespace understudy::proxy {

namespace {

// Who waits for lines to be out (the start) waits no longer than this for a stderr that blocks.
constexpr std::chrono::milliseconds kFlushPatience{1000};

struct Log {
    std::shared_ptr<LogWriter> current() {
        const std::lock_guard lock(mutex);
        return writer;
    }

    std::mutex mutex;
    std::shared_ptr<LogWriter> writer;
    std::atomic<int> level{static_cast<int>(config::LogLevel::info)};
    std::atomic<bool> json{false};
};

Log& state() {
    static Log log;
    return log;
}

bool needs_quotes(std::string_view text) {
    return text.empty() || std::any_of(text.begin(), text.end(), [](unsigned char c) {
               return c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f;
           });
}

// Controls that terminals obey or that turn text around, beyond those of JSON: DEL, C1, and what
// has no width or sets a direction (Unicode categories Cc and Cf).
bool invisible(char32_t c) {
    return (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

void append_escaped(std::string& out, char32_t c) {
    if (c < 0x10000) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        return;
    }
    const auto rest = static_cast<unsigned>(c - 0x10000);
    fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10),
                   0xdc00 + (rest & 0x3ff));
}

std::string value_text(const LogField& field) {
    if (const auto* n = std::get_if<std::uint64_t>(&field.value)) return std::to_string(*n);
    if (const auto* d = std::get_if<double>(&field.value)) {
        return std::isfinite(*d) ? fmt::format("{:.12g}", *d) : std::string("null");
    }
    if (const auto* b = std::get_if<bool>(&field.value)) return *b ? "true" : "false";
    if (const auto* number = std::get_if<LogNumber>(&field.value)) return number->digits;
    return std::get<std::string>(field.value);
}

}  // namespace

// A JSON string, ASCII controls escaped by its own rules and the invisible ones too. What comes out
// of encode_string() is valid UTF-8.
std::string quoted(std::string_view text) {
    const std::string json = wire::encode_string(text);
    std::string out;
    for (std::size_t i = 0; i < json.size();) {
        const auto lead = static_cast<unsigned char>(json[i]);
        const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        char32_t c = size == 1 ? lead : lead & (0xffU >> (size + 1));
        for (std::size_t k = 1; k < size; ++k) {
            c = (c << 6) | (static_cast<unsigned char>(json[i + k]) & 0x3fU);
        }
        if (invisible(c)) {
            append_escaped(out, c);
        } else {
            out.append(json, i, size);
        }
        i += size;
    }
    return out;
}

std::string harmless(std::string_view text) {
    const auto json = quoted(text);
    std::string out;
    for (std::size_t i = 1; i + 1 < json.size(); ++i) {
        if (json[i] == '\\' && (json[i + 1] == '\\' || json[i + 1] == '"')) ++i;
        out += json[i];
    }
    return out;
}

std::string format_text(std::string_view event, const LogFields& fields) {
    std::string line(event);
    for (const auto& field : fields) {
        line.append(1, ' ').append(field.key).append(1, '=');
        const auto text = value_text(field);
        const bool is_string = std::holds_alternative<std::string>(field.value);
        line += is_string && needs_quotes(text) ? quoted(text) : text;
    }
    return line;
}

std::string format_json(std::string_view event, const LogFields& fields) {
    std::string line = "\"event\":" + wire::encode_string(event);
    for (const auto& field : fields) {
        line += ',' + wire::encode_string(field.key) + ':';
        const bool is_string = std::holds_alternative<std::string>(field.value);
        line += is_string ? quoted(value_text(field)) : value_text(field);
    }
    return line;
}

void init_log(const config::Log& config) {
    auto& log = state();
    log.json = config.json;
    log.level = static_cast<int>(config.level);
    const std::lock_guard lock(log.mutex);
    if (!log.writer) log.writer = std::make_shared<LogWriter>();
}

bool flush_log() {
    const auto writer = state().current();
    return !writer || writer->flush(kFlushPatience);
}

void shutdown_log() {
    auto& log = state();
    std::shared_ptr<LogWriter> last;  // ends, and waits for its thread, after the lock is gone
    const std::lock_guard lock(log.mutex);
    last.swap(log.writer);
}

bool log_enabled(config::LogLevel level) {
    return static_cast<int>(level) >= state().level.load(std::memory_order_relaxed);
}

void log(config::LogLevel level, std::string_view event, const LogFields& fields) {
    if (log_enabled(level)) log_always(level, event, fields);
}

bool log_is_json() {
    return state().json;
}

void log_always(config::LogLevel level, std::string_view event, const LogFields& fields) {
    const bool json = state().json;
    std::string line = json ? format_json(event, fields) : format_text(event, fields);
    if (const auto writer = state().current()) writer->write(level, json, std::move(line));
}

}  // namespace understudy::proxy
