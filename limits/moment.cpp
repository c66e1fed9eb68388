#include "limits/moment.hpp"

#include <algorithm>

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

year_month month_of(sys_seconds wall) {
    const year_month_day date{day_of(wall)};
    return date.year() / date.month();
}

sys_days first_of(year_month month) {
    return sys_days{month / std::chrono::day{1}};
}

}  // namespace

Moment now() {
    const auto wall = std::chrono::system_clock::now();
    return {std::chrono::steady_clock::now(), std::chrono::floor<std::chrono::seconds>(wall)};
}

std::int64_t number_of(Period period, sys_seconds wall) {
    if (period == Period::day) return day_of(wall).time_since_epoch().count();
    if (period == Period::always) return 0;
    constexpr year_month kFirst{std::chrono::year{1970}, std::chrono::January};
    return (month_of(wall) - kFirst).count();
}

sys_seconds begin_of(Period period, sys_seconds wall) {
    if (period == Period::day) return day_of(wall);
    return period == Period::month ? sys_seconds{first_of(month_of(wall))} : sys_seconds{};
}

std::chrono::seconds rest_of(Period period, sys_seconds wall) {
    const sys_seconds next = period == Period::day ? sys_seconds{day_of(wall) + days{1}}
                                                   : first_of(month_of(wall) + months{1});
    return std::max(next - wall, std::chrono::seconds{1});
}

}  // namespace understudy::limits
