// Connections to the upstreams of a World.
#include "upstreams/dial.hpp"

#include "tests/unit/by_hand/world.hpp"

#include <memory>
#include <utility>

namespace understudy::upstreams {

namespace {

/// Whoever waits for a connection; may be dropped before it stands.
struct Knock {
    explicit Knock(net::Signal& s) : signal(&s) {}
    net::Signal* signal;
    bool heard = false;
};

class Leaver {
  public:
    explicit Leaver(std::shared_ptr<Knock> knock) : knock_(std::move(knock)) {}
    ~Leaver() { knock_->signal = nullptr; }
    Leaver(const Leaver&) = delete;
    Leaver& operator=(const Leaver&) = delete;

  private:
    std::shared_ptr<Knock> knock_;
};

}  // namespace

net::Task<Dialled> dial(Peer& peer, net::Watch& watch) {
    auto& world = test::World::here();
    auto& upstream = world.upstream(peer.next_hop());
    ++upstream.dialled;
    auto script = upstream.next_script();
    const bool refused = script.refused;
    Dialled result;
    {
        const auto knock = std::make_shared<Knock>(watch.signal());
        const Leaver leaver(knock);
        world.after(script.connect, [knock] {
            knock->heard = true;
            if (knock->signal != nullptr) knock->signal->notify();
        });
        while (!knock->heard && !watch.stopped()) co_await watch.signal().wait();
        if (!knock->heard || refused) {
            result.error = "connect " + peer.next_hop() +
                           (knock->heard ? ": connection refused" : ": no answer");
            co_return result;
        }
    }
    auto far = upstream.connection(std::move(script));
    result.stream = new net::Stream(world.socket(std::move(far)), peer.context().budget);
    world.far_end(*result.stream);  // joined
    result.stream->set_listener(&watch);
    co_return result;
}

}  // namespace understudy::upstreams
