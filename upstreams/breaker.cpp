#include "upstreams/breaker.hpp"

#include <algorithm>

namespace understudy::upstreams {

using std::chrono::milliseconds;
using wire::FailureClass;

bool refuses_account(const AttemptResult& result) {
    const bool refused =
        result.failure == FailureClass::quota || result.failure == FailureClass::auth;
    return refused && result.account == Account::own && !result.one_request;
}

BreakerState Breaker::state(net::TimePoint now) const {
    switch (position_) {
        case Position::closed:
            return BreakerState::closed;
        case Position::down:
            return BreakerState::down;
        case Position::open:
            break;
    }
    return now < until_ ? BreakerState::open : BreakerState::half_open;
}

Availability Breaker::look(net::TimePoint now) const {
    using Kind = Availability::Kind;
    switch (state(now)) {
        case BreakerState::closed:
            return {};
        case BreakerState::down:
            return {Kind::down, {}};
        case BreakerState::half_open:
            // While the probe is out its rest is over, so nothing opens sooner than this one.
            return {may_probe(now) ? Kind::probe : Kind::resting, until_};
        case BreakerState::open:
            break;
    }
    if (now < named_) return {Kind::named, named_};
    return {Kind::resting, until_};
}

std::uint32_t Breaker::start(net::TimePoint now) {
    if (!failed_.empty()) ++failed_.back().asked;
    if (state(now) != BreakerState::half_open || !may_probe(now)) return 0;
    if (++probes_ == 0) ++probes_;
    probing_.push_back(probes_);
    probe_at_ = now;
    return probes_;
}

bool Breaker::may_probe(net::TimePoint now) const {
    return probing_.empty() || now - probe_at_ >= probe_patience();
}

bool Breaker::begun(std::uint32_t probe, net::TimePoint now) {
    if (!is_probing(probe) || position_ != Position::open) return false;
    close(now);
    closed_by_ = probe;
    return true;
}

void Breaker::give_back(std::uint32_t probe) {
    std::erase(probing_, probe);
}

void Breaker::forget_refusal() {
    if (position_ == Position::down) position_ = Position::closed;
}

void Breaker::join(const Breaker& other) {
    const auto closed = std::max(closed_, other.closed_);
    const auto level = std::max(level_, other.level_);
    const bool sooner =
        position_ == Position::open ? until_ < other.until_ : failed_.size() < other.failed_.size();
    const bool worse = position_ != other.position_ ? position_ < other.position_ : sooner;
    const auto opened = std::max(opened_, other.opened_), named = std::max(named_, other.named_);
    const auto probes = std::max(probes_, other.probes_);  // the next are told from these
    if (worse) {
        const auto settings = settings_;
        *this = other;
        settings_ = settings;
        shared_ = other.probes_;
    }
    opened_ = opened;
    named_ = named;
    closed_ = closed;
    level_ = level;
    probes_ = probes;
}

bool Breaker::follow(const Breaker& other, net::TimePoint now) {
    const auto shared = [this](std::uint32_t probe) { return probe <= shared_; };
    const auto over = std::erase_if(
        probing_, [&](std::uint32_t probe) { return shared(probe) && !other.is_probing(probe); });
    const auto others = other.state(now);
    const bool rests = others == BreakerState::open || others == BreakerState::down;
    if (over > 0 && probing_.empty() && rests) join(other);
    return std::any_of(probing_.begin(), probing_.end(), shared);
}

bool Breaker::clean(net::TimePoint now) {
    if (position_ != Position::closed) return false;
    forget_old(now);
    return failed_.empty();
}

Breaker::Verdict Breaker::judge(const AttemptResult& result) {
    switch (result.failure) {
        case FailureClass::none:
        case FailureClass::empty:  // it answers, whatever the answer is worth
        case FailureClass::length:
        case FailureClass::refusal:
        case FailureClass::invalid_json:
        case FailureClass::invalid_tool_call:
            return Verdict::good;
        case FailureClass::connection:
        case FailureClass::timeout:
        case FailureClass::server_error:
        case FailureClass::malformed:
            // What a request had no time to wait for says nothing of who was asked.
            return result.cut_short ? Verdict::nothing : Verdict::failure;
        case FailureClass::rate_limit:
            return result.account == Account::client ? Verdict::nothing : Verdict::limited;
        case FailureClass::quota:
        case FailureClass::auth:
            return refuses_account(result) ? Verdict::refused : Verdict::nothing;
        default:
            return Verdict::nothing;  // about the request, the client or this process
    }
}

bool Breaker::settle(const AttemptResult& result, net::TimePoint now, double random) {
    switch (judge(result)) {
        case Verdict::good:
            return good(result, now);
        case Verdict::failure:
            return failed(result, now, random);
        case Verdict::limited:
            return limited(result, now, random);
        case Verdict::refused: {
            const bool changed = position_ != Position::down;
            position_ = Position::down;
            probing_.clear();
            failed_.clear();
            return changed;
        }
        case Verdict::nothing:
            break;
    }
    give_back(result.probe);
    return false;
}

bool Breaker::is_probing(std::uint32_t probe) const {
    return std::find(probing_.begin(), probing_.end(), probe) != probing_.end();
}

bool Breaker::good(const AttemptResult& result, net::TimePoint now) {
    if (position_ != Position::open) return false;
    // Also one that was asked because all others rest. What began before says nothing.
    if (!is_probing(result.probe) && result.started <= opened_) return false;
    close(now);
    return true;
}

bool Breaker::failed(const AttemptResult& result, net::TimePoint now, double random) {
    if (position_ != Position::closed) return meanwhile(result, now, random);
    // Of the time before it was well again; unless by beginning well it was what closed this.
    const bool closed_it = result.probe != 0 && result.probe == closed_by_;
    if (result.started < closed_ && !closed_it) return false;
    forget_old(now);
    failed_.push_back({now});
    const std::size_t most = std::size_t{kSample} * settings_.failures;
    while (failed_.size() > most) failed_.erase(failed_.begin());
    const bool named =
        result.retry_after.value_or(milliseconds(0)) > milliseconds(0) && !result.waited_for;
    if (!named && !too_many()) return false;
    level_ = level_when_opened(now);
    const auto asked = std::min(result.retry_after.value_or(kLongestNamed), kLongestNamed);
    open(named ? std::optional(asked) : std::nullopt, now, random);
    return true;
}

bool Breaker::limited(const AttemptResult& result, net::TimePoint now, double random) {
    if (position_ != Position::closed) return meanwhile(result, now, random);
    if (result.waited_for || result.started < closed_) return false;
    level_ = level_when_opened(now);
    open(result.retry_after, now, random);
    return true;
}

// No good answer, while it is not closed.
bool Breaker::meanwhile(const AttemptResult& result, net::TimePoint now, double random) {
    if (is_probing(result.probe)) {
        ++level_;
        open(result.retry_after, now, random);
        return true;
    }
    if (position_ == Position::open && result.retry_after) {
        named_ = std::max(named_, now + *result.retry_after);
        until_ = std::max(until_, named_);
    }
    return false;
}

bool Breaker::too_many() const {
    const std::size_t row = settings_.failures;
    std::uint64_t asked = 0;
    for (std::size_t i = failed_.size(), count = 1; i-- > 0; ++count) {
        asked += failed_[i].asked;
        if (count == row && asked < row) return true;  // nothing but these
        if (count == kSample * row) return asked <= 2 * (count - 1);
    }
    return false;
}

// One that comes back only to fail again goes on where it was.
std::uint32_t Breaker::level_when_opened(net::TimePoint now) const {
    const bool recently = closed_ != net::TimePoint{} && now - closed_ < settings_.window;
    return recently ? level_ + 1 : 0;
}

void Breaker::open(std::optional<milliseconds> at_least, net::TimePoint now, double random) {
    position_ = Position::open;
    opened_ = now;
    named_ = now + at_least.value_or(milliseconds(0));
    until_ = std::max(named_, now + rest(settings_, level_, random));
    probing_.clear();
    failed_.clear();
}

void Breaker::close(net::TimePoint now) {
    position_ = Position::closed;
    closed_ = now;
    closed_by_ = 0;
    probing_.clear();
}

void Breaker::forget_old(net::TimePoint now) {
    const auto counts = [&](const Failure& failure) { return now - failure.at < settings_.window; };
    failed_.erase(failed_.begin(), std::find_if(failed_.begin(), failed_.end(), counts));
}

milliseconds Breaker::longest_rest(const config::Breaker& settings) {
    return std::max<milliseconds>(settings.cooldown, kLongestRest);
}

milliseconds Breaker::rest(const config::Breaker& settings, std::uint32_t level, double random) {
    const auto longest = longest_rest(settings);
    const auto doubled = settings.cooldown * (1LL << std::min(level, 20U));
    const auto most = static_cast<double>(std::min<milliseconds>(doubled, longest).count());
    return milliseconds(static_cast<long long>(most * (1.0 - random / 4)));
}

}  // namespace understudy::upstreams
