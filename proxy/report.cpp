#include "proxy/report.hpp"

#include "wire/answer_traits.hpp"
#include "wire/append.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace understudy::proxy {

namespace {

static_assert(wire::kFailureClassCount <= metrics::kMaxReasons);

// What can stand in a trace, a header and a log as it is.
constexpr auto kPlainInTrace = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = '!'; c < 0x7f; ++c) plain[c] = true;
    for (const char c : {',', ';', '"', '\\'}) plain[static_cast<unsigned char>(c)] = false;
    return plain;
}();
constexpr std::string_view kBetweenEntries = ", ";

std::uint64_t nanoseconds(std::chrono::nanoseconds d) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, d.count()));
}

std::uint64_t milliseconds(std::chrono::nanoseconds d) {
    return nanoseconds(d) / 1'000'000;
}

char* put(char* out, std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char* put(char* out, std::uint64_t number) {
    return wire::put_number(out, number);
}

char* put_model(char* out, std::string_view model) {
    for (const char c : shortened(model)) {
        *out++ = kPlainInTrace[static_cast<unsigned char>(c)] ? c : '_';
    }
    return out;
}

// Put together aside: every request has one, and an append for each part costs more than the part.
void append_entry(std::string& out, const TraceEntry& entry) {
    constexpr std::size_t kUsualName = 64;
    std::array<char, kUsualName + kMaxNameInTrace + 64> text;
    char* end = text.data();
    if (entry.upstream.size() <= kUsualName) [[likely]] {
        end = put(end, entry.upstream);
    } else {
        out.append(entry.upstream);
    }
    if (!entry.model.empty()) end = put_model(put(end, "/"), entry.model);
    end = put(put(put(end, ";"), wire::name_of(entry.reason)), ";");
    end = entry.status != 0 ? put(end, std::uint64_t{entry.status}) : put(end, "-");
    end = put(put(put(end, ";"), milliseconds(entry.took)), "ms");
    out.append(text.data(), end);
}

void add_usage(LogFields& f, const RequestUsage& usage) {
    if (!usage.reported && !usage.estimated) return;
    const auto& t = usage.tokens;
    f.emplace_back("usage", !usage.estimated ? "reported" : usage.reported ? "both" : "estimated");
    f.emplace_back("prompt_tokens", t.prompt());
    f.emplace_back("completion_tokens", t.completion());
    if (t.cache_read > 0) f.emplace_back("cache_read_tokens", t.cache_read);
    if (t.cache_write > 0) f.emplace_back("cache_write_tokens", t.cache_write);
    if (t.reasoning > 0) f.emplace_back("reasoning_tokens", t.reasoning);
}

}  // namespace

void RequestUsage::add(const Bill& attempt) {
    const auto& more = attempt.tokens;
    tokens.input += more.input;
    tokens.cache_read += more.cache_read;
    tokens.cache_write += more.cache_write;
    tokens.output += more.output;
    tokens.reasoning += more.reasoning;
    reported |= attempt.reported;
    estimated |= attempt.estimated;
}

bool AttemptReport::hedge_won() const {
    const bool poor = wire::kQualityClasses.contains(reason);
    return cause == Cause::hedge && served && !overtaken && !poor;
}

bool AttemptReport::usage_missing() const {
    // One that was not let to its end may have said it there.
    // What is paid for by the piece is paid for without.
    const bool told = bill.said().total() > 0 || bill.priced_by == PricedBy::upstream;
    return ended && wire::traits_of(shape).counts_tokens && !told;
}

std::string_view shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    // Not in the middle of a character.
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
    return text.substr(0, most);
}

std::string_view ModelName::of(std::string_view model) {
    const char* const end = put_model(text_.data(), model);
    return {text_.data(), static_cast<std::size_t>(end - text_.data())};
}

void append_model_name(std::string& out, std::string_view model) {
    ModelName name;
    out.append(name.of(model));
}

std::string attempt_name(std::string_view upstream, std::string_view model) {
    std::string name;
    append_attempt_name(name, upstream, model);
    return name;
}

void append_attempt_name(std::string& out, std::string_view upstream, std::string_view model) {
    out += upstream;
    if (!model.empty()) append_model_name(out += '/', model);
}

void append_trace(std::string& trace, const TraceEntry& entry) {
    constexpr std::size_t kUsualEntry = 80;
    trace.reserve(trace.size() + kUsualEntry);
    if (!trace.empty()) trace += kBetweenEntries;
    append_entry(trace, entry);
}

void append_skipped(std::string& trace, std::string_view upstream, std::string_view model) {
    if (!trace.empty()) trace += kBetweenEntries;
    append_attempt_name(trace, upstream, model);
    trace += ";skipped;-;0ms";
}

// No entry holds a comma: no name of an upstream does, and append_model_name() leaves none.
void replace_trace(std::string& trace, std::size_t place, const TraceEntry& entry) {
    std::size_t begin = 0;
    for (; place > 0; --place) begin = trace.find(kBetweenEntries, begin) + kBetweenEntries.size();
    const auto end = std::min(trace.find(kBetweenEntries, begin), trace.size());
    std::string text;
    append_entry(text, entry);
    trace.replace(begin, end - begin, text);
}

void count(const AttemptReport& report, metrics::AttemptSeries& series) {
    series.attempts[static_cast<std::size_t>(report.reason)].add();
    series.duration.observe(nanoseconds(report.took));
    if (report.event_stream && report.first_token.count() >= 0) {
        series.first_token.observe(nanoseconds(report.first_token));
    }
    const auto& bill = report.bill;
    const auto add = [&](const metrics::TokenCounts& tokens, std::int64_t cost,
                         metrics::Source source) {
        if (tokens.total() > 0) series.add_usage(tokens, source);
        if (cost <= 0) return;
        // Full is at 18 million dollars, and no counter ever falls.
        auto& counter = series.cost_pico_usd[static_cast<std::size_t>(source)];
        const auto room = std::numeric_limits<std::uint64_t>::max() - counter.value();
        counter.add(std::min(static_cast<std::uint64_t>(cost), room));
    };
    if (bill.reported) add(bill.said(), bill.said_cost_pico_usd(), metrics::Source::reported);
    if (bill.estimated) {
        add(bill.guessed, bill.guessed_cost_pico_usd, metrics::Source::estimated);
    }
    if (bill.unpriced()) series.unpriced.add();
    if (report.usage_missing()) series.usage_missing.add();
}

LogFields log_fields(const RequestReport& report) {
    LogFields f;
    f.reserve(24);
    f.emplace_back("id", report.id);
    f.emplace_back("path", report.path);
    f.emplace_back("model", shortened(report.model));
    if (!report.route.empty()) f.emplace_back("route", report.route);
    f.emplace_back("outcome", metrics::name_of(report.outcome));
    // The outcomes are a closed set, in which this one is "exhausted"; but it was answered.
    if (report.broken) f.emplace_back("ended", "broken");
    f.emplace_back("status", static_cast<std::uint64_t>(report.status));
    if (!report.error_code.empty()) f.emplace_back("code", report.error_code);
    f.emplace_back("ms", milliseconds(report.took));
    f.emplace_back("stream", report.stream);
    f.emplace_back("attempts", static_cast<std::uint64_t>(report.attempts));
    if (report.stale_replays > 0) {
        f.emplace_back("stale_replays", static_cast<std::uint64_t>(report.stale_replays));
    }
    if (!report.trace.empty()) f.emplace_back("trace", report.trace);
    if (!report.served_by.empty()) f.emplace_back("upstream", report.served_by);
    if (!report.served_model.empty()) f.emplace_back("served_model", report.served_model);
    add_usage(f, report.usage);
    if (report.total_cost_pico_usd > 0) {
        f.emplace_back("cost_usd", LogNumber{metrics::format_usd(report.total_cost_pico_usd)});
    }
    if (!report.key.empty()) f.emplace_back("key", report.key);
    const bool known = !report.client.is_unspecified();
    f.emplace_back("client", known ? report.client.to_string() : std::string());
    if (!report.session.empty()) f.emplace_back("session", report.session);
    return f;
}

}  // namespace understudy::proxy
