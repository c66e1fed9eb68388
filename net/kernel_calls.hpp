// The three system calls that every request and every event of a stream makes several times.
//
// In a process with several threads the C library makes each of its own recv, send and epoll_wait a
// point where pthread_cancel may end the thread, which costs more instructions than all else in
// them. Nobody cancels threads here. Errors are in errno, as always. Sanitizers know the library's
// functions only, so they get those.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(SYS_recvfrom) || \
    !defined(SYS_sendto)
#define UNDERSTUDY_OWN_CALLS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDERSTUDY_OWN_CALLS 0
#endif
#endif
#ifndef UNDERSTUDY_OWN_CALLS
#define UNDERSTUDY_OWN_CALLS 1
#endif

namespace understudy::net {

/// recv(2) without flags.
inline ssize_t receive(int descriptor, char* data, std::size_t size) noexcept {
#if UNDERSTUDY_OWN_CALLS
    return ::syscall(SYS_recvfrom, descriptor, data, size, 0, nullptr, nullptr);
#else
    return ::recv(descriptor, data, size, 0);
#endif
}

/// send(2) with MSG_NOSIGNAL.
inline ssize_t send_quietly(int descriptor, const void* data, std::size_t size) noexcept {
#if UNDERSTUDY_OWN_CALLS
    return ::syscall(SYS_sendto, descriptor, data, size, MSG_NOSIGNAL, nullptr, 0);
#else
    return ::send(descriptor, data, size, MSG_NOSIGNAL);
#endif
}

/// epoll_wait(2).
inline int poll_events(int epoll, epoll_event* events, int room, int timeout) noexcept {
#if UNDERSTUDY_OWN_CALLS && defined(SYS_epoll_wait)
    return static_cast<int>(::syscall(SYS_epoll_wait, epoll, events, room, timeout));
#elif UNDERSTUDY_OWN_CALLS
    return static_cast<int>(
        ::syscall(SYS_epoll_pwait, epoll, events, room, timeout, nullptr, std::size_t{0}));
#else
    return ::epoll_wait(epoll, events, room, timeout);
#endif
}

}  // namespace understudy::net
