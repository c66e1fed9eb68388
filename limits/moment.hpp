// The two clocks that limits are counted on, and days and months in UTC. Minutes run on the steady
// clock, which nobody can set; days and months are those of the wall clock, as people and ledgers
// have them. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace understudy::limits {

struct Moment {
    std::chrono::steady_clock::time_point steady;
    std::chrono::sys_seconds wall;

    /// The second of the steady clock that it falls into.
    std::int64_t second() const {
        return std::chrono::floor<std::chrono::seconds>(steady.time_since_epoch()).count();
    }
    /// The same in other units.
    template <class Unit>
    Unit in() const {
        return std::chrono::floor<Unit>(steady.time_since_epoch());
    }
};

Moment now();

/// Somebody has set the wall clock between these two, or the machine has slept: it has gone on by
/// something else than the steady clock. Not by less than a few seconds, which it is kept right by.
bool was_set_between(const Moment& earlier, const Moment& later);

/// What money is summed up over.
enum class Period : std::uint8_t { day, month, always };
inline constexpr std::size_t kPeriods = 3;

/// The number of the period that this time falls into: days and months since 1970; 0 for `always`.
std::int64_t number_of(Period period, std::chrono::sys_seconds wall);
/// When the period that this time falls into began: 1970 for `always`.
std::chrono::sys_seconds begin_of(Period period, std::chrono::sys_seconds wall);
/// When the next one begins. Not for `always`.
std::chrono::sys_seconds end_of(Period period, std::chrono::sys_seconds wall);
/// How long it still is, at least a second. Not for `always`.
std::chrono::seconds rest_of(Period period, std::chrono::sys_seconds wall);

}  // namespace understudy::limits
