// What was received, for tests and drills: a bounded list of requests, newest kept. Credentials are
// shown as a short hash only. Thread-safe.
#pragma once

#include "mock/http.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::mock {

struct LogEntry {
    std::uint64_t id = 0;
    double time = 0;  // seconds since 1970, when the request was read whole
    std::string method, path, query, version;
    std::vector<std::pair<std::string, std::string>> headers;  // as sent, in order
    std::string body;                                          // the first kMaxBody bytes
    std::size_t body_bytes = 0;
    std::string body_sha256;
    std::string model;
    bool stream = false;
    std::uint64_t connection = 0;  // counted from 1
    std::uint64_t request = 0;     // on that connection, counted from 1

    // Known later.
    std::string behaviour;  // the model's name, "ok", or "rule 2"
    unsigned status = 0;    // 0: no head was sent
    std::size_t words = 0;  // events with content that were sent
    bool finished = false;  // nothing more will happen
    bool complete = false;  // the whole answer was sent
    bool aborted = false;   // the client left before the answer ended
    double duration_seconds = 0;
};

/// How an answer ended.
struct Outcome {
    unsigned status = 0;
    std::size_t words = 0;
    bool complete = false;
    bool aborted = false;
};

class RequestLog {
  public:
    static constexpr std::size_t kMaxEntries = 10'000;
    static constexpr std::size_t kMaxBody = 64 * 1024;           // of one entry
    static constexpr std::size_t kMaxBytes = 128 * 1024 * 1024;  // of all entries

    using EntryPtr = std::shared_ptr<LogEntry>;

    /// Copies what is worth keeping; the caller fills in the rest before add().
    static EntryPtr entry_for(const HttpRequest& request);
    void add(EntryPtr entry);
    void finish(const EntryPtr& entry, const Outcome& outcome);
    void clear();

    struct Filter {
        std::string model;        // empty: all
        std::uint64_t since = 0;  // ids above this
    };
    std::string json(const Filter& filter) const;

  private:
    mutable std::mutex mutex_;
    std::deque<EntryPtr> entries_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

/// The value of a header as it may be shown: credentials become "sha256:" and twelve hex digits.
std::string shown_value(std::string_view name, std::string_view value);
/// The query with the value of `key` and the like hashed.
std::string shown_query(std::string_view query);

}  // namespace understudy::mock
