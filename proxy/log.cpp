#include "proxy/log.hpp"

#include "proxy/log_writer.hpp"
#include "wire/json_scan.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
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

std::string format_text(std::string_view event, const LogFields& fields) {
    std::string line(event);
    for (const auto& field : fields) {
        line.append(1, ' ').append(field.key).append(1, '=');
        const auto text = value_text(field);
        const bool is_string = std::holds_alternative<std::string>(field.value);
        line += is_string && needs_quotes(text) ? wire::encode_string(text) : text;
    }
    return line;
}

std::string format_json(std::string_view event, const LogFields& fields) {
    std::string line = "\"event\":" + wire::encode_string(event);
    for (const auto& field : fields) {
        line += ',' + wire::encode_string(field.key) + ':';
        const bool is_string = std::holds_alternative<std::string>(field.value);
        line += is_string ? wire::encode_string(value_text(field)) : value_text(field);
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
    if (!log_enabled(level)) return;
    const bool json = state().json;
    std::string line = json ? format_json(event, fields) : format_text(event, fields);
    if (const auto writer = state().current()) writer->write(level, json, std::move(line));
}

}  // namespace understudy::proxy
