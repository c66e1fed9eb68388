// The proxy of a World: a worker that nobody runs, clients of its sessions, and the books as they
// are written.
#pragma once

#include "tests/unit/by_hand/world.hpp"

#include "ledger/store.hpp"
#include "metrics/series.hpp"
#include "proxy/worker.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::test {

// ----------------------------------------------------------------------- what upstreams may say

Step says(milliseconds after, std::string bytes);
Step ends(milliseconds after);
Step breaks(milliseconds after);
/// One whole answer, after so long.
Script answers(milliseconds after, std::string_view text);
Script refuses(milliseconds after, unsigned status, std::string_view fields = {});
/// The head of a stream of a chat, and pieces of it as they go over the wire.
std::string stream_head();
std::string piece(std::string_view text);
std::string stream_end();
/// A stream whose head comes after so long, and each piece so long after the one before it.
Script streams(milliseconds head, milliseconds between, const std::vector<std::string>& pieces);
/// The same up to where it breaks, instead of its end.
Script breaks_off(milliseconds head, milliseconds between, const std::vector<std::string>& pieces);

// ---------------------------------------------------------------------------------------- books

struct BookedAttempt {
    std::string upstream, reason, cause;
    milliseconds took{0};
    std::uint32_t status = 0, deliveries = 0;
    bool hedge = false, hedge_won = false, overtaken = false;
    std::uint64_t request = 0;
    std::uint64_t tokens = 0;  // guesses included
};
struct BookedRequest {
    std::string outcome, code, served_by;
    milliseconds took{0};
    std::uint32_t status = 0, attempts = 0;
    std::uint64_t no = 0;
    std::uint64_t tokens = 0;
    bool broken = false;
};
struct Books {
    std::vector<BookedAttempt> attempts;
    std::vector<BookedRequest> requests;
};

// --------------------------------------------------------------------------------------- proxy

class Proxy;

/// One client on a connection of its own.
class Client {
  public:
    explicit Client(std::shared_ptr<FarEnd> far) : far_(std::move(far)) {}
    void leaves() { far_->end(); }
    /// More behind its request; and its connection is reset.
    void sends(std::string_view more) { far_->say(more); }
    void breaks_off() { far_->break_off(); }
    /// The whole message is here, or the connection is closed.
    bool answered() const;
    bool closed() const { return far_->closed; }
    unsigned status() const;
    std::string head() const;
    std::string header(std::string_view name) const;
    /// Without its framing.
    std::string body() const;
    /// It has come to its end as its framing has it.
    bool whole() const;
    /// The text of a chat's answer, stream or not.
    std::string text() const;
    /// All that has come, as it came.
    const std::string& raw() const { return far_->heard; }

  private:
    std::shared_ptr<FarEnd> far_;
};

class Proxy {
  public:
    /// `seed`: of the chances that the worker takes.
    explicit Proxy(std::string_view yaml, std::uint64_t seed = 1);
    /// Everybody leaves, and what is left to happen happens.
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    Upstream& upstream(std::string_view name) {
        return world.upstream(std::string(name) + ".test");
    }
    /// Another configuration takes the place of the one in use, which is returned.
    std::weak_ptr<const proxy::LoadedConfig> reload(std::string_view yaml);
    Client ask(bool stream, std::string_view headers = {});
    /// What was booked until now; of requests that are over.
    Books books();
    /// Requests, attempts and connections that are under way.
    std::size_t inflight() const { return shared.inflight.load(); }
    std::int64_t active() { return registry.shard(0).worker().upstream_active.value(); }
    std::string metrics() const;

    World world;  // goes last
    metrics::Registry registry;
    proxy::Shared shared;

  private:
    void load(std::string_view yaml);

    struct Written;
    std::shared_ptr<Written> written_;
    std::optional<proxy::Worker> worker_;
    std::weak_ptr<const proxy::LoadedConfig> loaded_;
    std::vector<std::shared_ptr<FarEnd>> clients_;
};

}  // namespace understudy::test
