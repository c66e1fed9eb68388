#include "tests/unit/by_hand/world.hpp"

#include <boost/asio/error.hpp>

#include <sys/eventfd.h>
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace understudy::test {

namespace {

World* world_here = nullptr;

// The size of the request that `bytes` begin with; 0 while it is not whole.
std::size_t request_size(std::string_view bytes) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    constexpr std::string_view kLength = "\r\ncontent-length: ";
    std::size_t size = end + 4;
    const auto at = bytes.substr(0, end).find(kLength);
    if (at != std::string_view::npos) {
        size +=
            std::strtoul(std::string(bytes.substr(at + kLength.size(), 20)).c_str(), nullptr, 10);
    }
    return bytes.size() >= size ? size : 0;
}

void play(const std::shared_ptr<FarEnd>& far, std::shared_ptr<const Script> script, std::size_t i) {
    if (i == script->steps.size()) return;
    World::here().after(script->steps[i].after, [far, script, i] {
        if (far->closed) return;
        const auto& step = script->steps[i];
        if (step.kind == Step::Kind::says) far->say(step.bytes);
        if (step.kind == Step::Kind::ends) far->end();
        if (step.kind == Step::Kind::breaks) far->break_off();
        play(far, script, i + 1);
    });
}

}  // namespace

// ---------------------------------------------------------------------------------------- FarEnd

void FarEnd::say(std::string_view bytes) {
    unread_ += bytes;
    wake();
}

void FarEnd::end() {
    finish(boost::asio::error::eof);
}

void FarEnd::break_off() {
    finish(boost::asio::error::connection_reset);
}

void FarEnd::finish(net::error_code ec) {
    if (ended_) return;
    ended_ = true;
    error_ = ec;
    wake();
}

void FarEnd::wait(std::function<void()> read) {
    reader_ = std::move(read);
    wake();
}

void FarEnd::close(bool by_reset) {
    if (closed) return;
    closed = true;
    reset = by_reset;
    closed_at = World::here().now();
    reader_ = nullptr;
}

void FarEnd::wake() {
    if (woken_ || !reader_ || !anything()) return;
    woken_ = true;
    World::here().after(0ms, [self = shared_from_this()] {
        self->woken_ = false;
        if (!self->reader_) return;
        std::exchange(self->reader_, nullptr)();
    });
}

std::size_t FarEnd::read(char* out, std::size_t size, net::error_code& ec) {
    if (unread_.empty()) {
        ec = ended_ ? error_ : net::error_code(boost::asio::error::would_block);
        return 0;
    }
    const auto n = std::min({size, piece, unread_.size()});
    std::copy_n(unread_.data(), n, out);
    unread_.erase(0, n);
    return n;
}

// -------------------------------------------------------------------------------------- Upstream

Script Upstream::next_script() {
    if (used_ < scripts_.size()) return scripts_[used_++];
    return improvises ? improvises() : Script();
}

std::shared_ptr<FarEnd> Upstream::connection(Script first) {
    auto far = std::make_shared<FarEnd>();
    struct Line {
        std::size_t done = 0;  // of what was heard
        std::optional<Script> script;
    };
    auto line = std::make_shared<Line>();
    line->script = std::move(first);
    far->on_heard = [this, line, weak = std::weak_ptr(far)] {
        const auto end = weak.lock();
        const auto fresh = std::string_view(end->heard).substr(line->done);
        const auto size = request_size(fresh);
        if (size == 0) return;
        line->done += size;
        const auto head = fresh.find("\r\n\r\n") + 4;
        asked.push_back({World::here().now(), std::string(fresh.substr(0, head)),
                         std::string(fresh.substr(head, size - head)), end});
        auto script = line->script ? std::move(*line->script) : next_script();
        line->script.reset();
        play(end, std::make_shared<const Script>(std::move(script)), 0);
    };
    return far;
}

// ----------------------------------------------------------------------------------------- World

World::World() {
    world_here = this;
}

World::~World() {
    world_here = nullptr;
}

World& World::here() {
    return *world_here;
}

net::Socket World::socket(std::shared_ptr<FarEnd> far) {
    if (joining_) throw std::logic_error("the stream before this one has not asked yet");
    joining_ = std::move(far);
    net::Socket socket(*io_);
    // Open, and never ready for anything.
    socket.assign(boost::asio::ip::tcp::v4(), ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    return socket;
}

const std::shared_ptr<FarEnd>& World::far_end(const net::Stream& stream) {
    auto& far = ends_[&stream];
    if (!far) {
        if (!joining_) throw std::logic_error("a stream that nobody has joined to anything");
        far = std::exchange(joining_, nullptr);
    }
    return far;
}

TimePoint World::next() const {
    return std::min(alarm_at_, events_.empty() ? TimePoint::max() : events_.begin()->first);
}

// As a worker's loop has it: what was posted, what came, and deadlines behind all else.
bool World::turn() {
    if (io_->poll() > 0) return true;
    if (!events_.empty() && events_.begin()->first <= now_) {
        const auto first = events_.begin();
        const auto what = std::move(first->second);
        events_.erase(first);
        what();
        return true;
    }
    if (alarm_at_ <= now_) {
        alarm_at_ = TimePoint::max();
        const auto ring = std::exchange(alarm_, nullptr);
        ring();
        return true;
    }
    return false;
}

bool World::until(const std::function<bool()>& enough, milliseconds most) {
    const auto last = now_ + most;
    while (!enough()) {
        if (turn()) continue;
        const auto when = next();
        if (when > last) {
            now_ = last;
            return false;
        }
        now_ = std::max(now_, when);
    }
    return true;
}

void World::pass(milliseconds time) {
    until([] { return false; }, time);
}

}  // namespace understudy::test

// ------------------------------------------------------------------- what is net's in the daemon

namespace understudy::net {

TimePoint Clock::now() noexcept {
    return test::World::here().now();
}

TimePoint coarse_now() noexcept {
    return Clock::now();
}

void new_turn(bool) noexcept {}
void look_at_clock_again() noexcept {}

void TimerQueue::set_alarm() {
    test::World::here().set_alarm(armed_for_, [this] { fire(); });
}

}  // namespace understudy::net
