#include "config/scalars.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

namespace understudy::config {
namespace {

// 12 digits times an hour in milliseconds still fits 64 bits; nobody means more.
constexpr std::size_t kMaxDigits = 12;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::uint64_t to_integer(std::string_view digits) {
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

// "1.5s" -> {"1", "5", "s"}; the parts of something that is not of this shape are empty.
struct Quantity {
    std::string_view whole, fraction, unit;
    bool well_formed = false;
};

Quantity split(std::string_view text) {
    Quantity q;
    const auto digits = [&](std::size_t from) {
        std::size_t end = from;
        while (end < text.size() && is_digit(text[end])) ++end;
        return end;
    };
    std::size_t end = digits(0);
    q.whole = text.substr(0, end);
    q.well_formed = end > 0 && end <= kMaxDigits;
    if (end < text.size() && text[end] == '.') {
        const std::size_t fraction_end = digits(end + 1);
        q.fraction = text.substr(end + 1, fraction_end - end - 1);
        q.well_formed = q.well_formed && !q.fraction.empty() && q.fraction.size() <= 6;
        end = fraction_end;
    }
    q.unit = text.substr(end);
    return q;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array kDurationUnits{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000},
                                    Unit{"h", 3'600'000}};
constexpr std::array kSizeUnits{Unit{"B", 1}, Unit{"KiB", std::uint64_t{1} << 10U},
                                Unit{"MiB", std::uint64_t{1} << 20U},
                                Unit{"GiB", std::uint64_t{1} << 30U}};

template <class Units>
std::optional<std::uint64_t> factor_of(const Units& units, std::string_view name) {
    for (const auto& unit : units) {
        if (unit.name == name) return unit.factor;
    }
    return std::nullopt;
}

// whole.fraction * factor, if that is a whole number.
std::optional<std::uint64_t> scaled(const Quantity& q, std::uint64_t factor) {
    std::uint64_t divisor = 1;
    for (std::size_t i = 0; i < q.fraction.size(); ++i) divisor *= 10;
    const std::uint64_t part = q.fraction.empty() ? 0 : to_integer(q.fraction) * factor;
    if (part % divisor != 0) return std::nullopt;
    const std::uint64_t whole = to_integer(q.whole);
    if (whole > std::numeric_limits<std::int64_t>::max() / factor / 2) return std::nullopt;
    return whole * factor + part / divisor;
}

template <class Units>
std::string format(const Units& units, std::uint64_t value) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
        if (value % unit->factor == 0 && (value != 0 || unit->factor == 1)) {
            return std::to_string(value / unit->factor) + std::string(unit->name);
        }
    }
    return std::to_string(value);
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
    const Quantity q = split(text);
    const std::string number(text);
    if (q.well_formed && q.unit.empty()) {
        return {{},
                in_quotes(text) + " has no unit; write " + number + "s for seconds (or " + number +
                    "ms, " + number + "m, " + number + "h)"};
    }
    const auto factor = factor_of(kDurationUnits, q.unit);
    if (!q.well_formed || !factor) {
        return {{}, in_quotes(text) + " is not a duration; write it as 250ms, 5s, 2m or 1h"};
    }
    const auto value = scaled(q, *factor);
    if (!value) return {{}, in_quotes(text) + " is not a whole number of milliseconds"};
    return {Duration{static_cast<Duration::rep>(*value)}, {}};
}

Parsed<std::chrono::hours> parse_age(std::string_view text) {
    using std::chrono::hours;
    // Clocks that count nanoseconds go no further than 292 years back.
    constexpr std::uint64_t kMostDays = 36'500;
    if (text == "forever") return {hours(0), {}};
    const std::string wrong = in_quotes(text) + " is not an age; write it as 90d, 12h or forever";
    const std::string too_long =
        in_quotes(text) + " is not an age; it may be 36500d at most, or forever";
    if (text.ends_with('d')) {
        const auto days = parse_integer(text.substr(0, text.size() - 1));
        if (!days || *days.value == 0) return {{}, wrong};
        if (*days.value > kMostDays) return {{}, too_long};
        return {hours(24 * static_cast<hours::rep>(*days.value)), {}};
    }
    const auto time = parse_duration(text);
    if (!time) return {{}, wrong};
    const auto whole = std::chrono::floor<hours>(*time.value);
    if (whole.count() < 1 || whole != *time.value) return {{}, wrong};
    if (whole > hours(24 * kMostDays)) return {{}, too_long};
    return {whole, {}};
}

std::string format_duration(Duration duration) {
    if (duration.count() == 0) return "0s";
    return format(kDurationUnits, static_cast<std::uint64_t>(duration.count()));
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
    const Quantity q = split(text);
    if (q.well_formed && q.fraction.empty() && q.unit.empty()) return {to_integer(q.whole), {}};
    const auto factor = factor_of(kSizeUnits, q.unit);
    if (!q.well_formed || !factor) {
        return {{},
                in_quotes(text) +
                    " is not a size; write it as 64KiB, 8MiB, 1GiB or as a number of bytes"};
    }
    const auto value = scaled(q, *factor);
    if (!value) return {{}, in_quotes(text) + " is not a whole number of bytes"};
    return {*value, {}};
}

std::string format_size(std::uint64_t bytes) {
    return format(kSizeUnits, bytes);
}

Parsed<std::uint64_t> parse_integer(std::string_view text) {
    if (!all_digits(text))
        return {{}, in_quotes(text) + " is not a whole number; write digits only"};
    if (text.size() > 18) return {{}, in_quotes(text) + " is too large"};
    return {to_integer(text), {}};
}

Parsed<double> parse_number(std::string_view text) {
    const Quantity q = split(text);
    // More decimals than six are fine here; from_chars reads what split() only shapes.
    const bool plain =
        q.unit.empty() && !q.whole.empty() && text.size() <= 24 && text.back() != '.';
    double value = 0;
    const auto end = text.data() + text.size();
    if (!plain || std::from_chars(text.data(), end, value).ptr != end) {
        return {{}, in_quotes(text) + " is not a number such as 2.50"};
    }
    return {value, {}};
}

Parsed<double> parse_percent(std::string_view text) {
    const std::string error = in_quotes(text) + " is not a percentage such as 5%";
    if (text.empty() || text.back() != '%') return {{}, error};
    const auto number = parse_number(text.substr(0, text.size() - 1));
    if (!number) return {{}, error};
    return {number.value, {}};
}

namespace {

// "2026-12-31" of fixed width; the separators stand where they have to.
std::optional<std::chrono::sys_days> parse_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = text.substr(0, 4), month = text.substr(5, 2), day = text.substr(8, 2);
    if (!all_digits(year) || !all_digits(month) || !all_digits(day)) return std::nullopt;
    const std::chrono::year_month_day date{
        std::chrono::year{static_cast<int>(to_integer(year))},
        std::chrono::month{static_cast<unsigned>(to_integer(month))},
        std::chrono::day{static_cast<unsigned>(to_integer(day))}};
    if (!date.ok() || date.year() < std::chrono::year{1970}) return std::nullopt;
    return std::chrono::sys_days{date};
}

// "18:00:00Z"
std::optional<std::chrono::seconds> parse_clock(std::string_view text) {
    if (text.size() != 9 || text[2] != ':' || text[5] != ':' || text[8] != 'Z') return std::nullopt;
    const auto hour = text.substr(0, 2), minute = text.substr(3, 2), second = text.substr(6, 2);
    if (!all_digits(hour) || !all_digits(minute) || !all_digits(second)) return std::nullopt;
    const auto h = to_integer(hour), m = to_integer(minute), s = to_integer(second);
    if (h > 23 || m > 59 || s > 59) return std::nullopt;
    return std::chrono::seconds{h * 3600 + m * 60 + s};
}

}  // namespace

Parsed<std::chrono::sys_seconds> parse_time(std::string_view text) {
    const auto date = parse_date(text.substr(0, 10));
    if (date && text.size() == 10) return {*date + std::chrono::days{1}, {}};
    if (date && text[10] == 'T') {
        if (const auto clock = parse_clock(text.substr(11))) return {*date + *clock, {}};
    }
    return {std::nullopt, in_quotes(text) +
                              " is not a date; write 2026-12-31 (the end of that day in UTC) or "
                              "2026-12-31T18:00:00Z"};
}

std::string format_time(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::array<char, 64> text{};
    const int size = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    return {text.data(), static_cast<std::size_t>(std::max(size, 0))};
}

Parsed<bool> parse_boolean(std::string_view text) {
    if (text == "true") return {true, {}};
    if (text == "false") return {false, {}};
    return {{}, in_quotes(text) + " is neither true nor false"};
}

}  // namespace understudy::config
