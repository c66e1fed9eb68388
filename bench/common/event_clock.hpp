// The time stamp that travels inside each streamed event. Sink and load generator run on one
// machine and read the same CLOCK_MONOTONIC; every proxy passes the text on untouched, so the delay
// of each single event is exact. Eleven hexadecimal digits of nanoseconds wrap after 4.8 hours,
// which differences survive.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

namespace understudy::bench {

inline constexpr std::size_t kStampDigits = 11;
inline constexpr std::uint64_t kStampMask = (std::uint64_t{1} << (4 * kStampDigits)) - 1;

inline std::uint64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(t.tv_nsec);
}

inline void write_stamp(char* out, std::uint64_t ns) {
    for (std::size_t i = kStampDigits; i-- > 0; ns >>= 4) out[i] = "0123456789abcdef"[ns & 15];
}

/// The stamp at the start of `text`; nothing when it does not start with eleven digits.
inline std::optional<std::uint64_t> read_stamp(std::string_view text) {
    if (text.size() < kStampDigits) return std::nullopt;
    std::uint64_t ns = 0;
    for (const char c : text.substr(0, kStampDigits)) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
        ns = ns << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    return ns;
}

inline std::uint64_t ns_since_stamp(std::uint64_t stamp, std::uint64_t now) {
    return (now - stamp) & kStampMask;
}

}  // namespace understudy::bench
