#include "net/asio/turn_order.hpp"

#include "net/asio/internals.hpp"
#include "net/asio/read_op.hpp"
#include "net/kernel_calls.hpp"
#include "net/timers.hpp"

#include <cstdint>
#include <span>

namespace understudy::net {

struct OperationQueues {
    friend constexpr auto revealed(OperationQueues);
};
struct DescriptorNumber {
    friend constexpr auto revealed(DescriptorNumber);
};
template struct Reveal<OperationQueues, &Reactor::descriptor_state::op_queue_>;
template struct Reveal<DescriptorNumber, &Reactor::descriptor_state::descriptor_>;

namespace {

constinit thread_local TurnOrder* order_here = nullptr;

Reactor::per_descriptor_data state_of(const epoll_event& event) {
    return static_cast<Reactor::per_descriptor_data>(event.data.ptr);
}

}  // namespace

TurnOrder::TurnOrder(boost::asio::io_context& io)
    : reactor_(&boost::asio::use_service<Reactor>(io)) {
    order_here = this;
    wait_instead = &TurnOrder::wait_here;
}

TurnOrder::~TurnOrder() {
    wait_instead = nullptr;
    order_here = nullptr;
    new_turn(false);
}

int TurnOrder::wait_here(int epoll, epoll_event* events, int timeout) noexcept {
    const int n = order_here->wait(epoll, events, timeout);
    new_turn();
    return n;
}

// Asio serves deadlines after all else in a turn: nothing may be held back then, or a stream would
// fail whose bytes are there.
int TurnOrder::wait(int epoll, epoll_event* events, int timeout) noexcept {
    if (epoll_ < 0) epoll_ = epoll;
    if (epoll != epoll_) return poll_events(epoll, events, kEventsPerTurn, timeout);
    const int n = poll_events(epoll, events, kFresh, count_ > 0 ? 0 : timeout);
    if (count_ == 0 && n <= 1) return n;
    std::size_t served = 0;
    bool deadlines = false;
    for (auto& event : std::span(events, static_cast<std::size_t>(std::max(n, 0)))) {
        const bool own = is_own(event);
        deadlines = deadlines || own;
        if (!own && flows(event)) {
            hold(event);
        } else {
            // What was held of it is older, and must not come after this.
            if (!own) event.events = event.events | let_go(event.data.ptr);
            events[served++] = event;
        }
    }
    const auto flowing = deadlines ? count_ : share(served, count_);
    std::copy_n(held_.begin(), flowing, events + served);
    std::copy(held_.begin() + flowing, held_.begin() + count_, held_.begin());
    count_ -= flowing;
    served += flowing;
    if (deadlines && n == kFresh) {  // and there may be more
        const int room = kEventsPerTurn - static_cast<int>(served);
        served +=
            static_cast<std::size_t>(std::max(poll_events(epoll, events + served, room, 0), 0));
    }
    return static_cast<int>(served);
}

// Asio's own events (its timer, a wake-up from another thread) point into the reactor, all others
// to the state of a descriptor.
bool TurnOrder::is_own(const epoll_event& event) const {
    const auto at = reinterpret_cast<std::uintptr_t>(event.data.ptr);
    const auto own = reinterpret_cast<std::uintptr_t>(reactor_);
    return at >= own && at < own + sizeof(Reactor);
}

bool TurnOrder::flows(const epoll_event& event) {
    auto& queues = state_of(event)->*revealed(OperationQueues{});
    const auto* waiting = queues[Reactor::read_op].front();
    return waiting != nullptr && ReadOp::flows(*waiting);
}

epoll_event* TurnOrder::find_held(const void* tag) {
    const auto end = held_.begin() + count_;
    return std::find_if(held_.begin(), end,
                        [tag](const epoll_event& held) { return held.data.ptr == tag; });
}

void TurnOrder::hold(const epoll_event& event) {
    auto* const same = find_held(event.data.ptr);
    if (same != held_.begin() + count_) {
        same->events = same->events | event.events;
    } else {
        held_[count_++] = event;
    }
}

// What was held of a descriptor, which is held no longer; no events if nothing was.
std::uint32_t TurnOrder::let_go(const void* tag) {
    auto* const held = find_held(tag);
    auto* const end = held_.begin() + count_;
    if (held == end) return 0;
    const std::uint32_t events = held->events;
    std::copy(held + 1, end, held);
    --count_;
    return events;
}

void TurnOrder::forget_closed() {
    if (order_here == nullptr) return;
    const std::span held(order_here->held_.data(), order_here->count_);
    const auto end = std::remove_if(held.begin(), held.end(), [](const epoll_event& event) {
        return state_of(event)->*revealed(DescriptorNumber{}) < 0;
    });
    order_here->count_ = static_cast<std::size_t>(end - held.begin());
}

}  // namespace understudy::net
