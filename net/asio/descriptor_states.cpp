#include "net/descriptor_states.hpp"

#include "net/asio/internals.hpp"
#include "net/asio/turn_order.hpp"

#include <boost/asio/post.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace understudy::net {

namespace {
using Access = boost::asio::detail::object_pool_access;
using State = std::remove_pointer_t<Reactor::per_descriptor_data>;
using Pool = boost::asio::detail::object_pool<State>;
}  // namespace

struct Descriptors {
    friend constexpr auto revealed(Descriptors);
};
struct FreeList {
    friend constexpr auto revealed(FreeList);
};
template struct Reveal<Descriptors, &Reactor::registered_descriptors_>;
template struct Reveal<FreeList, &Pool::free_list_>;

namespace {

struct DestroyAll {
    void operator()(State* state) const {
        while (state != nullptr) {
            State* next = Access::next(state);
            Access::destroy(state);
            state = next;
        }
    }
};

}  // namespace

void release_descriptor_states(boost::asio::io_context& io) {
    auto& pool = boost::asio::use_service<Reactor>(io).*revealed(Descriptors{});
    std::unique_ptr<State, DestroyAll> closed(std::exchange(pool.*revealed(FreeList{}), nullptr));
    if (!closed) return;
    // Events of a descriptor that was closed in the meantime may still be held back, or stand in
    // the queue, and point to its state. The queue is first in, first out: behind this they are
    // gone, and no new ones come for what the kernel has closed.
    TurnOrder::forget_closed();
    boost::asio::post(io, [closed = std::move(closed)]() mutable { closed.reset(); });
}

}  // namespace understudy::net
