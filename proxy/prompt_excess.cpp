#include "proxy/prompt_excess.hpp"

#include <algorithm>
#include <functional>

namespace understudy::proxy {
namespace {

// A word of the table: 16 bits of percent, 32 of the second, 16 of the name's hash.
constexpr unsigned kPercentBits = 16, kSecondBits = 32;

std::uint64_t hash_of(std::string_view upstream, std::string_view model) {
    constexpr std::uint64_t mix = 0x9E3779B97F4A7C15;
    const std::hash<std::string_view> hash;
    return (hash(upstream) * mix) ^ hash(model);
}

std::uint64_t word_of(std::uint64_t hash, std::int64_t second, std::uint32_t percent) {
    return (hash >> (kPercentBits + kSecondBits) << (kPercentBits + kSecondBits)) |
           std::uint64_t{static_cast<std::uint32_t>(second)} << kPercentBits | percent;
}

std::uint32_t percent_of(std::uint64_t word, std::uint64_t hash, std::int64_t second) {
    constexpr auto none = PromptExcess::kNone;
    if ((word ^ hash) >> (kPercentBits + kSecondBits) != 0) return none;
    const auto then = static_cast<std::uint32_t>(word >> kPercentBits);
    // Another worker's clock may be a tick ahead; seconds wrap with the bits that hold them.
    const auto age = static_cast<std::int32_t>(static_cast<std::uint32_t>(second) - then);
    const auto halved =
        static_cast<unsigned>(std::max(age, 0)) / static_cast<unsigned>(PromptExcess::kHalfLife);
    const auto percent = static_cast<std::uint32_t>(word & 0xFFFF);
    if (percent <= none || halved >= kPercentBits) return none;
    return none + ((percent - none) >> halved);
}

}  // namespace

PromptExcess& PromptExcess::known() {
    static PromptExcess excess;
    return excess;
}

std::uint32_t PromptExcess::percent(std::string_view upstream, std::string_view model,
                                    std::int64_t second) const {
    if (!any_.load(std::memory_order_relaxed)) return kNone;
    const auto hash = hash_of(upstream, model);
    return percent_of(slots_[hash % kSlots].load(std::memory_order_relaxed), hash, second);
}

// Of two that are noted at once the later stays: the next prompt tells again.
void PromptExcess::note(std::string_view upstream, std::string_view model, std::int64_t second,
                        std::uint64_t bound, std::uint64_t reported) {
    if (bound == 0 || reported <= bound) return;
    const auto hash = hash_of(upstream, model);
    auto& slot = slots_[hash % kSlots];
    const auto known = percent_of(slot.load(std::memory_order_relaxed), hash, second);
    const auto over = std::min<std::uint64_t>(reported / bound, kMost / 100) * 100 +
                      (reported % bound) * 100 / bound + 1;
    const auto now = static_cast<std::uint32_t>(std::min<std::uint64_t>(over, kMost));
    if (now >= known) slot.store(word_of(hash, second, now), std::memory_order_relaxed);
    any_.store(true, std::memory_order_relaxed);
}

}  // namespace understudy::proxy
