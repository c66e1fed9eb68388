// What the connections of one simulated upstream share: counters, the log, the script, and which
// faults have had their turn. Thread-safe.
#pragma once

#include "mock/log.hpp"
#include "mock/plan.hpp"
#include "mock/script.hpp"
#include "mock/signature.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace understudy::mock {

struct Counters {
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::int64_t> connections_open{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> complete{0};
    std::atomic<std::uint64_t> aborted{0};
    std::atomic<std::uint64_t> broken{0};  // answers that the plan cut short
};

class State {
  public:
    State(bool keep_log, std::string name, AwsKey aws_key)
        : keep_log_(keep_log), name_(std::move(name)), aws_key_(std::move(aws_key)) {}

    /// What to do with this request, and the word for the log.
    struct Decision {
        Behaviour behaviour;
        std::string label;
    };
    Decision decide(const RequestTraits& request, bool ends_with_assistant);

    /// Throws std::invalid_argument and keeps the old script.
    void set_script(std::string_view yaml);
    std::string script_text() const;
    bool has_script() const { return has_script_.load(std::memory_order_acquire); }

    /// Everything starts anew: log, counters, "-once" and "flap", the script's counters, ids. The
    /// script itself and the numbers of connections stay.
    void reset();

    std::uint64_t next_request() { return next_id_.fetch_add(1, std::memory_order_relaxed) + 1; }
    std::uint64_t next_connection() { return ++connection_numbers_; }
    bool keep_log() const { return keep_log_; }
    const std::string& name() const { return name_; }
    const AwsKey& aws_key() const { return aws_key_; }
    RequestLog& log() { return log_; }
    Counters& counters() { return counters_; }
    std::string stats_json() const;

  private:
    static constexpr std::size_t kMaxNames = 10'000;

    bool gate_open(const Behaviour& behaviour, const std::string& key, bool ends_with_assistant);

    const bool keep_log_;
    const std::string name_;
    const AwsKey aws_key_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    Counters counters_;
    RequestLog log_;
    std::atomic<std::uint64_t> next_id_{0};
    std::atomic<std::uint64_t> connection_numbers_{0};
    std::atomic<bool> has_script_{false};

    mutable std::mutex mutex_;  // guards what follows
    Script script_;
    std::unordered_map<std::string, std::chrono::steady_clock::time_point> first_seen_;
};

}  // namespace understudy::mock
