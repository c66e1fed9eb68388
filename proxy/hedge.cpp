#include "proxy/hedge.hpp"

#include <algorithm>
#include <cmath>

namespace understudy::proxy {

using std::chrono::milliseconds;

void HedgeBudget::earn(double percent) noexcept {
    const auto earned = static_cast<std::int64_t>(percent * static_cast<double>(kOne) / 100);
    if (earned_.load(std::memory_order_relaxed) >= kMost) return;
    earned_.fetch_add(earned, std::memory_order_relaxed);
}

bool HedgeBudget::take() noexcept {
    auto have = earned_.load(std::memory_order_relaxed);
    while (have >= kOne) {
        if (earned_.compare_exchange_weak(have, have - kOne, std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void AnswerTimes::note(milliseconds time, TimePoint now) noexcept {
    told_at_ = now;
    asked_ = failures_ = 0;
    shunned_until_ = {};
    const auto count = std::clamp<milliseconds::rep>(time.count(), 0, UINT32_MAX);
    times_[next_] = static_cast<std::uint32_t>(count);
    next_ = (next_ + 1) % kKept;
    count_ = std::min(count_ + 1, kKept);
}

void AnswerTimes::asked(TimePoint now) noexcept {
    ++asked_;
    asked_at_ = now;
}

void AnswerTimes::failed(TimePoint now, std::optional<milliseconds> retry_after) noexcept {
    constexpr std::uint32_t kMostDoubled = 10;
    if (now >= shunned_until_) ++failures_;  // those that failed together count once
    const milliseconds own = kShunned * (1U << std::min(failures_ - 1, kMostDoubled));
    const auto wanted = std::max(own, retry_after.value_or(milliseconds(0)));
    shunned_until_ = std::max(shunned_until_, now + std::min(wanted, kLongestShunned));
    asked_ = 0;
}

std::optional<milliseconds> AnswerTimes::rank(TimePoint now) const {
    if (now < shunned_until_) return milliseconds::max();
    const bool forgotten = now - asked_at_ >= kStale;  // what was asked has come to no end
    // After a failure one is enough to see whether it is over.
    const std::size_t most = failures_ > 0 ? 1 : kMostUnknown;
    if (failures_ > 0 || count_ == 0) {
        if (asked_ >= most && !forgotten) return milliseconds::max();
        if (count_ == 0) return std::nullopt;
    }
    if (now - told_at_ >= kStale && (asked_ == 0 || forgotten)) return std::nullopt;
    return within(50);
}

std::optional<milliseconds> AnswerTimes::percentile(double percent) const {
    if (count_ < kEnough) return std::nullopt;
    return within(percent);
}

// Of one answer at least.
milliseconds AnswerTimes::within(double percent) const {
    auto sorted = times_;
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto rank = std::ceil(percent / 100 * static_cast<double>(count_));
    const auto place = std::min(static_cast<std::size_t>(std::max(rank, 1.0)), count_) - 1;
    const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(sorted.begin(), nth, end);
    return milliseconds(*nth);
}

const std::string& AnswerTimesByModel::key(std::string_view upstream, std::string_view model,
                                           bool stream) {
    key_.assign(upstream).append(stream ? "\nstream\n" : "\nplain\n").append(model);
    return key_;
}

AnswerTimes* AnswerTimesByModel::find(std::string_view upstream, std::string_view model,
                                      bool stream) {
    const auto it = times_.find(key(upstream, model, stream));
    return it == times_.end() ? nullptr : &it->second;
}

AnswerTimes* AnswerTimesByModel::make(std::string_view upstream, std::string_view model,
                                      bool stream) {
    if (auto* known = find(upstream, model, stream)) return known;
    if (times_.size() >= kMost) return nullptr;
    return &times_[key_];
}

std::optional<milliseconds> hedge_delay(const config::Hedge& hedge, const AnswerTimes* times) {
    if (hedge.after) return *hedge.after;
    if (times == nullptr || !hedge.percentile) return std::nullopt;
    return times->percentile(*hedge.percentile);
}

}  // namespace understudy::proxy
