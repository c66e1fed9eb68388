// The part of an attempt that gets it a connection and gives it back.
#include "upstreams/attempt.hpp"
#include "upstreams/dial.hpp"

namespace understudy::upstreams {

using wire::FailureClass;

namespace {

// A place taken at a peer, given back unless a connection came to stand in it.
class Place {
  public:
    explicit Place(Peer& peer) : peer_(&peer) {}
    ~Place() {
        if (peer_ != nullptr) peer_->unreserve();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    void keep() { peer_ = nullptr; }

  private:
    Peer* peer_;
};

}  // namespace

net::Task<bool> Attempt::wait_for_place() {
    auto& peer = *spec_.peer;
    if ((stream_ = peer.take_idle())) co_return true;
    Peer::Turn turn(peer, watch_.signal());
    while (!turn.ready()) {
        co_await watch_.signal().wait();
        if (watch_.stopped()) {
            // The request's own deadline is another matter.
            starved_ = !watch_.client_gone() && net::Clock::now() < spec_.deadline;
            co_return false;
        }
    }
    stream_ = turn.take();
    co_return true;
}

// A connection from the pool in stream_, or false.
bool Attempt::lease_pooled() {
    if (!stream_) stream_ = spec_.peer->take_idle();
    if (!stream_) return false;
    reused_ = true;
    stream_->set_listener(&watch_);
    return true;
}

// A new connection in stream_ (or one that was given back while waiting for a place), or false and
// the attempt has failed.
net::Task<bool> Attempt::lease() {
    auto& peer = *spec_.peer;
    set_deadline(phase(spec_.upstream->timeouts.connect));
    reused_ = false;
    const bool place = peer.reserve() || co_await wait_for_place();
    if (!place) {
        if (starved_) {
            fail(FailureClass::overloaded, "all " + std::to_string(peer.places()->limit()) +
                                               " connections are busy (max_connections)");
        } else {
            fail_by_watch("waiting for a connection");
        }
        co_return false;
    }
    if (stream_) co_return lease_pooled();
    Place taken(peer);
    auto dialled = co_await dial(peer, watch_);
    if (!dialled.stream) {
        if (watch_.stopped()) {
            fail_by_watch(dialled.error.c_str());
        } else {
            fail(dialled.shortage ? FailureClass::overloaded : FailureClass::connection,
                 std::move(dialled.error));
        }
        co_return false;
    }
    stream_ = std::move(dialled.stream);
    taken.keep();
    co_return true;
}

void Attempt::drop_connection() {
    if (stream_) spec_.peer->discard(std::exchange(stream_, nullptr));
}

void Attempt::return_connection() {
    if (!stream_) return;
    const bool usable = keep_alive_ && request_sent_ && reader_ && reader_->complete() &&
                        !reader_->surplus() && !stream_->read_error();
    if (!usable) {
        drop_connection();
        return;
    }
    stream_->in.clear();
    stream_->set_flowing(false);
    spec_.peer->release(std::exchange(stream_, nullptr));
}

}  // namespace understudy::upstreams
