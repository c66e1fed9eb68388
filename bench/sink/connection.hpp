// One client of the sink: reads a request, sends what its model asks for, starts over. Written for
// the fewest system calls and instructions: one recv and one send for a plain request, one send per
// event; of a large body the kernel throws the bytes away without copying them.
#pragma once

#include "sink/answers.hpp"
#include "sink/request.hpp"

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::bench {

struct SslDelete {
    void operator()(SSL* ssl) const;
};

/// What connections share: answers, counters, and where a stream asks for its next turn.
class Shared {
  public:
    virtual void wake_at(std::uint64_t ns, int fd) = 0;
    Answers answers;
    std::uint64_t requests = 0, events = 0, blocked = 0, accepted = 0, open = 0;

  protected:
    ~Shared() = default;
};

class Connection {
  public:
    /// `always_fail` answers every request with 503; `ssl` is null for plain text.
    Connection(int fd, Shared& shared, bool always_fail, SSL* ssl);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Each returns false when the connection is over.
    bool on_readable();
    bool on_writable();
    bool on_turn(std::uint64_t now);

    bool wants_write() const { return !pending_.empty(); }

  private:
    bool take(std::string_view bytes);
    bool take_head(std::string_view bytes);
    bool answer();
    std::string_view plain_answer();
    bool start_stream();
    bool send(std::string_view bytes);
    std::size_t write_some(std::string_view bytes, bool& dead);
    long read_some(char* buffer, std::size_t size);

    int fd_;
    Shared& shared_;
    std::unique_ptr<SSL, SslDelete> ssl_;
    bool always_fail_;
    bool get_ = false;
    bool streaming_ = false;
    bool blocked_ = false;  // a turn came while the socket was full
    bool stats_ = false;
    std::uint64_t body_left_ = 0;  // of the request being thrown away
    std::uint32_t events_left_ = 0;
    Wish wish_;
    std::string held_;     // an incomplete request
    std::string pending_;  // what the socket did not take
};

}  // namespace understudy::bench
