#include "cmd/upgrade.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

extern char** environ;

namespace understudy::cmd {

namespace {

// A new program that has not opened its doors by then is not going to.
constexpr std::chrono::seconds kPatience{30};

std::string path_of_self() {
    std::array<char, PATH_MAX> path{};
    const auto size = ::readlink("/proc/self/exe", path.data(), path.size());
    return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> arguments_of_self() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at < all.size();) {
        arguments.emplace_back(all.c_str() + at);
        at += arguments.back().size() + 1;
    }
    return arguments;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> environment_with(const std::vector<proxy::ListeningSocket>& listeners,
                                          int ready) {
    std::vector<std::string> out;
    for (char** variable = environ; *variable != nullptr; ++variable) out.emplace_back(*variable);
    out.push_back(std::string(proxy::kListenersVariable) + '=' + proxy::handed_over(listeners));
    out.push_back(std::string(proxy::kReadyVariable) + '=' + std::to_string(ready));
    return out;
}

// What the child starts with: our sockets open, no signal blocked, none ignored.
class SpawnSettings {
  public:
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        ::posix_spawnattr_setsigdefault(&attributes, &pipe);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    // Onto itself: that clears close-on-exec, in the child alone (POSIX.1-2024, glibc 2.29).
    void keep_open(int descriptor) {
        ::posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor);
    }
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

// sd_notify(3), without its library: one datagram.
void tell_systemd(const std::string& state) {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    if (path == nullptr || std::strlen(path) >= sizeof to.sun_path || path[0] == '\0') return;
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path, std::strlen(path));
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // an abstract name
    const int out = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (out < 0) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    // Who does not listen is not to be waited for.
    static_cast<void>(::sendto(out, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&to), size));
    ::close(out);
}

}  // namespace

Upgrade::Upgrade() : program_(path_of_self()), arguments_(arguments_of_self()) {}

Upgrade::~Upgrade() {
    if (ready_ >= 0) ::close(ready_);
}

std::string Upgrade::begin(const std::vector<proxy::ListeningSocket>& listeners) {
    if (under_way()) return "another upgrade is under way";
    if (::getpid() == 1) {
        return "this is the first process of its container, which would end with it; replace the "
               "container instead";
    }
    if (program_.empty() || arguments_.empty()) return "/proc is not there to say what to start";
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::strerror(errno);
    auto environment = environment_with(listeners, pipe[1]);
    SpawnSettings settings;
    for (const auto& listener : listeners) settings.keep_open(listener.descriptor);
    settings.keep_open(pipe[1]);
    auto arguments = arguments_;
    const int error =
        ::posix_spawn(&child_, program_.c_str(), &settings.actions, &settings.attributes,
                      pointers(arguments).data(), pointers(environment).data());
    ::close(pipe[1]);
    if (error != 0) {
        child_ = 0;
        ::close(pipe[0]);
        return program_ + ": " + std::strerror(error);
    }
    ready_ = pipe[0];
    until_ = std::chrono::steady_clock::now() + kPatience;
    return {};
}

Upgrade::State Upgrade::look() {
    char byte = 0;
    const auto got = ::read(ready_, &byte, 1);
    if (got == 1) return State::serving;
    const bool closed = got == 0;  // it has ended, or will never say anything
    if (!closed && std::chrono::steady_clock::now() < until_) return State::waiting;
    give_up();
    return State::failed;
}

void Upgrade::call_off() {
    if (!under_way()) return;
    const auto state = look();
    if (state == State::waiting) give_up();
    if (state == State::serving) ::kill(child_, SIGTERM);
}

void Upgrade::give_up() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::close(ready_);
    ready_ = -1;
    child_ = 0;
}

void Upgrade::tell_ready() {
    if (const char* const text = std::getenv(proxy::kReadyVariable)) {
        const int out = std::atoi(text);
        if (out > 0) {
            static_cast<void>(::write(out, "1", 1) == 1);
            ::close(out);
        }
        ::unsetenv(proxy::kReadyVariable);
    }
    tell_systemd("READY=1\nMAINPID=" + std::to_string(::getpid()));
}

}  // namespace understudy::cmd
