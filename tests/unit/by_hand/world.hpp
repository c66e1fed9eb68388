// A time and a network that a test holds in its hands: the clock stands still until it is told to
// go on, and of every stream the other end is an object. Linked in place of what net and upstreams
// have from the kernel (net/kernel_time.cpp, net/stream.cpp, upstreams/dial.cpp); all above them is
// the daemon's own code. No sockets, no sleeping: hours pass in no time.
#pragma once

#include "net/socket.hpp"
#include "net/timers.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::net {
class Stream;
}

namespace understudy::test {

using namespace std::chrono_literals;
using net::TimePoint;
using std::chrono::milliseconds;

/// The other end of one stream.
class FarEnd : public std::enable_shared_from_this<FarEnd> {
  public:
    /// What the stream gets to read next, in the next turn at the earliest.
    void say(std::string_view bytes);
    /// Behind what was said: the end, or a reset.
    void end();
    void break_off();

    std::string heard;               // all that was written to the stream
    std::function<void()> on_heard;  // in a turn after each write
    bool closed = false;             // by the stream's owner,
    bool reset = false;              // with a reset,
    TimePoint closed_at{};           // at this moment
    std::size_t piece = SIZE_MAX;    // most bytes that one read gets

    // For the stream: -----------------------------------------------------------------------------
    /// `read` is called once, in a turn after there is something to read.
    void wait(std::function<void()> read);
    void close(bool by_reset);
    bool anything() const { return !unread_.empty() || ended_; }
    bool broken() const { return ended_ && error_ != boost::asio::error::eof; }
    /// Up to `size` bytes to `out`, or the error that stands behind them all.
    std::size_t read(char* out, std::size_t size, net::error_code& ec);

  private:
    void finish(net::error_code ec);
    void wake();

    std::string unread_;
    std::function<void()> reader_;
    bool woken_ = false;
    bool ended_ = false;
    net::error_code error_;
};

/// One thing that an upstream does, so long after the one before it (the first: after it has the
/// whole request).
struct Step {
    enum class Kind : std::uint8_t { says, ends, breaks };
    milliseconds after{0};
    Kind kind = Kind::says;
    std::string bytes;
};

/// What an upstream does with one request; with none of these steps, nothing at all.
struct Script {
    Script() = default;
    explicit Script(std::vector<Step> s) : steps(std::move(s)) {}
    std::vector<Step> steps;
    milliseconds connect{0};  // until the connection stands, if there has to be a new one,
    bool refused = false;     // or does not
};

/// A server by the name in its base_url. Each request takes the next of its scripts; where there
/// are no more it improvises, or never answers.
class Upstream {
  public:
    struct Asked {
        TimePoint at{};
        std::string head, body;
        std::shared_ptr<FarEnd> connection;
    };
    Upstream& then(Script script) {
        scripts_.push_back(std::move(script));
        return *this;
    }
    std::function<Script()> improvises;
    std::vector<Asked> asked;
    std::size_t dialled = 0;

    // For dial(): ---------------------------------------------------------------------------------
    Script next_script();
    std::shared_ptr<FarEnd> connection(Script first);

  private:
    std::vector<Script> scripts_;
    std::size_t used_ = 0;
};

class World {
  public:
    World();
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    static World& here();

    TimePoint now() const { return now_; }
    void at(TimePoint when, std::function<void()> what) { events_.emplace(when, std::move(what)); }
    void after(milliseconds time, std::function<void()> what) { at(now_ + time, std::move(what)); }
    /// Whose handlers run; before anything happens.
    void drive(boost::asio::io_context& io) { io_ = &io; }
    /// Lets things happen, and time pass between them, until `enough` says so; false: not within
    /// `most`.
    bool until(const std::function<bool()>& enough, milliseconds most = 10min);
    void pass(milliseconds time);

    Upstream& upstream(const std::string& host) { return upstreams_[host]; }
    /// A socket that is none, as a stream wants one; the next new stream that asks is joined to
    /// `far`.
    net::Socket socket(std::shared_ptr<FarEnd> far);

    // For what is made by hand: -------------------------------------------------------------------
    const std::shared_ptr<FarEnd>& far_end(const net::Stream& stream);
    void forget(const net::Stream& stream) { ends_.erase(&stream); }
    void set_alarm(TimePoint when, std::function<void()> ring) {
        alarm_at_ = when;
        alarm_ = std::move(ring);
    }

  private:
    bool turn();
    TimePoint next() const;

    TimePoint now_{std::chrono::hours(1000)};
    std::multimap<TimePoint, std::function<void()>> events_;
    TimePoint alarm_at_ = TimePoint::max();
    std::function<void()> alarm_;
    boost::asio::io_context* io_ = nullptr;
    std::map<std::string, Upstream> upstreams_;
    std::map<const net::Stream*, std::shared_ptr<FarEnd>> ends_;
    std::shared_ptr<FarEnd> joining_;
};

}  // namespace understudy::test
