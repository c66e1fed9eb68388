// Upper bounds of every histogram, in the unit observed: nanoseconds, or tokens.
//
// The attempt and first-token bounds begin with OpenTelemetry's recommended ones, so that the
// gen_ai_* histograms are those same counts rendered a second time: one observation feeds both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace understudy::metrics {

inline constexpr std::uint64_t kMicrosecond = 1'000;
inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// A client's wait: fine between half a second and a minute, where answers of models lie.
inline constexpr std::array<std::uint64_t, 20> kRequestBounds{
    10 * kMillisecond,  50 * kMillisecond, 100 * kMillisecond,  250 * kMillisecond,
    500 * kMillisecond, 1 * kSecond,       1500 * kMillisecond, 2 * kSecond,
    3 * kSecond,        5 * kSecond,       7500 * kMillisecond, 10 * kSecond,
    15 * kSecond,       20 * kSecond,      30 * kSecond,        45 * kSecond,
    60 * kSecond,       120 * kSecond,     300 * kSecond,       600 * kSecond};

/// gen_ai.client.operation.duration recommends the first 14; reasoning models need the rest.
inline constexpr std::size_t kGenAiDurationBounds = 14;
inline constexpr std::array<std::uint64_t, 17> kAttemptBounds{
    10 * kMillisecond,    20 * kMillisecond,    40 * kMillisecond,     80 * kMillisecond,
    160 * kMillisecond,   320 * kMillisecond,   640 * kMillisecond,    1280 * kMillisecond,
    2560 * kMillisecond,  5120 * kMillisecond,  10240 * kMillisecond,  20480 * kMillisecond,
    40960 * kMillisecond, 81920 * kMillisecond, 163840 * kMillisecond, 327680 * kMillisecond,
    655360 * kMillisecond};

/// gen_ai.server.time_to_first_token recommends the first 16; the default timeout is 60 s.
inline constexpr std::size_t kGenAiFirstTokenBounds = 16;
inline constexpr std::array<std::uint64_t, 20> kFirstTokenBounds{
    1 * kMillisecond,    5 * kMillisecond,   10 * kMillisecond,   20 * kMillisecond,
    40 * kMillisecond,   60 * kMillisecond,  80 * kMillisecond,   100 * kMillisecond,
    250 * kMillisecond,  500 * kMillisecond, 750 * kMillisecond,  1 * kSecond,
    2500 * kMillisecond, 5 * kSecond,        7500 * kMillisecond, 10 * kSecond,
    20 * kSecond,        30 * kSecond,       60 * kSecond,        120 * kSecond};

/// Time spent in this program: tens of microseconds when all is well.
inline constexpr std::array<std::uint64_t, 18> kOverheadBounds{
    10 * kMicrosecond,   20 * kMicrosecond,  30 * kMicrosecond,  40 * kMicrosecond,
    50 * kMicrosecond,   75 * kMicrosecond,  100 * kMicrosecond, 150 * kMicrosecond,
    200 * kMicrosecond,  300 * kMicrosecond, 500 * kMicrosecond, 1 * kMillisecond,
    2500 * kMicrosecond, 5 * kMillisecond,   10 * kMillisecond,  25 * kMillisecond,
    100 * kMillisecond,  1 * kSecond};

/// gen_ai.client.token.usage: powers of four.
inline constexpr std::array<std::uint64_t, 14> kTokenBounds{
    1,      4,      16,      64,        256,       1'024,      4'096,
    16'384, 65'536, 262'144, 1'048'576, 4'194'304, 16'777'216, 67'108'864};

}  // namespace understudy::metrics
