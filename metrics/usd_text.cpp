#include "metrics/usd_text.hpp"

#include <charconv>
#include <cstring>

namespace understudy::metrics {

namespace {

// "00" to "99", one behind the other.
constexpr auto kPairs = [] {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        pairs[i] = static_cast<char>('0' + (i % 2 == 0 ? i / 20 : i / 2 % 10));
    }
    return pairs;
}();

}  // namespace

// As append_decimal() would, without a division of 128 bits for each digit: every answer that has a
// price tells one or two amounts.
UsdText::UsdText(std::int64_t pico_usd) {
    constexpr std::uint64_t kPicoPerUsd = 1'000'000'000'000;
    constexpr std::uint64_t kHundred = 100;
    char* out = text_.data();
    const auto end = [&](const char* at) { size_ = static_cast<std::size_t>(at - text_.data()); };
    if (pico_usd < 0) *out++ = '-';
    const auto bits = static_cast<std::uint64_t>(pico_usd);
    const auto amount = pico_usd < 0 ? ~bits + 1 : bits;
    out = std::to_chars(out, text_.data() + text_.size(), amount / kPicoPerUsd).ptr;
    end(out);
    auto part = amount % kPicoPerUsd;
    if (part == 0) return;
    // Two digits at a time, all of them, and then back over the zeros.
    constexpr std::size_t kDigits = 12;
    *out = '.';
    for (char* at = out + kDigits - 1; at > out; at -= 2, part /= kHundred) {
        std::memcpy(at, kPairs.data() + 2 * (part % kHundred), 2);
    }
    const char* last = out + kDigits;
    while (*last == '0') --last;
    end(last + 1);
}

}  // namespace understudy::metrics
