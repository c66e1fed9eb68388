// The one place where the header-only network libraries are compiled (see
// cmake/dependencies.cmake).
#ifdef UNDERSTUDY_PLAIN_ASIO

#include <boost/asio/impl/src.hpp>

#else

#include "net/asio/epoll_hook.hpp"

namespace understudy::net {

constinit thread_local EpollWait wait_instead = nullptr;

namespace {
template <int room>
int wait_for_events(int epoll, epoll_event (&events)[room], int, int timeout) {
    static_assert(room == kEventsPerTurn);
    if (wait_instead != nullptr) return wait_instead(epoll, events, timeout);
    return ::epoll_wait(epoll, events, room, timeout);
}
}  // namespace

}  // namespace understudy::net

#define epoll_wait ::understudy::net::wait_for_events
#include <boost/asio/impl/src.hpp>
#undef epoll_wait

#endif

#include <boost/beast/src.hpp>
