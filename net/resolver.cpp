#include "net/resolver.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <netdb.h>
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

namespace understudy::net {

namespace {

// A name whose server is away holds its thread for up to half a minute; others must not wait.
constexpr int kMaxThreads = 16;

// The system's order, with families taking turns, so that one dead family costs one fallback step.
std::vector<boost::asio::ip::address> interleave(const addrinfo* found) {
    std::vector<boost::asio::ip::address> v4, v6, out;
    bool v6_first = found != nullptr && found->ai_family == AF_INET6;
    for (const auto* i = found; i != nullptr; i = i->ai_next) {
        if (i->ai_family == AF_INET) {
            const auto* a = reinterpret_cast<const sockaddr_in*>(i->ai_addr);
            v4.emplace_back(boost::asio::ip::address_v4(ntohl(a->sin_addr.s_addr)));
        } else if (i->ai_family == AF_INET6) {
            const auto* a = reinterpret_cast<const sockaddr_in6*>(i->ai_addr);
            boost::asio::ip::address_v6::bytes_type bytes;
            std::copy(std::begin(a->sin6_addr.s6_addr), std::end(a->sin6_addr.s6_addr),
                      bytes.begin());
            v6.emplace_back(boost::asio::ip::address_v6(bytes, a->sin6_scope_id));
        }
    }
    const auto& first = v6_first ? v6 : v4;
    const auto& second = v6_first ? v4 : v6;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) out.push_back(first[i]);
        if (i < second.size()) out.push_back(second[i]);
    }
    return out;
}

std::shared_ptr<const Addresses> resolve(const std::string& host) {
    auto answer = std::make_shared<Addresses>();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (code == EAI_NONAME || code == EAI_ADDRFAMILY || code == EAI_NODATA) {
        // A machine with loopback only has no "configured" family; ask again without the filter.
        hints.ai_flags = 0;
        code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    }
    if (code == 0) {
        answer->list = interleave(found);
        ::freeaddrinfo(found);
    }
    if (answer->list.empty()) {
        answer->error = code != 0 ? ::gai_strerror(code) : "no address";
    }
    answer->resolved_at = Clock::now();
    return answer;
}

}  // namespace

struct Resolver::Shared {
    std::mutex mutex;
    std::condition_variable ready;
    std::deque<std::string> queue;
    std::map<std::string, std::vector<Done>> waiting;  // by name, queued or under way
    std::weak_ptr<Shared> self;
    int threads = 0;
    int idle = 0;
    bool stopping = false;

    // Under the lock. A machine out of threads makes names wait, it does not lose them: the next
    // lookup tries again.
    void add_thread();
    static void run(const std::shared_ptr<Shared>& shared) {
        std::unique_lock lock(shared->mutex);
        for (;;) {
            ++shared->idle;
            shared->ready.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
            --shared->idle;
            if (shared->stopping) return;
            const std::string host = std::move(shared->queue.front());
            shared->queue.pop_front();
            lock.unlock();
            const auto answer = resolve(host);
            lock.lock();
            if (shared->stopping) return;
            // Under the lock: once stop() has returned, nobody is called any more.
            for (const auto& done : shared->waiting[host]) done(answer);
            shared->waiting.erase(host);
        }
    }
};

void Resolver::Shared::add_thread() {
    try {
        std::thread([self = self.lock()] { run(self); }).detach();
        ++threads;
    } catch (const std::system_error&) {
        if (threads > 0) return;
        auto failed = std::make_shared<Addresses>();
        failed->error = "no thread for the lookup";
        failed->resolved_at = Clock::now();
        for (const auto& host : std::exchange(queue, {})) {
            for (const auto& done : waiting[host]) done(failed);
            waiting.erase(host);
        }
    }
}

Resolver::Resolver() : shared_(std::make_shared<Shared>()) {
    shared_->self = shared_;
}

Resolver::~Resolver() {
    stop();
}

void Resolver::stop() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stopping = true;
    }
    shared_->ready.notify_all();
}

void Resolver::lookup(const std::string& host, Done done) {
    {
        const std::lock_guard lock(shared_->mutex);
        auto& waiting = shared_->waiting[host];
        waiting.push_back(std::move(done));
        if (waiting.size() > 1) return;
        shared_->queue.push_back(host);
        // Started when needed: a daemon with numeric upstreams needs none.
        const auto idle = static_cast<std::size_t>(shared_->idle);
        if (shared_->queue.size() > idle && shared_->threads < kMaxThreads) shared_->add_thread();
    }
    shared_->ready.notify_one();
}

DnsCache::DnsCache(Resolver& resolver, boost::asio::io_context& io)
    : resolver_(resolver), io_(io), self_(std::make_shared<DnsCache*>(this)) {}

std::shared_ptr<const Addresses> DnsCache::find(const std::string& host, Signal& waiter) {
    auto& entry = entries_[host];
    const auto now = Clock::now();
    if (!entry.answer) {
        boost::system::error_code ec;
        const auto numeric = boost::asio::ip::make_address(host, ec);
        if (!ec) {
            auto answer = std::make_shared<Addresses>();
            answer->list.push_back(numeric);
            answer->resolved_at = TimePoint::max() - std::chrono::hours(24);
            entry.answer = std::move(answer);
        }
    }
    if (entry.answer) {
        const bool failed = entry.answer->list.empty();
        const bool fresh = now - entry.answer->resolved_at < (failed ? kNegative : kFresh);
        if (fresh) return entry.answer;
        if (!entry.in_flight) start(host, entry);
        if (!failed) return entry.answer;
    } else if (!entry.in_flight) {
        start(host, entry);
    }
    entry.waiters.push_back(&waiter);
    return nullptr;
}

DnsCache::Forget::~Forget() {
    const auto it = cache_.entries_.find(host_);
    if (it != cache_.entries_.end()) std::erase(it->second.waiters, &waiter_);
}

void DnsCache::start(const std::string& host, Entry& entry) {
    entry.in_flight = true;
    resolver_.lookup(host, [self = self_, io = &io_, host](std::shared_ptr<const Addresses> a) {
        boost::asio::post(*io, [self, host, a = std::move(a)]() mutable {
            if (*self != nullptr) (*self)->finish(host, std::move(a));
        });
    });
}

void DnsCache::finish(const std::string& host, std::shared_ptr<const Addresses> answer) {
    auto& entry = entries_[host];
    entry.in_flight = false;
    // A failed refresh does not throw a good answer away; it stays until a lookup succeeds.
    const bool keep_old = answer->list.empty() && entry.answer && !entry.answer->list.empty();
    if (keep_old) {
        auto kept = std::make_shared<Addresses>(*entry.answer);
        kept->resolved_at = Clock::now() - kFresh + kNegative;
        entry.answer = std::move(kept);
    } else {
        entry.answer = std::move(answer);
    }
    // One by one, the first that asked first: whoever is told may drop others that wait here.
    std::reverse(entry.waiters.begin(), entry.waiters.end());
    while (!entry.waiters.empty()) {
        auto* const waiter = entry.waiters.back();
        entry.waiters.pop_back();
        waiter->notify();
    }
}

}  // namespace understudy::net
