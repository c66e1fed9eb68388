#include "proxy/ledger_json.hpp"

#include "metrics/price.hpp"
#include "proxy/json_object.hpp"
#include "proxy/log.hpp"
#include "wire/json_scan.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <ctime>

namespace understudy::proxy {

using json::list;
using json::Object;
using ledger::By;
using ledger::KeptAttempt;
using ledger::KeptRequest;
using ledger::Sums;
using ledger::Tokens;

namespace {

// Dollars, exactly, as metrics::format_usd() writes them; sums of nano-dollars do not fit in pico.
std::string usd(std::int64_t nano) {
    constexpr std::uint64_t kPerDollar = 1'000'000'000;
    const auto bits = static_cast<std::uint64_t>(nano);
    const auto amount = nano < 0 ? ~bits + 1 : bits;
    std::string out = (nano < 0 ? "-" : "") + std::to_string(amount / kPerDollar);
    const auto fraction = amount % kPerDollar;
    if (fraction == 0) return out;
    auto digits = std::to_string(kPerDollar + fraction);
    digits.erase(digits.find_last_not_of('0') + 1);
    return out.append(1, '.').append(digits, 1);
}

void add_tokens(Object& o, const Tokens& t) {
    o.add("prompt_tokens", t.prompt()).add("completion_tokens", t.completion());
    o.add("cache_read_tokens", t.cache_read).add("cache_write_tokens", t.cache_write);
    o.add("reasoning_tokens", t.reasoning);
}

void add_sums(Object& o, const Sums& s) {
    o.add("requests", s.requests).add("attempts", s.attempts).add("failed_attempts", s.failed);
    add_tokens(o, s.tokens);
    o.add("estimated_prompt_tokens", s.estimated_input);
    o.add("estimated_completion_tokens", s.estimated_output);
    o.raw("cost_usd", usd(s.cost_nano_usd));
    o.raw("estimated_cost_usd", usd(s.estimated_cost_nano_usd));
    o.add("usage_missing", s.missing).add("unpriced", s.unpriced);
}

std::string milliseconds(std::int64_t us) {
    return std::to_string((us + 500) / 1000);
}

Object request_object(const KeptRequest& r) {
    Object o;
    o.add("id", r.request).add("ended", time_text(r.id));
    o.maybe("session", r.session).maybe("key", r.key).maybe("route", r.route);
    o.add("path", r.path).maybe("model", r.model).add("outcome", r.outcome);
    o.add("status", r.status).maybe("code", r.code).add("stream", r.stream);
    o.add("broken", r.broken).add("attempts", r.attempts);
    o.maybe("upstream", r.served_by).maybe("served_model", r.served_model);
    o.raw("ms", milliseconds(r.total_us)).add("bytes", r.bytes_received);
    o.add("prompt_tokens", r.prompt_tokens).add("completion_tokens", r.completion_tokens);
    o.raw("cost_usd", usd(r.cost_nano_usd));
    return o;
}

std::string_view name_of_kind(ledger::UsageKind kind) {
    constexpr std::array<std::string_view, 5> kNames{"none", "reported", "estimated", "both",
                                                     "missing"};
    return kNames[std::min<std::size_t>(static_cast<std::size_t>(kind), kNames.size() - 1)];
}

std::string attempt_json(const KeptAttempt& a) {
    Object o;
    o.add("number", a.number).add("upstream", a.upstream).maybe("model", a.model);
    o.maybe("answered_model", a.answered).maybe("dialect", a.dialect);
    o.add("why", a.cause).add("position", a.position).add("verdict", a.reason);
    o.add("status", a.status).maybe("detail", a.detail).add("deliveries", a.deliveries);
    o.add("ended", time_text(a.id)).raw("ms", milliseconds(a.total_us));
    o.raw("first_token_ms", a.first_token_us ? milliseconds(*a.first_token_us) : "null");
    o.add("bytes_sent", a.bytes_sent).add("bytes_received", a.bytes_received);
    o.add("usage", name_of_kind(a.usage));
    add_tokens(o, a.tokens);
    o.add("estimated_prompt_tokens", a.estimated_input);
    o.add("estimated_completion_tokens", a.estimated_output);
    o.raw("cost_usd", a.unpriced ? "null" : usd(a.cost_nano_usd));
    o.raw("estimated_cost_usd", usd(a.estimated_cost_nano_usd));
    o.maybe("price", a.price).maybe("service_tier", a.tier);
    return o.done();
}

// OpenHands' TokenUsage. What was guessed is what was used, as far as anybody knows.
std::string token_usage(std::string_view model, const Tokens& t, std::uint64_t guessed_prompt,
                        std::uint64_t guessed_completion, std::string_view id) {
    Object o;
    const auto p = t.prompt() + guessed_prompt, c = t.completion() + guessed_completion;
    o.add("model", model).add("prompt_tokens", p).add("completion_tokens", c);
    o.add("cache_read_tokens", t.cache_read).add("cache_write_tokens", t.cache_write);
    o.add("reasoning_tokens", t.reasoning).raw("context_window", "0");
    o.add("per_turn_token", id.empty() ? std::uint64_t{0} : p + c).add("response_id", id);
    return o.done();
}

std::string seconds(std::int64_t us) {
    std::array<char, 48> text;
    std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(us) / 1e6);
    return text.data();
}

// Clients have chosen it: nothing of it may move a terminal's cursor.
std::string shown(const std::string& name) {
    return name.empty() ? "-" : harmless(name);
}

/// Characters that a terminal shows side by side.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

// A spreadsheet takes what begins so for a formula, wherever it comes from.
bool looks_like_formula(std::string_view text) {
    return !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
}

std::string csv_field(const std::string& name) {
    const bool formula = looks_like_formula(name);
    const auto text = (formula ? "'" : "") + harmless(name);
    if (!formula && text.find_first_of(",\"") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

/// Names of the columns of a table, and what stands in them.
constexpr std::array<std::string_view, 9> kColumns{"requests",  "attempts",  "failed",
                                                   "prompt",    "cached",    "completion",
                                                   "reasoning", "estimated", "cost USD"};
// What has a price for none of its tokens is not free.
std::string cost_cell(const Sums& s) {
    const auto cost = s.cost_nano_usd + s.estimated_cost_nano_usd;
    return s.unpriced > 0 && cost == 0 ? "-" : usd(cost);
}
std::array<std::string, 9> cells(const Sums& s) {
    const auto n = [](std::uint64_t number) { return std::to_string(number); };
    return {n(s.requests),
            n(s.attempts),
            n(s.failed),
            n(s.tokens.prompt()),
            n(s.tokens.cache_read),
            n(s.tokens.completion()),
            n(s.tokens.reasoning),
            n(s.estimated_input + s.estimated_output),
            cost_cell(s)};
}

std::array<std::string, 9> head_cells() {
    std::array<std::string, 9> names;
    std::copy(kColumns.begin(), kColumns.end(), names.begin());
    return names;
}

constexpr const char* kTotal = "total";

constexpr std::string_view kCsvColumns =
    ",requests,attempts,failed_attempts,prompt_tokens,completion_tokens,cache_read_tokens,"
    "cache_write_tokens,reasoning_tokens,estimated_prompt_tokens,estimated_completion_tokens,"
    "cost_usd,estimated_cost_usd,usage_missing,unpriced\r\n";

void add_csv(const ledger::UsageLine& line, std::string& out) {
    const auto& s = line.sums;
    out += csv_field(line.name);
    for (const auto n : {s.requests, s.attempts, s.failed, s.tokens.prompt(), s.tokens.completion(),
                         s.tokens.cache_read, s.tokens.cache_write, s.tokens.reasoning,
                         s.estimated_input, s.estimated_output})
        out += ',' + std::to_string(n);
    out += ',' + usd(s.cost_nano_usd) + ',' + usd(s.estimated_cost_nano_usd) + ',' +
           std::to_string(s.missing) + ',' + std::to_string(s.unpriced) + "\r\n";
}

std::string attempts_that(std::uint64_t n, std::string_view one, std::string_view several) {
    return std::to_string(n)
        .append(n == 1 ? " attempt " : " attempts ")
        .append(n == 1 ? one : several);
}

// What the sums leave out, below the table.
std::string left_out(const Sums& total) {
    std::string out;
    if (total.unpriced > 0) out = attempts_that(total.unpriced, "has no price", "have no price");
    if (total.missing > 0) {
        if (!out.empty()) out += ", ";
        out += attempts_that(total.missing, "did not report its tokens",
                             "did not report their tokens");
    }
    return out.empty() ? out : out + '\n';
}

}  // namespace

std::string time_text(std::int64_t us) {
    const std::time_t second = us / 1'000'000;
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    std::array<char, 40> text;
    const auto n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text.data() + n, text.size() - n, ".%03dZ",
                  static_cast<int>(us % 1'000'000 / 1000));
    return text.data();
}

void UsageText::widen(const std::string& name, const Cells& cells) {
    name_width_ = std::max(name_width_, width_of(name));
    for (std::size_t i = 0; i < kCells; ++i) widths_[i] = std::max(widths_[i], cells[i].size());
}

void UsageText::row(const std::string& name, const Cells& cells, std::string& out) const {
    out.append(name).append(name_width_ - std::min(name_width_, width_of(name)), ' ');
    for (std::size_t i = 0; i < kCells; ++i) {
        out.append(2 + widths_[i] - std::min(widths_[i], cells[i].size()), ' ').append(cells[i]);
    }
    out += '\n';
}

void UsageText::fit(const ledger::UsagePage& page) {
    if (form_ != UsageForm::table) return;
    widen(std::string(ledger::name_of(by_)), head_cells());
    for (const auto& line : page.lines) widen(shown(line.name), cells(line.sums));
    widen(kTotal, cells(page.total));
}

void UsageText::begin(std::string& out) const {
    const auto by = ledger::name_of(by_);
    if (form_ == UsageForm::json) {
        Object o;
        o.add("by", by).add("since", time_text(from_us_)).raw("usage", "[");
        out += o.done();
        out.pop_back();  // what follows is a part of it
    } else if (form_ == UsageForm::csv) {
        out.append(by).append(kCsvColumns);
    } else {
        row(std::string(by), head_cells(), out);
    }
}

void UsageText::add(std::span<const ledger::UsageLine> lines, std::string& out) {
    for (const auto& line : lines) {
        if (form_ == UsageForm::json) {
            Object o;
            o.maybe(ledger::name_of(by_), line.name);
            add_sums(o, line.sums);
            if (lines_ > 0) out += ',';
            out += o.done();
        } else if (form_ == UsageForm::csv) {
            add_csv(line, out);
        } else {
            row(shown(line.name), cells(line.sums), out);
        }
        ++lines_;
    }
}

void UsageText::end(const ledger::UsagePage& page, std::string& out) const {
    if (form_ == UsageForm::json) {
        Object total;
        add_sums(total, page.total);
        out.append("],\"total\":").append(total.done()).append(",\"next\":");
        out.append(page.more > 0 ? std::to_string(page.skip + lines_) : "null").append("}\n");
    } else if (form_ == UsageForm::table) {
        row(kTotal, cells(page.total), out);
        if (page.more > 0) {
            out.append(1, '\n').append(std::to_string(page.more));
            out += " lines more are in the total and are not shown.\n";
        }
        out += left_out(page.total);
    }
}

std::string usage_text(UsageForm form, const UsageAnswer& usage) {
    UsageText text(form, usage.by, usage.from_us);
    std::string out;
    text.fit(usage.page);
    text.begin(out);
    text.add(usage.page.lines, out);
    text.end(usage.page, out);
    return out;
}

std::string requests_json(const ledger::RequestPage& page) {
    Object o;
    o.raw("requests",
          list(page.requests, [](const KeptRequest& r) { return request_object(r).done(); }));
    if (page.before) {
        o.add("next", std::to_string(*page.before));
    } else {
        o.raw("next", "null");
    }
    return o.done() + '\n';
}

std::string story_json(const ledger::Story& story) {
    auto o = request_object(story.request);
    // The list takes the place of their number.
    return o.raw("story", list(story.attempts, attempt_json)).done() + '\n';
}

std::string session_json(std::string_view name, const ledger::SessionStory& session) {
    Sums total;
    for (const auto& line : session.lines) total.add(line.sums);
    std::string model = session.lines.size() == 1 ? session.lines[0].model : "default";
    Object o;
    o.add("session", name).add("model_name", model);
    o.raw("accumulated_cost", usd(total.cost_nano_usd + total.estimated_cost_nano_usd));
    o.raw("max_budget_per_task", "null");
    o.raw("accumulated_token_usage",
          token_usage(model, total.tokens, total.estimated_input, total.estimated_output, ""));
    std::vector<KeptAttempt> counted;
    for (const auto& a : session.attempts) {
        const auto tokens = a.tokens.total();
        if (tokens + a.estimated_input + a.estimated_output > 0) counted.push_back(a);
    }
    o.raw("costs", list(counted, [](const KeptAttempt& a) {
              Object c;
              c.add("model", a.model);
              c.raw("cost", usd(a.cost_nano_usd + a.estimated_cost_nano_usd));
              return c.raw("timestamp", seconds(a.id)).done();
          }));
    o.raw("response_latencies", list(counted, [](const KeptAttempt& a) {
              Object l;
              l.add("model", a.model).raw("latency", seconds(a.total_us));
              return l.add("response_id", a.request).done();
          }));
    o.raw("token_usages", list(counted, [](const KeptAttempt& a) {
              return token_usage(a.model, a.tokens, a.estimated_input, a.estimated_output,
                                 a.request);
          }));
    o.raw("models", list(session.lines, [](const ledger::SessionLine& line) {
              Object l;
              l.add("upstream", line.upstream).maybe("model", line.model);
              add_sums(l, line.sums);
              return l.done();
          }));
    return o.done() + '\n';
}

}  // namespace understudy::proxy
