#include "proxy/log_writer.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

namespace understudy::proxy {

namespace {

constexpr std::size_t kQueue = 1024;

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
    return static_cast<spdlog::level::level_enum>(level == config::LogLevel::off
                                                      ? static_cast<int>(spdlog::level::off)
                                                      : static_cast<int>(level));
}

const char* pattern(bool json) {
    return json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
}

}  // namespace

LogWriter::LogWriter()
    : logger_(std::make_shared<spdlog::logger>("understudy",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())),
      thread_([this] { run(); }) {
    logger_->set_level(spdlog::level::trace);
    logger_->set_pattern(pattern(json_), spdlog::pattern_time_type::utc);
}

LogWriter::~LogWriter() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    queued_.notify_one();
    thread_.join();
}

void LogWriter::write(config::LogLevel level, bool json, std::string line) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kQueue) {
            queue_.pop_front();
            ++dropped_;
        }
        queue_.push_back({std::chrono::system_clock::now(), level, json, std::move(line)});
    }
    queued_.notify_one();
}

bool LogWriter::flush(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, patience, [this] { return queue_.empty() && !writing_; });
}

// Only this thread touches the sink: whoever else did would wait with it for a slow stderr.
void LogWriter::put(const Line& line) {
    if (line.json != json_) {
        json_ = line.json;
        logger_->set_pattern(pattern(json_), spdlog::pattern_time_type::utc);
    }
    logger_->log(line.time, spdlog::source_loc{}, to_spdlog(line.level),
                 spdlog::string_view_t(line.text.data(), line.text.size()));
}

void LogWriter::put_dropped(const Line& next, std::uint64_t dropped) {
    const auto count = std::to_string(dropped);
    put({next.time, config::LogLevel::warn, next.json,
         next.json ? "\"event\":\"log_lines_dropped\",\"count\":" + count
                   : "log_lines_dropped count=" + count});
}

void LogWriter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        queued_.wait(lock, [this] { return ending_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const Line line = std::move(queue_.front());
        queue_.pop_front();
        const auto dropped = std::exchange(dropped_, 0);
        writing_ = true;
        lock.unlock();
        if (dropped > 0) put_dropped(line, dropped);
        put(line);
        lock.lock();
        writing_ = false;
        if (queue_.empty()) written_.notify_all();
    }
}

}  // namespace understudy::proxy
