// Structured log lines: one event with named fields, as text or as JSON, never on the worker's
// time.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace understudy::proxy {

/// A number that is written already, where a double would change its digits (amounts of money).
struct LogNumber {
    std::string digits;
};

/// One named value. Text is escaped when written, whatever it holds.
struct LogField {
    LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
    LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    LogField(std::string_view k, std::uint64_t v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
    LogField(std::string_view k, LogNumber v) : key(k), value(std::move(v)) {}
    std::string_view key;
    std::variant<std::string, std::uint64_t, double, bool, LogNumber> value;
};
using LogFields = std::vector<LogField>;

/// Lines go to stderr from a background thread with a bounded queue (the oldest is dropped when
/// stderr blocks). Call once at start, again after a reload.
void init_log(const config::Log& log);
/// Waits until every line logged so far is out, but not for long: false when stderr blocks.
bool flush_log();
/// Writes what is queued and ends the background thread.
void shutdown_log();
/// Cheap; ask before building the fields of a line.
bool log_enabled(config::LogLevel level);
/// `event` is a short stable word: "request", "reload", "listening".
void log(config::LogLevel level, std::string_view event, const LogFields& fields);

/// The same, whatever the level: what scripts wait for.
void log_always(config::LogLevel level, std::string_view event, const LogFields& fields);
/// log.format is json: then nothing but JSON goes to stderr.
bool log_is_json();

/// The line without its time stamp, for tests: `request id=x status=200` or
/// {"event":"request",...}.
std::string format_text(std::string_view event, const LogFields& fields);
std::string format_json(std::string_view event, const LogFields& fields);

/// `text` as a JSON string that a terminal shows harmlessly: controls, and what is invisible or
/// turns text around, are escaped.
std::string quoted(std::string_view text);
/// The same escapes in text without quotes, for a table; quotes and backslashes stay.
std::string harmless(std::string_view text);

}  // namespace understudy::proxy
