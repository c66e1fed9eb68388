// Runs the load: one thread, one epoll loop, N connections, each in a closed loop (the next request
// when the answer is whole). Nothing is allocated per request or per event.
#pragma once

#include "common/histogram.hpp"
#include "loadgen/event_meter.hpp"
#include "loadgen/options.hpp"
#include "loadgen/response_reader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace understudy::bench {

struct Errors {
    std::uint64_t connect = 0;     // refused, or no port left
    std::uint64_t status = 0;      // not 200
    std::uint64_t closed = 0;      // before the answer was whole
    std::uint64_t framing = 0;     // not HTTP as this program knows it
    std::uint64_t incomplete = 0;  // a stream with events missing or without [DONE]
    std::uint64_t unfinished = 0;  // still under way when patience ended
    std::uint64_t total() const {
        return connect + status + closed + framing + incomplete + unfinished;
    }
};

struct Results {
    std::uint64_t started = 0, completed = 0, concurrent_max = 0;
    Errors errors;
    Histogram latency;  // request sent -> answer whole
    StreamTimes streams;
    double seconds = 0;  // from the first request to the last answer
};

class Engine {
  public:
    explicit Engine(const Options& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const Results& run();

  private:
    struct Connection {
        int fd = -1;
        bool connecting = false, busy = false, watching_write = false;
        std::size_t sent = 0;
        std::uint64_t request_sent = 0;
        ResponseReader reader;
        EventMeter meter;
    };

    void open_due(std::uint64_t now);
    void open(std::size_t index);
    void serve(std::size_t index, std::uint32_t events);
    void begin_request(Connection& connection, std::size_t index);
    void send_rest(Connection& connection, std::size_t index);
    void read(Connection& connection, std::size_t index);
    bool take(std::size_t index, std::string_view bytes, std::uint64_t now);
    void complete(Connection& connection, std::size_t index, std::uint64_t now);
    void fail(std::size_t index, std::uint64_t& counter);
    void watch(Connection& connection, std::size_t index, bool writable, int operation);
    void note_first_event();
    void reopen_failed(std::uint64_t now);
    bool over(std::uint64_t now) const;
    bool starts_no_more(std::uint64_t now) const;

    const Options& options_;
    std::string request_;
    std::vector<Connection> connections_;
    std::vector<char> buffer_;
    Results results_;
    int epoll_ = -1;
    std::size_t opened_ = 0, under_way_ = 0, streaming_ = 0;
    std::vector<std::size_t> failed_;  // to be opened again at the next tick
    std::uint64_t start_ = 0, stop_ = 0, deadline_ = 0;
};

}  // namespace understudy::bench
