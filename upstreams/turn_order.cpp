#include "upstreams/turn_order.hpp"

#include "upstreams/asio_internals.hpp"
#include "upstreams/read_op.hpp"

#include <cstdint>
#include <span>

namespace understudy::upstreams {

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
}

int TurnOrder::wait_here(int epoll, epoll_event* events, int timeout) noexcept {
    return order_here->wait(epoll, events, timeout);
}

int TurnOrder::wait(int epoll, epoll_event* events, int timeout) noexcept {
    const int n = ::epoll_wait(epoll, events, kFresh, count_ > 0 ? 0 : timeout);
    if (count_ == 0 && n <= 1) return n;
    std::size_t served = 0;
    for (const auto& event : std::span(events, static_cast<std::size_t>(std::max(n, 0)))) {
        if (flows(event)) {
            hold(event);
        } else {
            events[served++] = event;
        }
    }
    const auto flowing = share(served, count_);
    std::copy_n(held_.begin(), flowing, events + served);
    std::copy(held_.begin() + flowing, held_.begin() + count_, held_.begin());
    count_ -= flowing;
    return static_cast<int>(served + flowing);
}

// Whether the event is one of a stream that flows. Asio's own events (its timer, a wake-up from
// another thread) point into the reactor, all others to the state of a descriptor.
bool TurnOrder::flows(const epoll_event& event) const {
    const auto at = reinterpret_cast<std::uintptr_t>(event.data.ptr);
    const auto own = reinterpret_cast<std::uintptr_t>(reactor_);
    if (at >= own && at < own + sizeof(Reactor)) return false;
    auto& queues = state_of(event)->*revealed(OperationQueues{});
    const auto* waiting = queues[Reactor::read_op].front();
    return waiting != nullptr && ReadOp::flows(*waiting);
}

void TurnOrder::hold(const epoll_event& event) {
    const std::span held(held_.data(), count_);
    const auto same = std::find_if(held.begin(), held.end(), [&](const epoll_event& earlier) {
        return earlier.data.ptr == event.data.ptr;
    });
    if (same != held.end()) {
        same->events = same->events | event.events;
    } else {
        held_[count_++] = event;
    }
}

void TurnOrder::forget_closed() {
    if (order_here == nullptr) return;
    const std::span held(order_here->held_.data(), order_here->count_);
    const auto end = std::remove_if(held.begin(), held.end(), [](const epoll_event& event) {
        return state_of(event)->*revealed(DescriptorNumber{}) < 0;
    });
    order_here->count_ = static_cast<std::size_t>(end - held.begin());
}

}  // namespace understudy::upstreams
