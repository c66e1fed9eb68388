#include "proxy/log.hpp"

#include "wire/json_scan.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

namespace understudy::proxy {

namespace {

constexpr std::size_t kQueue = 1024;

struct Log {
    std::mutex mutex;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::logger> logger;
    std::atomic<int> level{static_cast<int>(config::LogLevel::info)};
    std::atomic<bool> json{false};
};

Log& state() {
    static Log log;
    return log;
}

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
    return static_cast<spdlog::level::level_enum>(level == config::LogLevel::off
                                                      ? static_cast<int>(spdlog::level::off)
                                                      : static_cast<int>(level));
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
    const std::lock_guard lock(log.mutex);
    if (!log.logger) {
        log.pool = std::make_shared<spdlog::details::thread_pool>(kQueue, 1);
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        log.logger = std::make_shared<spdlog::async_logger>(
            "understudy", std::move(sink), log.pool, spdlog::async_overflow_policy::overrun_oldest);
        log.logger->set_level(spdlog::level::trace);
        log.logger->flush_on(spdlog::level::trace);
    }
    if (config.json) {
        log.logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                                spdlog::pattern_time_type::utc);
    } else {
        log.logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    }
    log.json = config.json;
    log.level = static_cast<int>(config.level);
}

void shutdown_log() {
    auto& log = state();
    const std::lock_guard lock(log.mutex);
    log.pool.reset();  // writes what is queued and joins; only then may the sink go
    log.logger.reset();
}

bool log_enabled(config::LogLevel level) {
    return static_cast<int>(level) >= state().level.load(std::memory_order_relaxed);
}

void log(config::LogLevel level, std::string_view event, const LogFields& fields) {
    if (!log_enabled(level)) return;
    auto& log = state();
    const std::string line = log.json ? format_json(event, fields) : format_text(event, fields);
    std::shared_ptr<spdlog::logger> logger;
    {
        const std::lock_guard lock(log.mutex);
        logger = log.logger;
    }
    if (logger) logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace understudy::proxy
