// The way to the few private members of Asio's reactor and sockets that this room needs. An
// explicit instantiation may name private members (C++20 [temp.spec.general] 6), and hands them out
// through a friend:
//
//     struct FreeList { friend constexpr auto revealed(FreeList); };
//     template struct Reveal<FreeList, &Pool::free_list_>;
//     ... pool.*revealed(FreeList{}) ...
//
// Members that another Boost does not have are errors of compilation. Looked at: Boost 1.81; with
// 1.85 and 1.88 it compiles (./dev boost).
#pragma once

#include "net/socket.hpp"

#include <boost/asio/detail/epoll_reactor.hpp>

namespace understudy::net {

using Reactor = boost::asio::detail::epoll_reactor;

template <class Tag, auto member>
struct Reveal {
    friend constexpr auto revealed(Tag) { return member; }
};

/// What Asio knows of a socket: its registration with the reactor, its state. A protected member.
struct SocketInternals : boost::asio::basic_socket<boost::asio::ip::tcp, Executor> {
    static auto& of(Socket& socket) {
        boost::asio::basic_socket<boost::asio::ip::tcp, Executor>& base = socket;
        return (base.*(&SocketInternals::impl_)).get_implementation();
    }
};

}  // namespace understudy::net
