// Writes finished log lines to stderr from a thread of its own, so that a slow stderr never holds
// a worker up.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace spdlog {
class logger;
}

namespace understudy::proxy {

/// The queue is ours and not spdlog's: that one holds its thousand lines from the start (430 kB of
/// an idle daemon's memory) and cannot say when it has run empty.
class LogWriter {
  public:
    LogWriter();
    /// Writes what is queued and ends the thread.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    /// Queues the line: the inside of a JSON object, or text. When the queue is full its oldest
    /// line is dropped; a line says how many were, once lines are written again.
    void write(config::LogLevel level, bool json, std::string line);
    /// True when everything queued before was written within `patience`.
    bool flush(std::chrono::milliseconds patience);

  private:
    struct Line {
        std::chrono::system_clock::time_point time;
        config::LogLevel level;
        bool json;
        std::string text;
    };

    void run();
    void put(const Line& line);
    void put_dropped(const Line& next, std::uint64_t dropped);

    std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    std::condition_variable queued_, written_;
    std::deque<Line> queue_;
    std::uint64_t dropped_ = 0;
    bool json_ = false;     // how the thread writes now; its own
    bool writing_ = false;  // a line has left the queue and is not out yet
    bool ending_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace understudy::proxy
