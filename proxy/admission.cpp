#include "proxy/admission.hpp"

#include "proxy/log.hpp"
#include "proxy/sent_model.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using net::TimePoint;
using upstreams::Availability;
using upstreams::BreakerState;
using upstreams::KeyPool;
using upstreams::KeyVerdict;

namespace {

// While all keys of the pool rest, so does the entry.
Availability of_keys(const KeyPool& keys, TimePoint now) {
    using Kind = Availability::Kind;
    const auto pick = keys.look(now);
    if (pick.position) return {};
    if (pick.until == TimePoint::max()) return {Kind::down, {}};
    return {pick.named ? Kind::named : Kind::resting, pick.until};
}

// What metrics call the model that is sent to this entry when the client asks for `model`.
std::string label_at(const Runtime& runtime, const RuntimeEntry& entry, std::string_view model) {
    if (entry.model) return *entry.model;
    const SentModel sent(entry, model);
    return std::string(runtime.label(*entry.upstream, sent.name()));
}

std::string_view name_of(BreakerState state) {
    switch (state) {
        case BreakerState::closed:
            return "closed";
        case BreakerState::half_open:
            return "half_open";
        case BreakerState::open:
            return "open";
        case BreakerState::down:
            break;
    }
    return "down";
}

/// Counts and logs what has become of a breaker.
void tell(Runtime& runtime, const RuntimeEntry& entry, ModelAt model, const BreakerChange& change,
          wire::FailureClass reason) {
    if (!change.changed) return;
    const bool open = change.state == BreakerState::open || change.state == BreakerState::down;
    const auto label = change.one_model ? model.name : change.label;
    // Names that are refused one by one may be made up.
    if (open && !(change.one_model && change.state == BreakerState::down))
        runtime.shard()
            .breaker(entry.upstream->name, change.one_model ? model.label : change.label)
            .opened.add();
    const auto level = open ? config::LogLevel::warn : config::LogLevel::info;
    if (!log_enabled(level)) return;
    LogFields fields{
        {"upstream", entry.upstream->name}, {"model", label}, {"state", name_of(change.state)}};
    if (open) fields.emplace_back("reason", wire::name_of(reason));
    if (change.state == BreakerState::open) {
        fields.emplace_back("rest_ms", static_cast<std::uint64_t>(change.rest.count()));
    }
    log(level, "breaker", fields);
}

}  // namespace

Availability availability(Runtime& runtime, const RuntimeEntry& entry, std::string_view model,
                          TimePoint now) {
    if (entry.keys != nullptr) {
        const auto of_pool = of_keys(*entry.keys, now);
        if (!of_pool.usable()) return of_pool;
    }
    if (entry.breakers == nullptr) return {};
    const SentModel sent(entry, model);
    if (entry.breakers->quiet(sent.name())) return {};
    return entry.breakers->look({label_at(runtime, entry, model), sent.name()}, now);
}

Claim& Claim::operator=(Claim&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    entry_ = other.entry_;
    model_ = std::move(other.model_);
    probe_ = std::exchange(other.probe_, {});
    return *this;
}

void Claim::give_back() {
    if (probe_) entry_->breakers->give_back(model_->at(), std::exchange(probe_, {}));
}

Availability claim(Runtime& runtime, const RuntimeEntry& entry, std::string_view model,
                   TimePoint now, Claim& held) {
    const auto found = availability(runtime, entry, model, now);
    if (found.kind != Availability::Kind::probe) return found;
    Claim mine;
    mine.entry_ = &entry;
    mine.model_ = std::make_unique<const ProbedModel>(
        ProbedModel{label_at(runtime, entry, model), std::string(SentModel(entry, model).name())});
    mine.probe_ = entry.breakers->start(mine.model_->at(), now);
    if (!mine) return {Availability::Kind::resting, found.until};  // another one was sooner
    held = std::move(mine);
    return found;
}

void count_skipped(Runtime& runtime, const RuntimeEntry& entry, std::string_view model) {
    const auto label = label_at(runtime, entry, model);
    runtime.shard().breaker(entry.upstream->name, label).skipped.add();
}

Choice next_entry(Runtime& runtime, std::span<const RuntimeEntry* const> chain,
                  std::string_view model, std::size_t from, bool untried, TimePoint now,
                  Claim& held) {
    // Mostly the first one that is looked at is well.
    boost::container::small_vector<Availability, 4> known(chain.size());
    for (std::size_t i = from; i < chain.size(); ++i) {
        known[i] = claim(runtime, *chain[i], model, now, held);
        if (known[i].usable()) break;
    }
    return choose_entry({known.data(), known.size()}, from, untried);
}

bool any_route_usable(Runtime& runtime, TimePoint now) {
    const auto usable = [&](const RuntimeEntry& entry) {
        if (entry.model || entry.breakers == nullptr) {
            return availability(runtime, entry, entry.model.value_or(std::string()), now).usable();
        }
        const bool has_key = entry.keys == nullptr || of_keys(*entry.keys, now).usable();
        return has_key && entry.breakers->usable(now);
    };
    const auto& routes = runtime.routes();
    return std::any_of(routes.begin(), routes.end(), [&](const RuntimeRoute& route) {
        return std::any_of(route.entries.begin(), route.entries.end(), usable);
    });
}

Admission::Admission(Runtime& runtime, const RuntimeEntry& entry, std::string_view model,
                     TimePoint now, KeyPool::Tried tried, Claim held)
    : runtime_(&runtime), entry_(&entry) {
    if (entry.keys != nullptr) {
        const auto pick = entry.keys->take(now, tried);
        key_ = pick.position.value_or(entry.keys->soonest());
    }
    if (held) {
        model_ = std::move(held.model_);
        probe_ = std::exchange(held.probe_, {});
        return;
    }
    if (entry.breakers == nullptr || entry.breakers->quiet(model)) return;
    model_ = std::make_unique<const ProbedModel>(
        ProbedModel{std::string(runtime.label(*entry.upstream, model)), std::string(model)});
    probe_ = entry.breakers->start(model_->at(), now);
}

Admission::Admission(Admission&& other) noexcept
    : runtime_(other.runtime_),
      entry_(std::exchange(other.entry_, nullptr)),
      key_(other.key_),
      probe_(std::exchange(other.probe_, {})),
      model_(std::move(other.model_)) {}

Admission& Admission::operator=(Admission&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    runtime_ = other.runtime_;
    entry_ = std::exchange(other.entry_, nullptr);
    key_ = other.key_;
    probe_ = std::exchange(other.probe_, {});
    model_ = std::move(other.model_);
    return *this;
}

Admission::~Admission() {
    give_back();
}

void Admission::give_back() {
    if (entry_ == nullptr || !probe_) return;
    entry_->breakers->give_back(model_->at(), std::exchange(probe_, {}));
}

void Admission::probe_begun(TimePoint now) {
    const auto model = model_->at();
    for (const auto& change : entry_->breakers->begun(model, probe_, now))
        tell(*runtime_, *entry_, model, change, wire::FailureClass::none);
}

void Admission::settle(upstreams::AttemptResult result, std::string_view model, TimePoint now,
                       double random) {
    if (entry_ == nullptr) return;
    const auto& entry = *std::exchange(entry_, nullptr);
    const auto probe = std::exchange(probe_, {});
    const bool good = result.failure == wire::FailureClass::none;
    if (entry.keys != nullptr) {
        if (good) entry.keys->settle(key_, KeyVerdict::good, std::nullopt, now);
        result.account = upstreams::Account::client;  // what is said of a key is settled with that
    }
    if (entry.breakers == nullptr || (good && entry.breakers->quiet(model))) return;
    const auto label =
        model_ ? std::string_view(model_->label) : runtime_->label(*entry.upstream, model);
    const ModelAt asked{label, model};
    for (const auto& change : entry.breakers->settle(asked, probe, result, now, random))
        tell(*runtime_, entry, asked, change, result.failure);
}

bool Admission::settle_key(KeyVerdict verdict, wire::FailureClass failure,
                           std::optional<std::chrono::milliseconds> retry_after, TimePoint now,
                           KeyPool::Tried& tried) {
    if (entry_ == nullptr || entry_->keys == nullptr) return false;
    auto& keys = *entry_->keys;
    const bool news = keys.settle(key_, verdict, retry_after, now);
    if (news) {
        log(config::LogLevel::warn, "key",
            {{"upstream", entry_->upstream->name},
             {"key", static_cast<std::uint64_t>(key_ + 1)},
             {"state", verdict == KeyVerdict::refused ? "retired" : "resting"},
             {"reason", wire::name_of(failure)}});
    }
    if (verdict == KeyVerdict::good || verdict == KeyVerdict::nothing) return false;
    tried |= KeyPool::Tried{1} << key_;
    return keys.untried(now, tried);
}

}  // namespace understudy::proxy
