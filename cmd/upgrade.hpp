// An upgrade without a dropped request: the program that stands at our path now is started with our
// listening sockets; when it serves, this process lets its requests finish and ends. Main thread.
#pragma once

#include "proxy/inherited.hpp"

#include <sys/types.h>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace understudy::cmd {

class Upgrade {
  public:
    /// Remembers where the program is and how it was called. Early: the file may be replaced later.
    Upgrade();
    ~Upgrade();
    Upgrade(const Upgrade&) = delete;
    Upgrade& operator=(const Upgrade&) = delete;

    /// Starts the program with these listening sockets. Returns why that is not possible; empty: it
    /// is on its way.
    std::string begin(const std::vector<proxy::ListeningSocket>& listeners);
    bool under_way() const { return child_ != 0; }

    enum class State { waiting, serving, failed };
    /// How far the one that was begun has come. After failed it can be begun anew.
    State look();
    pid_t child() const { return child_; }
    /// This process is to end, and nothing is to go on in its place: the new one ends too, at once,
    /// or if it serves already with what it has under way.
    void call_off();

    /// The new process serves from now on: tells the one that started it, and systemd. Without
    /// either it does nothing.
    static void tell_ready();

  private:
    void give_up();

    std::string program_;
    std::vector<std::string> arguments_;
    pid_t child_ = 0;
    int ready_ = -1;  // our end of the pipe
    std::chrono::steady_clock::time_point until_{};
};

}  // namespace understudy::cmd
