#include "upstreams/peer.hpp"

#include <algorithm>

namespace understudy::upstreams {

namespace {
// A few warm connections are kept about as long as servers keep theirs (most close after 60 s); a
// burst's surplus goes quickly, so that memory returns when the load has gone.
constexpr std::size_t kWarm = 8;
constexpr std::chrono::seconds kWarmFor{50};
constexpr std::chrono::seconds kSurplusFor{10};
}  // namespace

Peer::Peer(WorkerContext& context, const config::Upstream& upstream,
           std::shared_ptr<const net::TlsContext> tls, std::shared_ptr<Places> places)
    : context_(context),
      host_(upstream.base_url.host),
      port_(upstream.base_url.port),
      proxy_(upstream.proxy),
      tls_name_(upstream.tls.sni.empty() ? upstream.base_url.host : upstream.tls.sni),
      tls_(std::move(tls)),
      tls_sessions_(tls_ ? std::make_shared<net::TlsSessionCache>() : nullptr),
      places_(std::move(places)),
      desk_(places_->open_desk(context.io, *this)),
      eviction_(
          context.timers, [](void* self) { static_cast<Peer*>(self)->evict(); }, this) {}

Peer::~Peer() {
    close_idle();
    places_->close_desk(*desk_);
}

std::shared_ptr<std::size_t> Peer::load_of(std::string_view upstream, std::string_view model) {
    std::erase_if(loads_, [](const auto& load) { return load.second.expired(); });
    auto& slot = loads_[std::string(upstream).append(1, '\n').append(model)];
    auto load = slot.lock();
    if (!load) slot = load = std::make_shared<std::size_t>(0);
    return load;
}

std::string Peer::key_of(const config::Upstream& u) {
    std::string proxy;
    if (u.proxy) {
        proxy = u.proxy->text();
        if (u.proxy->authorization) proxy += '|' + u.proxy->authorization->reveal();
    }
    return (u.base_url.tls ? "https|" : "http|") + u.base_url.host + '|' +
           std::to_string(u.base_url.port) + '|' + u.tls.sni + '|' + u.tls.ca + '|' +
           (u.tls.verify ? '1' : '0') + '|' + proxy;
}

void Peer::update(std::shared_ptr<const net::TlsContext> tls) {
    if (!tls_) return;
    close_idle();
    tls_ = std::move(tls);
    tls_sessions_ = std::make_shared<net::TlsSessionCache>();
}

void Peer::now_active(std::ptrdiff_t more) {
    active_ += static_cast<std::size_t>(more);
    context_.series.upstream_active.add(more);
}

net::Stream::Ptr Peer::take_idle() {
    if (idle_.empty()) return nullptr;
    auto stream = std::move(idle_.back().stream);
    idle_.pop_back();
    stream->set_listener(nullptr);
    context_.series.upstream_idle.add(-1);
    now_active(1);
    return stream;
}

bool Peer::reserve() {
    if (!places_->claim()) return false;
    now_active(1);
    return true;
}

void Peer::unreserve() {
    now_active(-1);
    places_->give_back();
}

void Peer::release(net::Stream::Ptr stream) {
    if (!stream->in.empty() || stream->read_error() || !stream->is_open()) {
        discard(std::move(stream));
        return;
    }
    // Room for one more read behind a first one is what an answer in two pieces takes.
    stream->in.shrink(2 * net::kReadBuffer);
    if (!stream->in.ensure_free(net::kReadBuffer / 2)) {
        discard(std::move(stream));
        return;
    }
    stream->set_listener(this);
    stream->arm_read();
    if (!stream->in.empty() || stream->read_error()) {  // decrypted leftovers
        discard(std::move(stream));
        return;
    }
    if (places_->overfull()) {  // a reload has lowered the bound
        discard(std::move(stream));
        return;
    }
    if (places_->awaited()) {
        hand_over(std::move(stream));
        return;
    }
    idle_.push_back({std::move(stream), net::coarse_now()});
    context_.series.upstream_idle.add(1);
    now_active(-1);
    schedule_eviction();
}

// To who waits at this worker, if it is first in line; else its place goes to who is.
void Peer::hand_over(net::Stream::Ptr stream) {
    stream->set_listener(nullptr);
    auto* const next = static_cast<Turn*>(places_->serve_own(*desk_));
    if (next != nullptr) {
        next->stream_ = std::move(stream);
    } else {
        discard(std::move(stream));
    }
}

void Peer::discard(net::Stream::Ptr stream) {
    stream->close();
    unreserve();
}

void Peer::close_idle() {
    const auto count = idle_.size();
    for (auto& idle : idle_) idle.stream->close();
    context_.series.upstream_idle.add(-static_cast<std::int64_t>(count));
    idle_.clear();
    if (count > 0) places_->give_back(count);
}

void Peer::close_longest_idle() {
    idle_.front().stream->close();
    idle_.pop_front();
    context_.series.upstream_idle.add(-1);
    places_->give_back();
}

void Peer::give_way() {
    while (!idle_.empty() && (places_->awaited() || places_->overfull())) close_longest_idle();
}

void Peer::on_stream(net::Stream& stream) {
    // Closed by the server, or bytes nobody asked for: either way not to be used again.
    const auto it = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const Idle& i) { return i.stream.get() == &stream; });
    if (it == idle_.end()) return;
    it->stream->close();
    idle_.erase(it);
    context_.series.upstream_idle.add(-1);
    places_->give_back();
}

void Peer::evict() {
    const auto now = net::Clock::now();
    while (!idle_.empty()) {
        const auto limit = idle_.size() > kWarm ? kSurplusFor : kWarmFor;
        if (now - idle_.front().since < limit) break;
        close_longest_idle();
    }
    schedule_eviction();
}

void Peer::schedule_eviction() {
    if (idle_.empty()) return;
    const auto limit = idle_.size() > kWarm ? kSurplusFor : kWarmFor;
    const auto at = idle_.front().since + limit;
    if (eviction_.deadline() == net::TimePoint::max() || at < eviction_.deadline() ||
        eviction_.expired()) {
        eviction_.set(at);
    }
}

Peer::Turn::Turn(Peer& peer, net::Signal& waiter)
    : Waiter(*peer.desk_), peer_(peer), signal_(waiter) {
    peer_.places_->join(*this);
}

Peer::Turn::~Turn() {
    const bool granted = peer_.places_->leave(*this);
    if (stream_) {
        peer_.release(std::move(stream_));
    } else if (ready_) {
        peer_.unreserve();
    } else if (granted) {
        peer_.places_->give_back();
    }
}

void Peer::Turn::served() {
    if (!stream_) peer_.now_active(1);
    ready_ = true;
    signal_.notify();
}

net::Stream::Ptr Peer::Turn::take() {
    ready_ = false;
    auto stream = std::move(stream_);
    // The server may have closed it meanwhile; then its place is what was given.
    if (stream && (!stream->in.empty() || stream->read_error())) {
        stream->close();
        stream = nullptr;
    }
    return stream;
}

}  // namespace understudy::upstreams
