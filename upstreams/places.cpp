#include "upstreams/places.hpp"

#include "upstreams/peer.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace understudy::upstreams {

bool Places::take() {
    auto taken = taken_.load();
    while (taken < limit()) {
        if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
    }
    return false;
}

// Whoever joins the line announces itself and then looks for a place; whoever gives one back does
// so and then looks for the line. In one order for all threads, so that one of them sees the other.
void Places::give_back(std::size_t count) {
    taken_.fetch_sub(count);
    if (waiting_.load() == 0) return;
    const std::lock_guard lock(mutex_);
    serve();
}

void Places::set_limit(std::uint32_t limit) {
    limit_.store(limit);
    const std::lock_guard lock(mutex_);
    serve();
    for (const auto& desk : desks_) call(*desk);
}

// Under the lock.
void Places::serve() {
    while (!line_.empty() && take()) {
        auto& waiter = line_.front();
        line_.pop_front();
        waiting_.fetch_sub(1);
        waiter.at_ = Waiter::At::desk;
        waiter.desk_.served.push_back(waiter);
        call(waiter.desk_);
    }
}

// Under the lock: a desk that is not open has no waiters.
void Places::call(Desk& desk) {
    if (desk.called) return;
    const auto it = std::find_if(desks_.begin(), desks_.end(),
                                 [&](const auto& open) { return open.get() == &desk; });
    if (it == desks_.end()) return;
    desk.called = true;
    boost::asio::post(desk.io, [places = shared_from_this(), desk = *it] { places->attend(desk); });
}

// On the desk's thread. One waiter in a turn of the loop: what is woken may end the pool.
void Places::attend(const std::shared_ptr<Desk>& desk) {
    Waiter* waiter = nullptr;
    {
        const std::lock_guard lock(mutex_);
        desk->called = false;
        if (!desk->served.empty()) {
            waiter = &desk->served.front();
            desk->served.pop_front();
            waiter->at_ = Waiter::At::nowhere;
            if (!desk->served.empty()) call(*desk);
        }
    }
    if (desk->peer != nullptr) desk->peer->give_way();
    if (waiter != nullptr) waiter->served();
}

std::shared_ptr<Places::Desk> Places::open_desk(boost::asio::io_context& io, Peer& peer) {
    auto desk = std::make_shared<Desk>(io, peer);
    const std::lock_guard lock(mutex_);
    desks_.push_back(desk);
    return desk;
}

void Places::close_desk(Desk& desk) {
    const std::lock_guard lock(mutex_);
    desk.peer = nullptr;
    std::erase_if(desks_, [&](const auto& open) { return open.get() == &desk; });
}

void Places::join(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    waiter.at_ = Waiter::At::line;
    line_.push_back(waiter);
    waiting_.fetch_add(1);
    serve();
    if (line_.empty()) return;
    for (const auto& desk : desks_) {
        if (desk.get() != &waiter.desk_) call(*desk);
    }
}

bool Places::leave(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    const auto at = std::exchange(waiter.at_, Waiter::At::nowhere);
    if (at == Waiter::At::line) {
        line_.erase(line_.iterator_to(waiter));
        waiting_.fetch_sub(1);
    } else if (at == Waiter::At::desk) {
        waiter.desk_.served.erase(waiter.desk_.served.iterator_to(waiter));
    }
    return at == Waiter::At::desk;
}

Places::Waiter* Places::serve_own(Desk& desk) {
    const std::lock_guard lock(mutex_);
    if (line_.empty() || &line_.front().desk_ != &desk) return nullptr;
    auto& waiter = line_.front();
    line_.pop_front();
    waiting_.fetch_sub(1);
    waiter.at_ = Waiter::At::desk;
    desk.served.push_back(waiter);
    call(desk);
    return &waiter;
}

}  // namespace understudy::upstreams
