// The waits that upstreams ask for, in every notation met in practice.
#include "wire/classify.hpp"
#include "wire/error_evidence.hpp"
#include "wire/octets.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace understudy::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kMaxWait = std::chrono::hours(24);

milliseconds capped(double wait_ms) {
    const double limit = static_cast<double>(kMaxWait.count());
    // Rounded up: a client that comes back a fraction of a millisecond early is refused again.
    return milliseconds(static_cast<std::int64_t>(std::ceil(std::clamp(wait_ms, 0.0, limit))));
}

/// A wait below nothing, or until a moment that is over by a clock that goes otherwise, says
/// nothing.
std::optional<milliseconds> sensible(double wait_ms) {
    return wait_ms < 0 ? std::nullopt : std::optional(capped(wait_ms));
}

/// A plain decimal number in front of `text`, which is taken off it.
std::optional<double> take_number(std::string_view& text) {
    const auto digits = text.starts_with('-') ? text.substr(1) : text;
    // from_chars also knows "inf" and "nan".
    if (digits.empty() || !(is(digits.front(), kDigit) || digits.front() == '.')) return {};
    double value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (ec != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return value;
}

std::optional<double> number(std::string_view text) {
    const auto value = take_number(text);
    return text.empty() ? value : std::nullopt;
}

/// The unit in front of `text` in milliseconds; "ms" before "m".
std::optional<double> take_unit(std::string_view& text) {
    struct Unit {
        std::string_view name;
        double wait_ms;
    };
    // Days are none of Go's, but limits that count by the day are told so.
    constexpr std::array<Unit, 5> units{
        {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    for (const auto& unit : units) {
        if (!text.starts_with(unit.name)) continue;
        text.remove_prefix(unit.name.size());
        return unit.wait_ms;
    }
    return {};
}

/// Seconds ("2", "0.5"), or a Go duration ("6m0s", "12ms", "1h2m3.5s"), in milliseconds.
std::optional<double> duration_ms(std::string_view text) {
    if (const auto seconds = number(text)) return *seconds * 1'000;
    double total = 0;
    if (text.empty()) return {};
    while (!text.empty()) {
        const auto value = take_number(text);
        const auto unit = value ? take_unit(text) : std::nullopt;
        if (!unit) return {};
        total += *value * *unit;
    }
    return total;
}

/// The pieces of an HTTP date that matter; 0 stands for "not seen".
struct DateParts {
    unsigned month = 0;
    unsigned day = 0;
    int year = -1;
    std::chrono::seconds time{-1};
};

std::optional<unsigned> whole_number(std::string_view text) {
    unsigned value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data(), end, value);
    if (ec != std::errc{} || stop != end) return {};
    return value;
}

std::optional<std::chrono::seconds> time_of_day(std::string_view text) {
    if (text.size() != 8 || text[2] != ':' || text[5] != ':') return {};
    const auto hours = whole_number(text.substr(0, 2));
    const auto minutes = whole_number(text.substr(3, 2));
    const auto seconds = whole_number(text.substr(6, 2));
    if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return {};
    return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
           std::chrono::seconds(*seconds);
}

unsigned month_of(std::string_view text) {
    constexpr std::array<std::string_view, 12> names{"jan", "feb", "mar", "apr", "may", "jun",
                                                     "jul", "aug", "sep", "oct", "nov", "dec"};
    for (unsigned i = 0; i < names.size(); ++i) {
        if (iequals(text, names[i])) return i + 1;
    }
    return 0;
}

// Two digits (RFC 850) mean the latest such year that is at most 50 years ahead (RFC 9110 5.6.7).
int year_of(unsigned value, std::size_t digits, int this_year) {
    if (digits != 2) return static_cast<int>(value);
    const int latest = this_year + 50;
    const int year = latest - latest % 100 + static_cast<int>(value);
    return year > latest ? year - 100 : year;
}

bool note_part(std::string_view text, int this_year, DateParts& date) {
    if (const auto time = time_of_day(text)) {
        date.time = *time;
    } else if (const auto value = whole_number(text)) {
        if (date.day == 0 && *value <= 31) {
            date.day = *value;
        } else {
            date.year = year_of(*value, text.size(), this_year);
        }
    } else if (const auto month = month_of(text)) {
        date.month = month;
    }
    // What is left is the name of the day and "GMT": the only zone there is.
    return text.size() <= 9;
}

/// IMF-fixdate, RFC 850 and asctime dates (RFC 9110 5.6.7): the same pieces in another order, in
/// all of them the day before the year.
std::optional<std::chrono::sys_seconds> http_date(std::string_view text, int this_year) {
    DateParts date;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" ,-"), text.size());
        if (end != 0 && !note_part(text.substr(0, end), this_year, date)) return {};
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    const std::chrono::year_month_day day{
        std::chrono::year(date.year), std::chrono::month(date.month), std::chrono::day(date.day)};
    if (date.year < 1900 || date.year > 9999 || !day.ok() || date.time.count() < 0) return {};
    return std::chrono::sys_days(day) + date.time;
}

std::optional<milliseconds> from_retry_after(std::string_view value,
                                             system_clock::time_point wall_now) {
    if (const auto wait_ms = duration_ms(value)) return sensible(*wait_ms);
    const auto today = std::chrono::floor<std::chrono::days>(wall_now);
    const auto this_year = static_cast<int>(std::chrono::year_month_day(today).year());
    if (const auto date = http_date(value, this_year)) {
        // In floating point: a date may lie beyond what system_clock can count in nanoseconds.
        using Milliseconds = std::chrono::duration<double, std::milli>;
        return sensible(
            (Milliseconds(date->time_since_epoch()) - Milliseconds(wall_now.time_since_epoch()))
                .count());
    }
    return {};
}

/// "2026-11-28T20:15:00Z", with a fraction or an offset or both (RFC 3339), as seconds since 1970.
std::optional<double> rfc3339(std::string_view text) {
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't') return {};
    const auto year = whole_number(text.substr(0, 4));
    const auto month = whole_number(text.substr(5, 2));
    const auto day = whole_number(text.substr(8, 2));
    const auto time = time_of_day(text.substr(11, 8));
    if (!year || !month || !day || !time) return {};
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(*month), std::chrono::day(*day)};
    if (!date.ok()) return {};
    const auto whole = std::chrono::sys_days(date).time_since_epoch() + *time;
    auto seconds = static_cast<double>(std::chrono::seconds(whole).count());
    text.remove_prefix(19);
    if (text.front() == '.') {
        const auto fraction = take_number(text);
        if (!fraction) return {};
        seconds += *fraction;
    }
    if (iequals(text, "z")) return seconds;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return {};
    const auto hours = whole_number(text.substr(1, 2));
    const auto minutes = whole_number(text.substr(4, 2));
    if (!hours || !minutes) return {};
    const double offset = *hours * 3600.0 + *minutes * 60.0;
    return text[0] == '+' ? seconds - offset : seconds + offset;
}

/// How long until a reset, in milliseconds, in each notation that providers use.
std::optional<double> until_reset(std::string_view value, system_clock::time_point wall_now) {
    constexpr double first_unix_seconds = 5e8;  // 1985; no wait is that long
    constexpr double first_unix_millis = 1e12;  // OpenRouter counts in these
    const double now_ms =
        std::chrono::duration<double, std::milli>(wall_now.time_since_epoch()).count();
    if (const auto moment = rfc3339(value)) return *moment * 1'000 - now_ms;
    if (const auto moment = number(value); moment && *moment >= first_unix_seconds) {
        return (*moment >= first_unix_millis ? *moment : *moment * 1'000) - now_ms;
    }
    return duration_ms(value);
}

/// The name of the field beside a reset: "x-ratelimit-remaining-tokens" for "...-reset-tokens".
std::string beside(std::string_view name, std::size_t reset_at, std::string_view word) {
    constexpr std::string_view reset = "reset";
    std::string other(name.substr(0, reset_at));
    return other.append(word).append(name.substr(reset_at + reset.size()));
}

std::string lowered(std::string_view name) {
    std::string out(name);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

/// No name that has "ratelimit" and "reset" in it is shorter.
constexpr std::size_t kShortestReset = 14;

/// Where a rate-limit field says in its name that it is one; npos for any other field.
std::size_t find_family(std::string_view name) {
    return std::min(name.find("ratelimit"), name.find("rate-limit"));
}

/// Where "reset" stands in the name of a rate-limit field; npos for any other field.
std::size_t find_reset(std::string_view name) {
    const auto family = find_family(name);
    return family == std::string_view::npos ? family : name.find("reset", family);
}

// 0 and negative resets occur without meaning anything (Azure's Responses API sends -1).
std::optional<milliseconds> from_reset(const Fields& fields, std::string_view name,
                                       std::string_view value, system_clock::time_point wall_now) {
    const auto at = find_reset(name);
    if (at == std::string_view::npos) return {};
    const auto wait_ms = until_reset(value, wall_now);
    if (!wait_ms || *wait_ms <= 0) return {};
    const auto left = fields.find(beside(name, at, "remaining"));
    if (left.data() != nullptr && number(left).value_or(0) > 0) return {};
    const auto status = fields.find(beside(name, at, "status"));  // of Anthropic's plans
    if (status.data() != nullptr && !iequals(status, "rejected")) return {};
    return capped(*wait_ms);
}

}  // namespace

std::optional<milliseconds> retry_after(const Fields& fields, system_clock::time_point wall_now) {
    const auto wait_ms = number(fields.find("retry-after-ms"));
    if (const auto wait = wait_ms ? sensible(*wait_ms) : std::nullopt) return wait;
    const auto value = fields.find("retry-after");
    if (const auto wait = from_retry_after(value, wall_now)) return wait;
    std::optional<milliseconds> longest;
    for (const auto& field : fields) {
        if (field.name.size() < kShortestReset) continue;
        const auto name = lowered(field.name);
        // std::optional compares an empty one as less than any other.
        longest = std::max(longest, from_reset(fields, name, field.value, wall_now));
    }
    return longest;
}

bool is_rate_limit_field(std::string_view name) {
    return find_family(lowered(name)) != std::string_view::npos;
}

std::optional<milliseconds> retry_delay(std::string_view body) {
    // Nearly no error has one, and each is asked. The name may be written in escapes.
    const auto has = [body](std::string_view text) {
        return body.find(text) != std::string_view::npos;
    };
    if (!has("retryDelay") && !has("\\u")) return std::nullopt;
    const auto delay = gather_evidence(body).retry_delay;
    const auto wait_ms = duration_ms(delay);
    return wait_ms && *wait_ms > 0 ? std::optional(capped(*wait_ms)) : std::nullopt;
}

}  // namespace understudy::wire
