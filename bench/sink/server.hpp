// The sink's one thread: an epoll loop, a heap of "this stream's next event is due then", and a
// table of connections by descriptor.
#pragma once

#include "common/sockets.hpp"
#include "sink/connection.hpp"

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace understudy::bench {

struct SinkOptions {
    std::vector<Address> plain, tls, fail;
    std::string certificate, key;  // PEM, for `tls`
};

class Server final : public Shared {
  public:
    explicit Server(const SinkOptions& options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[noreturn]] void run();
    void wake_at(std::uint64_t ns, int fd) override;

  private:
    enum class Kind : std::uint8_t { plain, tls, fail };
    struct Slot {
        std::unique_ptr<Connection> connection;
        std::uint32_t generation = 0;  // tells a turn of an earlier owner of the descriptor
        bool watching_write = false;
    };
    struct Turn {
        std::uint64_t at;
        int fd;
        std::uint32_t generation;
        bool operator>(const Turn& other) const { return at > other.at; }
    };

    void listen_on(const Address& address, Kind kind);
    void load_certificate(const SinkOptions& options);
    void accept_all(int listener, Kind kind);
    void serve(int fd, std::uint32_t ready);
    void settle(int fd, bool alive);
    void run_turns();
    void wait();

    int epoll_ = -1;
    SSL_CTX* tls_ = nullptr;
    std::vector<std::pair<int, Kind>> listeners_;
    std::vector<Slot> slots_;
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns_;
};

}  // namespace understudy::bench
