#include "proxy/model_lists.hpp"

#include "proxy/log.hpp"
#include "upstreams/attempt.hpp"
#include "wire/model_list.hpp"

#include <algorithm>
#include <exception>
#include <functional>

namespace understudy::proxy {

using net::Clock;
using net::Task;

namespace {

constexpr std::chrono::minutes kFresh{5};
constexpr std::chrono::seconds kPause{30};  // after a failure
constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kLargest = 4 << 20;  // OpenRouter's is 0.6 MB
constexpr std::size_t kMostNames = 2000;
constexpr std::size_t kMostLists = 64;  // one for each upstream, and for each client's own key

bool forwards_credentials(const Runtime& runtime, const config::Upstream& upstream) {
    return !upstream.has_key() && runtime.config().keys.empty();
}

// Lists are told apart by where they come from and, where that decides, by who asked. Credentials
// are not kept, only a hash of them.
std::string key_of(const Runtime& runtime, const config::Upstream& upstream,
                   const Inbound& request) {
    std::string key = upstream.name + '\n' + upstream.base_url.text();
    if (!forwards_credentials(runtime, upstream)) return key;
    std::size_t who = 0;
    for (const auto& field : request.head.fields) {
        if (!wire::kCredentials.contains(field.id)) continue;
        who = who * 31 + std::hash<std::string_view>{}(field.value);
    }
    return key + '\n' + std::to_string(who);
}

}  // namespace

/// One list on its way, with everything that the attempt refers to.
struct ModelLists::Fetch {
    Fetch(ModelLists& o, std::shared_ptr<Runtime> r, const RuntimeEntry& e, std::string k)
        : owner(o), runtime(std::move(r)), entry(e), key(std::move(k)) {}

    void keep_credentials(const Inbound& request) {
        for (const auto& field : request.head.fields) {
            if (!wire::kCredentials.contains(field.id)) continue;
            kept.push_back(
                std::make_unique<std::pair<std::string, std::string>>(field.name, field.value));
            head.fields.add(kept.back()->first, kept.back()->second);
        }
    }

    ModelLists& owner;
    std::shared_ptr<Runtime> runtime;  // keeps peer and head alive
    RuntimeEntry entry;
    std::string key;
    std::vector<std::unique_ptr<std::pair<std::string, std::string>>> kept;
    wire::RequestHead head;  // slices of `kept`
    net::Signal signal;
    bool gone = false;
    bool read = false;
    Names names;
};

void ModelLists::want(const std::shared_ptr<Runtime>& runtime, const RuntimeEntry& entry,
                      const Inbound& request) {
    if (wire::model_list_path(entry.upstream->dialect).empty()) return;
    auto key = key_of(*runtime, *entry.upstream, request);
    auto& known = list(key);
    const auto now = Clock::now();
    const bool fresh = known.read_at != net::TimePoint{} && now - known.read_at < kFresh;
    const bool refused = known.asked_at > known.read_at && now - known.asked_at < kPause;
    if (known.asking || fresh || refused) return;
    known.asking = true;
    known.asked_at = now;
    auto fetch = std::make_shared<Fetch>(*this, runtime, entry, std::move(key));
    if (forwards_credentials(*runtime, *entry.upstream)) fetch->keep_credentials(request);
    fetches_.insert(fetch.get());
    net::spawn(run(std::move(fetch)));
}

Task<void> ModelLists::run(std::shared_ptr<Fetch> fetch) {
    try {
        co_await ask(*fetch);
    } catch (const std::exception& e) {
        log(config::LogLevel::error, "model_list_failed", {{"what", e.what()}});
    }
    fetch->owner.finish(*fetch);
}

Task<void> ModelLists::ask(Fetch& fetch) {
    upstreams::AttemptSpec spec;
    spec.upstream = fetch.entry.upstream;
    spec.peer = fetch.entry.peer.get();
    spec.head_template = fetch.entry.head.get();
    spec.head.method = "GET";
    spec.head.path = wire::model_list_path(fetch.entry.upstream->dialect);
    spec.head.client = &fetch.head;
    spec.head.forward_credentials = true;  // those of `head`, if any
    if (const auto* const keys = fetch.entry.keys) {
        spec.head.key = keys->look(Clock::now()).position.value_or(0);
    }
    spec.head.has_body = false;
    spec.shape = wire::AnswerShape::opaque;
    spec.decode = true;
    spec.buffer_response = kLargest;
    spec.deadline = Clock::now() + kPatience;
    upstreams::Attempt attempt(spec, fetch.signal, fetch.gone);
    co_await attempt.run();
    if (attempt.state() == upstreams::Attempt::State::whole) {
        fetch.read = wire::read_model_list(attempt.body(), kMostNames, fetch.names);
    }
    const bool released = attempt.release();
    if (!released) co_await attempt.settle();
}

void ModelLists::finish(Fetch& fetch) {
    fetches_.erase(&fetch);
    auto& known = list(fetch.key);
    known.asking = false;
    if (fetch.read) {
        known.names = std::move(fetch.names);
        known.read_at = Clock::now();
    }
    const auto waiting = waiters_;  // one that wakes may leave
    for (auto* signal : waiting) {
        if (waiters_.contains(signal)) signal->notify();
    }
}

ModelLists::List& ModelLists::list(const std::string& key) {
    if (lists_.size() >= kMostLists && !lists_.contains(key)) {
        auto oldest = lists_.end();
        for (auto it = lists_.begin(); it != lists_.end(); ++it) {
            if (it->second.asking) continue;
            const bool older =
                oldest == lists_.end() || it->second.asked_at < oldest->second.asked_at;
            if (older) oldest = it;
        }
        if (oldest != lists_.end()) lists_.erase(oldest);
    }
    return lists_[key];
}

bool ModelLists::awaited(const Runtime& runtime, const RuntimeEntry& entry,
                         const Inbound& request) const {
    const auto it = lists_.find(key_of(runtime, *entry.upstream, request));
    if (it == lists_.end()) return false;
    return it->second.asking && it->second.read_at == net::TimePoint{};
}

const ModelLists::Names& ModelLists::names(const Runtime& runtime, const RuntimeEntry& entry,
                                           const Inbound& request) const {
    static const Names kNone;
    const auto it = lists_.find(key_of(runtime, *entry.upstream, request));
    return it == lists_.end() ? kNone : it->second.names;
}

void ModelLists::abort() {
    const std::vector<Fetch*> all(fetches_.begin(), fetches_.end());
    for (auto* fetch : all) {
        if (!fetches_.contains(fetch)) continue;
        fetch->gone = true;
        fetch->signal.notify();
    }
}

}  // namespace understudy::proxy
