#include "limits/moment.hpp"

#include <algorithm>
#include <ctime>

namespace understudy::limits {

using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month;
using std::chrono::year_month_day;

namespace {

sys_days day_of(sys_seconds wall) {
    return std::chrono::floor<days>(wall);
}

year_month month_of(sys_days day) {
    const year_month_day date{day};
    return date.year() / date.month();
}

year_month month_of(sys_seconds wall) {
    return month_of(day_of(wall));
}

// A calendar is slow, and is asked about the same day each time.
std::int64_t month_number(sys_days day) {
    constexpr year_month kFirst{std::chrono::year{1970}, std::chrono::January};
    struct Last {
        sys_days day{};
        std::int64_t month = 0;  // 1970-01-01 is in the first one
    };
    static thread_local Last last;
    if (day != last.day) last = {day, (month_of(day) - kFirst).count()};
    return last.month;
}

sys_days first_of(year_month month) {
    return sys_days{month / std::chrono::day{1}};
}

}  // namespace

// Seconds are what is counted in, so the kernel's last tick, a few milliseconds ago, will do: it is
// asked for several times a request, and costs a quarter of the exact time.
Moment now() {
    timespec steady{}, wall{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &steady);
    ::clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    const auto since_boot =
        std::chrono::seconds(steady.tv_sec) + std::chrono::nanoseconds(steady.tv_nsec);
    return {std::chrono::steady_clock::time_point(since_boot),
            sys_seconds(std::chrono::seconds(wall.tv_sec))};
}

bool was_set_between(const Moment& earlier, const Moment& later) {
    constexpr std::chrono::seconds kKeptRight{5};
    const auto gone_on = (later.wall - earlier.wall) - (later.steady - earlier.steady);
    return std::chrono::abs(gone_on) > kKeptRight;
}

std::int64_t number_of(Period period, sys_seconds wall) {
    if (period == Period::day) return day_of(wall).time_since_epoch().count();
    if (period == Period::always) return 0;
    return month_number(day_of(wall));
}

sys_seconds begin_of(Period period, sys_seconds wall) {
    if (period == Period::day) return day_of(wall);
    return period == Period::month ? sys_seconds{first_of(month_of(wall))} : sys_seconds{};
}

sys_seconds end_of(Period period, sys_seconds wall) {
    if (period == Period::day) return day_of(wall) + days{1};
    return first_of(month_of(wall) + months{1});
}

std::chrono::seconds rest_of(Period period, sys_seconds wall) {
    return std::max(end_of(period, wall) - wall, std::chrono::seconds{1});
}

}  // namespace understudy::limits
