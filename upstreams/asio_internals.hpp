// The way to the few private members of Asio's reactor that this room needs. An explicit
// instantiation may name private members (C++20 [temp.spec.general] 6), and hands them out through
// a friend:
//
//     struct EpollDescriptor { friend constexpr auto revealed(EpollDescriptor); };
//     template struct Reveal<EpollDescriptor, &epoll_reactor::epoll_fd_>;
//     ... reactor.*revealed(EpollDescriptor{}) ...
//
// Members that another Boost does not have are errors of compilation. Looked at: Boost 1.81.
#pragma once

#include <boost/asio/detail/epoll_reactor.hpp>

namespace understudy::upstreams {

using Reactor = boost::asio::detail::epoll_reactor;

template <class Tag, auto member>
struct Reveal {
    friend constexpr auto revealed(Tag) { return member; }
};

}  // namespace understudy::upstreams
