// The daemon as an object: listeners, workers, reload and drain. `serve` and `demo` are both thin
// users of it.
#pragma once

#include "config/config.hpp"
#include "proxy/inherited.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace understudy::metrics {
class Registry;
}

namespace understudy::proxy {

/// Cannot bind, and why; `serve` exits with 3.
struct BindError {
    std::string endpoint;
    std::string message;
    int code = 0;  // errno, 0 where it is none
};

/// One running daemon. Thread-safe from outside; owns its worker threads.
class Server {
  public:
    /// `config` must be validated. Nothing is opened yet.
    explicit Server(std::shared_ptr<const config::Config> config);
    ~Server();  // stop()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Opens all listeners, those of `inherited` where it has them, and starts the workers. Throws
    /// BindError.
    void start(InheritedListeners inherited = {});
    /// The listening sockets, for a process that takes over. They stay this server's.
    const std::vector<ListeningSocket>& listening_sockets() const;
    /// How many workers there are (`workers: auto` resolved).
    std::size_t workers() const;
    /// Addresses really bound (port 0 resolved): clients' first, then admin.
    std::vector<config::Endpoint> listening() const;
    std::vector<config::Endpoint> admin_listening() const;

    /// Requests that start after this use `config`. Listeners and the number of workers do not
    /// change at run time: the returned list names settings that need a restart ("listen", "admin",
    /// "workers").
    std::vector<std::string> reload(std::shared_ptr<const config::Config> config);
    /// A reload that failed is counted, so that an alert can see it.
    void count_failed_reload();

    /// Call it every second. Every few of them it gives memory that a past load has left unused
    /// back to the system, if no request runs or most connections have gone.
    /// True: most of a load has gone.
    bool release_memory();

    /// Another process serves the listening sockets now: none of ours is accepted from any more,
    /// running requests may finish, and so may one more on each connection, which ends with it.
    /// Then drain().
    void hand_over();
    /// From now on /readyz answers 503, new requests are refused, idle connections close, and
    /// running requests may finish.
    void start_drain();
    /// After start_drain(): returns when everything has finished or `limit` has passed (then what
    /// is left is cut); true = nothing was cut.
    bool drain(std::chrono::milliseconds limit);
    /// Ends everything at once. Idempotent.
    void stop();

    metrics::Registry& metrics();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace understudy::proxy
