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
           std::shared_ptr<const net::TlsContext> tls, std::uint32_t max_connections)
    : context_(context),
      host_(upstream.base_url.host),
      port_(upstream.base_url.port),
      proxy_(upstream.proxy),
      tls_name_(upstream.tls.sni.empty() ? upstream.base_url.host : upstream.tls.sni),
      tls_(std::move(tls)),
      tls_sessions_(tls_ ? std::make_shared<net::TlsSessionCache>() : nullptr),
      max_connections_(max_connections),
      wake_(
          context.timers, [](void* self) { static_cast<Peer*>(self)->deliver_wake(); }, this),
      eviction_(
          context.timers, [](void* self) { static_cast<Peer*>(self)->evict(); }, this) {}

Peer::~Peer() {
    close_idle();
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

void Peer::update(std::uint32_t max_connections, std::shared_ptr<const net::TlsContext> tls) {
    if (tls_) {
        close_idle();
        tls_ = std::move(tls);
        tls_sessions_ = std::make_shared<net::TlsSessionCache>();
    }
    max_connections_ = max_connections;
    for (auto left = waiters_.size(); left > 0; --left) wake_one();
}

net::Stream::Ptr Peer::take_idle() {
    if (idle_.empty() || (promised_ != 0 && !unpromised())) return nullptr;
    auto stream = std::move(idle_.back().stream);
    idle_.pop_back();
    stream->set_listener(nullptr);
    context_.series.upstream_idle.add(-1);
    context_.series.upstream_active.add(1);
    ++active_;
    return stream;
}

bool Peer::reserve() {
    if (active_ + idle_.size() >= max_connections_ || !unpromised()) return false;
    ++active_;
    context_.series.upstream_active.add(1);
    return true;
}

void Peer::unreserve() {
    --active_;
    context_.series.upstream_active.add(-1);
    wake_one();
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
    idle_.push_back({std::move(stream), net::coarse_now()});
    context_.series.upstream_idle.add(1);
    --active_;
    context_.series.upstream_active.add(-1);
    schedule_eviction();
    wake_one();
}

void Peer::discard(net::Stream::Ptr stream) {
    stream->close();
    unreserve();
}

void Peer::close_idle() {
    for (auto& idle : idle_) idle.stream->close();
    context_.series.upstream_idle.add(-static_cast<std::int64_t>(idle_.size()));
    idle_.clear();
}

void Peer::on_stream(net::Stream& stream) {
    // Closed by the server, or bytes nobody asked for: either way not to be used again.
    const auto it = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const Idle& i) { return i.stream.get() == &stream; });
    if (it == idle_.end()) return;
    it->stream->close();
    idle_.erase(it);
    context_.series.upstream_idle.add(-1);
    wake_one();
}

void Peer::evict() {
    const auto now = net::Clock::now();
    while (!idle_.empty()) {
        const auto limit = idle_.size() > kWarm ? kSurplusFor : kWarmFor;
        if (now - idle_.front().since < limit) break;
        idle_.front().stream->close();
        idle_.pop_front();
        context_.series.upstream_idle.add(-1);
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

void Peer::wake_one() {
    if (waiters_.size() <= promised_) return;
    ++promised_;
    wake_.set(net::TimePoint{});  // the loop's next turn
}

// One per turn: what is woken may end this peer.
void Peer::deliver_wake() {
    if (--promised_ > 0) wake_.set(net::TimePoint{});
    if (waiters_.empty()) return;
    net::Signal* next = waiters_.front();
    waiters_.pop_front();
    next->notify();
}

}  // namespace understudy::upstreams
