// A place between Asio's reactor and epoll_wait. Asio has none; the file that compiles Asio makes
// it (cmake/third_party_impl.cpp).
#pragma once

#include <sys/epoll.h>

namespace understudy::net {

/// Room for events that Asio 1.81 passes to epoll_wait (another number is an error of compilation
/// there).
inline constexpr int kEventsPerTurn = 128;

/// Does what epoll_wait(2) does with kEventsPerTurn as its room, and may do more.
using EpollWait = int (*)(int epoll, epoll_event* events, int timeout) noexcept;

/// What Asio's reactors call on this thread in place of epoll_wait. Null: epoll_wait itself.
extern constinit thread_local EpollWait wait_instead;

}  // namespace understudy::net
