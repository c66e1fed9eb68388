#include "proxy/api_query.hpp"

#include "config/scalars.hpp"
#include "metrics/series.hpp"
#include "wire/percent.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace understudy::proxy {

namespace {

constexpr std::size_t kMostRequests = 1000, kMostLines = 10'000;
// All lines before a page are kept while it is looked for.
constexpr std::int64_t kMostSkipped = 100'000;

LocalError wrong(std::string_view name, std::string_view expected) {
    return {400, "invalid_request",
            std::string(name) + ": expected " + std::string(expected) + '.'};
}

struct Parameter {
    std::string name, value;
};

std::vector<Parameter> parameters(std::string_view query) {
    std::vector<Parameter> out;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        std::string pair(query.substr(0, end));
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        std::replace(pair.begin(), pair.end(), '+', ' ');
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = pair.substr(std::min(equals + 1, pair.size()));
        out.push_back(
            {wire::percent_decoded(pair.substr(0, equals)), wire::percent_decoded(value)});
    }
    return out;
}

std::optional<std::int64_t> integer(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

/// An age (24h, 7d, forever) or seconds since 1970.
std::optional<std::int64_t> time_of(const std::string& text, std::int64_t now_us) {
    constexpr std::int64_t kLatest = 100'000'000'000;  // seconds: the year 5138
    if (const auto seconds = integer(text); seconds && *seconds < kLatest) {
        return *seconds * 1'000'000;
    }
    const auto age = config::parse_age(text);
    if (!age) return std::nullopt;
    const std::chrono::microseconds back = *age.value;
    return back.count() == 0 ? 0 : now_us - back.count();
}

/// Reads `since` and `until`; false: it is neither. `problem`: what is wrong with it.
bool read_time(const Parameter& p, std::int64_t now_us, ledger::Span& span,
               std::optional<LocalError>& problem) {
    if (p.name != "since" && p.name != "until") return false;
    const auto time = time_of(p.value, now_us);
    if (!time) problem = wrong(p.name, "an age such as 24h or 7d, or seconds since 1970");
    if (time) (p.name == "since" ? span.from_us : span.to_us) = *time;
    return true;
}

/// Reads a number of things to be answered into `out`; else what is wrong.
std::optional<LocalError> read_limit(const Parameter& p, std::size_t most, std::size_t& out) {
    const auto limit = integer(p.value);
    if (!limit || *limit < 1 || *limit > static_cast<std::int64_t>(most)) {
        return wrong("limit", "1 to " + std::to_string(most));
    }
    out = static_cast<std::size_t>(*limit);
    return std::nullopt;
}

using Result = std::variant<ApiQuery, LocalError>;

LocalError unknown(const Parameter& p, std::string_view known) {
    return {400, "invalid_request",
            "There is no parameter " + p.name.substr(0, 64) + "; known are " + std::string(known) +
                '.'};
}

Result read_usage(const std::vector<Parameter>& given, std::int64_t now_us) {
    constexpr std::int64_t kDayUs = 86'400'000'000;
    AskUsage ask;
    ask.span.from_us = now_us - kDayUs;
    for (const auto& p : given) {
        std::optional<LocalError> problem;
        if (read_time(p, now_us, ask.span, problem)) {
            if (problem) return *problem;
        } else if (p.name == "by") {
            const auto by = ledger::by_from(p.value);
            if (!by) return wrong("by", "model, upstream, route, key, session or day");
            ask.by = *by;
        } else if (p.name == "format") {
            if (p.value != "json" && p.value != "csv") return wrong("format", "json or csv");
            ask.csv = p.value == "csv";
        } else if (p.name == "limit") {
            if (const auto wrong_limit = read_limit(p, kMostLines, ask.limit)) {
                return *wrong_limit;
            }
        } else if (p.name == "skip") {
            const auto skip = integer(p.value);
            if (!skip) return wrong("skip", "the `next` of the page before");
            if (*skip > kMostSkipped)
                return wrong("skip", "at most 100000; ask for a shorter time to see the others");
            ask.skip = static_cast<std::size_t>(*skip);
        } else {
            return unknown(p, "since, until, by, format, limit and skip");
        }
    }
    return ask;
}

/// What an outcome may be; else what is wrong.
std::optional<LocalError> check_outcome(std::string_view value) {
    std::string known;
    for (std::size_t i = 0; i < metrics::kOutcomes; ++i) {
        const auto name = metrics::name_of(static_cast<metrics::Outcome>(i));
        if (value == name) return std::nullopt;
        if (i != 0) known += i + 1 == metrics::kOutcomes ? " or " : ", ";
        known += name;
    }
    return wrong("outcome", known);
}

Result read_requests(const std::vector<Parameter>& given, std::int64_t now_us) {
    AskRequests ask;
    auto& f = ask.filter;
    for (const auto& p : given) {
        std::optional<LocalError> problem;
        std::string* text = nullptr;
        for (const auto& [name, member] :
             {std::pair{"session", &f.session}, std::pair{"route", &f.route},
              std::pair{"key", &f.key}, std::pair{"model", &f.model},
              std::pair{"upstream", &f.upstream}, std::pair{"outcome", &f.outcome}}) {
            if (p.name == name) text = member;
        }
        if (text != nullptr) {
            *text = p.value;
            if (text != &f.outcome) continue;
            if (const auto wrong_outcome = check_outcome(p.value)) return *wrong_outcome;
        } else if (read_time(p, now_us, f.span, problem)) {
            if (problem) return *problem;
        } else if (p.name == "limit") {
            if (const auto wrong_limit = read_limit(p, kMostRequests, f.limit)) return *wrong_limit;
        } else if (p.name == "before") {
            f.before = integer(p.value);
            if (!f.before) return wrong("before", "the `next` of the page before");
        } else {
            return unknown(p,
                           "since, until, session, route, key, model, upstream, outcome, limit and "
                           "before");
        }
    }
    return ask;
}

}  // namespace

Result read_api_query(std::string_view target, std::int64_t now_us) {
    const auto mark = std::min(target.find('?'), target.size());
    const auto path = target.substr(0, mark);
    const auto given = parameters(target.substr(std::min(mark + 1, target.size())));
    constexpr std::string_view kRequest = "/api/requests/", kSession = "/api/sessions/";
    if (path == "/api/usage") return read_usage(given, now_us);
    if (path == "/api/requests") return read_requests(given, now_us);
    if (!given.empty()) return unknown(given.front(), "none here");
    if (path == "/api/upstreams") return AskUpstreams{};
    if (path.starts_with(kRequest) && path.size() > kRequest.size()) {
        return AskRequest{wire::percent_decoded(path.substr(kRequest.size()))};
    }
    if (path.starts_with(kSession) && path.size() > kSession.size()) {
        return AskSession{wire::percent_decoded(path.substr(kSession.size()))};
    }
    return LocalError(404, "not_found",
                      "There is /api/usage, /api/requests, /api/requests/{id}, "
                      "/api/sessions/{name} and /api/upstreams.");
}

}  // namespace understudy::proxy
