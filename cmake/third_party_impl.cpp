// The one place where the header-only network libraries are compiled (see
// cmake/dependencies.cmake).
#include "upstreams/epoll_hook.hpp"

namespace understudy::upstreams {

constinit thread_local EpollWait wait_instead = nullptr;

namespace {
template <int room>
int wait_for_events(int epoll, epoll_event (&events)[room], int, int timeout) {
    static_assert(room == kEventsPerTurn);
    if (wait_instead != nullptr) return wait_instead(epoll, events, timeout);
    return ::epoll_wait(epoll, events, room, timeout);
}
}  // namespace

}  // namespace understudy::upstreams

#define epoll_wait ::understudy::upstreams::wait_for_events
#include <boost/asio/impl/src.hpp>
#undef epoll_wait

#include <boost/beast/src.hpp>
