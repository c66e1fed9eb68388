#include "cmd/reconcile/print.hpp"

#include "metrics/price.hpp"
#include "proxy/json_object.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace understudy::cmd::reconcile {

namespace {

using proxy::json::list;
using proxy::json::Object;

constexpr std::size_t kColumns = 8;
using Cells = std::array<std::string, kColumns>;

std::string usd(std::int64_t nano) {
    return metrics::format_usd(nano * 1000);
}

template <class Number>
std::string maybe(const std::optional<Number>& n) {
    return n ? std::to_string(*n) : std::string();
}

std::int64_t booked(const ledger::Sums& sums) {
    return sums.cost_nano_usd + sums.estimated_cost_nano_usd;
}

std::string model_of(const Comparison& line) {
    return line.model.empty() ? "(all)" : line.model;
}

struct Total {
    std::int64_t billed = 0, booked = 0;
};

Total total_of(const Report& report) {
    Total total;
    for (const auto& line : report.lines) {
        total.billed += line.billed.cost_nano_usd.value_or(0);
        total.booked += booked(line.ledger);
    }
    return total;
}

Cells cells_of(const Comparison& line, bool has_cost) {
    const auto& s = line.ledger;
    const auto tokens = [](std::uint64_t billed, std::uint64_t here) {
        return std::to_string(billed).append(" / ").append(std::to_string(here));
    };
    const auto difference = line.difference_nano_usd();
    const auto& b = line.billed;
    const bool has_tokens = b.prompt_tokens || b.completion_tokens;
    return {line.day,
            model_of(line),
            has_cost ? usd(b.cost_nano_usd.value_or(0)) : "-",
            usd(booked(s)),
            !has_cost    ? "-"
            : difference ? usd(*difference)
                         : usd(-booked(s)),
            has_tokens ? tokens(b.prompt_tokens.value_or(0), s.tokens.prompt() + s.estimated_input)
                       : "-",
            has_tokens ? tokens(b.completion_tokens.value_or(0),
                                s.tokens.completion() + s.estimated_output)
                       : "-",
            std::string(name_of(line.verdict))};
}

std::string aligned(const Cells& cells, const std::array<std::size_t, kColumns>& widths) {
    std::string out;
    for (std::size_t i = 0; i < kColumns; ++i) {
        const std::string padding(widths[i] - cells[i].size(), ' ');
        const bool text = i < 2 || i + 1 == kColumns;
        out.append(i > 0 ? "  " : "").append(text ? cells[i] + padding : padding + cells[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
}

std::string in_csv(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string out = "\"";
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

Object object_of(const Comparison& line) {
    Object o;
    const auto& b = line.billed;
    const auto& s = line.ledger;
    const auto number = [&](std::string_view name, const auto& n) {
        o.raw(name, n ? std::to_string(*n) : "null");
    };
    o.add("day", line.day).maybe("model", line.model);
    number("billed_requests", b.requests);
    number("billed_prompt_tokens", b.prompt_tokens);
    number("billed_completion_tokens", b.completion_tokens);
    o.raw("billed_cost_usd", b.cost_nano_usd ? usd(*b.cost_nano_usd) : "null");
    o.add("attempts", s.attempts).add("prompt_tokens", s.tokens.prompt());
    o.add("completion_tokens", s.tokens.completion());
    o.add("estimated_prompt_tokens", s.estimated_input);
    o.add("estimated_completion_tokens", s.estimated_output);
    o.raw("cost_usd", usd(s.cost_nano_usd));
    o.raw("estimated_cost_usd", usd(s.estimated_cost_nano_usd));
    o.add("usage_missing", s.missing).add("unpriced", s.unpriced);
    const auto difference = line.difference_nano_usd();
    o.raw("difference_usd", difference ? usd(*difference) : "null");
    return std::move(o.add("verdict", name_of(line.verdict)).maybe("why", line.why));
}

}  // namespace

std::string table_of(const Report& report) {
    std::vector<Cells> rows{{"day", "model", "billed usd", "ledger usd", "difference",
                             "prompt tokens", "completion tokens", "verdict"}};
    for (const auto& line : report.lines) rows.push_back(cells_of(line, report.has_cost));
    const auto total = total_of(report);
    const bool cost = report.has_cost;
    rows.push_back({"total", "", cost ? usd(total.billed) : "-", usd(total.booked),
                    cost ? usd(total.billed - total.booked) : "-", "", "", ""});
    std::array<std::size_t, kColumns> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out += aligned(rows[i], widths);
        const bool judged = i > 0 && i <= report.lines.size();
        if (judged && !report.lines[i - 1].why.empty()) {
            out.append("            ").append(report.lines[i - 1].why).append("\n");
        }
    }
    return out;
}

std::string json_of(const Report& report) {
    const auto total = total_of(report);
    Object sums;
    sums.raw("billed_cost_usd", report.has_cost ? usd(total.billed) : "null");
    sums.raw("cost_usd", usd(total.booked));
    sums.raw("difference_usd", report.has_cost ? usd(total.billed - total.booked) : "null");
    Object o;
    o.add("provider", name_of(report.provider));
    o.raw("upstreams", list(report.upstreams,
                            [](const std::string& name) { return wire::encode_string(name); }));
    o.raw("lines",
          list(report.lines, [](const Comparison& line) { return object_of(line).done(); }));
    return o.raw("total", sums.done()).done() + "\n";
}

std::string csv_of(const Report& report) {
    std::string out =
        "day,model,billed_cost_usd,cost_usd,estimated_cost_usd,difference_usd,"
        "billed_prompt_tokens,prompt_tokens,billed_completion_tokens,completion_tokens,"
        "usage_missing,unpriced,verdict,why\r\n";
    for (const auto& line : report.lines) {
        const auto& b = line.billed;
        const auto& s = line.ledger;
        const auto difference = line.difference_nano_usd();
        const std::array<std::string, 14> cells{
            line.day,
            line.model,
            b.cost_nano_usd ? usd(*b.cost_nano_usd) : std::string(),
            usd(s.cost_nano_usd),
            usd(s.estimated_cost_nano_usd),
            difference ? usd(*difference) : std::string(),
            maybe(b.prompt_tokens),
            std::to_string(s.tokens.prompt() + s.estimated_input),
            maybe(b.completion_tokens),
            std::to_string(s.tokens.completion() + s.estimated_output),
            std::to_string(s.missing),
            std::to_string(s.unpriced),
            std::string(name_of(line.verdict)),
            line.why};
        for (std::size_t i = 0; i < cells.size(); ++i) {
            out.append(i > 0 ? "," : "").append(in_csv(cells[i]));
        }
        out += "\r\n";
    }
    return out;
}

}  // namespace understudy::cmd::reconcile
