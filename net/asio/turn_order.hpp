// In which order a worker's loop serves the sockets that are ready: first those where somebody
// waits for a beginning (a request, the head of an answer, a first token), then the streams that
// flow.
//
// The kernel reports what is ready in the order in which it became so, and a busy worker finds
// several at once. Served one after the other, with the kernel asked again only when all are done,
// they make a new request wait for the whole turn, and a first token twice. An event of a flowing
// stream is one of many; a first token is what a person waits for. So a turn serves all beginnings
// but only a few events of flowing streams, and the kernel is asked again before the rest.
//
// Nobody starves: streams get at least as many places in a turn as beginnings do, among each other
// they keep their order, and no more than kHeldMost events are ever held back. A deadline does not
// overtake bytes that are held back: a turn with timers in it serves them all, and as much of what
// the kernel has as Asio takes at once (kEventsPerTurn).
//
// What is no read of a stream that flows counts as a beginning: also a client that can take more of
// an answer it was slow to read, and answers that are held until they are whole.
#pragma once

#include "net/asio/epoll_hook.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace understudy::net {

/// Orders what the thread that makes it gets from `io`, until it is destroyed. Make it on the
/// thread that runs `io`, at most one per thread, run `io` there before any other io_context (those
/// are left alone), and do not run `io` after it: what is held back is gone with it. Streams say
/// themselves when they flow (Stream::set_flowing).
class TurnOrder {
  public:
    explicit TurnOrder(boost::asio::io_context& io);
    ~TurnOrder();
    TurnOrder(const TurnOrder&) = delete;
    TurnOrder& operator=(const TurnOrder&) = delete;

    /// Lets go of events of this thread's descriptors that have been closed. Before Asio's state of
    /// those is freed. Until then such an event does no harm: it makes the next user of the state
    /// look in vain, and never comes after a newer event of the same state.
    static void forget_closed();

    static constexpr std::size_t kFlowing = 2;    // of flowing streams, served in every turn
    static constexpr std::size_t kHeldMost = 64;  // held back from one turn to the next
    /// How many events of flowing streams a turn serves, of `held` that are there, next to so many
    /// beginnings.
    static constexpr std::size_t share(std::size_t beginnings, std::size_t held) {
        const std::size_t surplus = held > kHeldMost ? held - kHeldMost : 0;
        return std::min(held, std::max({kFlowing, beginnings, surplus}));
    }

  private:
    static int wait_here(int epoll, epoll_event* events, int timeout) noexcept;
    int wait(int epoll, epoll_event* events, int timeout) noexcept;
    bool is_own(const epoll_event& event) const;
    static bool flows(const epoll_event& event);
    epoll_event* find_held(const void* tag);
    void hold(const epoll_event& event);
    std::uint32_t let_go(const void* tag);

    // What is asked of the kernel: with as many held back it fits into Asio's room.
    static constexpr std::size_t kFresh = kEventsPerTurn - kHeldMost;

    const void* const reactor_;
    int epoll_ = -1;  // of the reactor
    std::array<epoll_event, kHeldMost + kFresh> held_;
    std::size_t count_ = 0;
};

}  // namespace understudy::net
