// Listening sockets that another process opened and left to this one: the program that ran before
// it (an upgrade), or systemd. Taken over they keep their queue, so that no connection that a
// client has made is lost. Used by the main thread while it starts.
#pragma once

#include "config/config.hpp"

#include <sys/types.h>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::proxy {

/// Of the environment of a program that takes over: the sockets, "7,8,9=admin" ...
inline constexpr const char* kListenersVariable = "UNDERSTUDY_LISTENERS";
/// ... and the pipe on which it says that it serves.
inline constexpr const char* kReadyVariable = "UNDERSTUDY_READY";

/// A listening socket, and whom it is for. What systemd opens may be for anybody.
struct ListeningSocket {
    enum class Door : std::uint8_t { any, clients, admin };
    int descriptor = -1;
    Door door = Door::any;
};

/// The value of kListenersVariable for these.
std::string handed_over(const std::vector<ListeningSocket>& sockets);

class InheritedListeners {
  public:
    using Door = ListeningSocket::Door;
    struct Wanted {
        config::Endpoint endpoint;
        Door door = Door::clients;
    };

    InheritedListeners() = default;
    /// Closes what nobody has taken: addresses that are configured no more.
    ~InheritedListeners();
    InheritedListeners(InheritedListeners&& other) noexcept
        : sockets_(std::exchange(other.sockets_, {})), predecessor_(other.predecessor_) {}
    InheritedListeners& operator=(InheritedListeners&&) = delete;

    /// What the environment names: kListenersVariable, else systemd's LISTEN_FDS where LISTEN_PID
    /// is this process. The variables are taken out of it. What is no listening TCP socket is left
    /// alone.
    static InheritedListeners from_environment();

    /// Those bound to each of these addresses, in their order. A configured port 0 takes one port
    /// of those that no other address names and that were open to the same side. They are the
    /// caller's from now on.
    std::vector<std::vector<int>> take(std::span<const Wanted> wanted);
    bool empty() const { return sockets_.empty(); }
    /// The process that this one takes over from, which is its parent as long as it lives; 0: there
    /// is none.
    pid_t predecessor() const { return predecessor_; }

  private:
    void add(std::string_view number, Door door);
    std::vector<int> take(const Wanted& wanted);
    std::vector<ListeningSocket> sockets_;
    pid_t predecessor_ = 0;
};

}  // namespace understudy::proxy
