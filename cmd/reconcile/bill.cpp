#include "cmd/reconcile/bill.hpp"

#include "cmd/reconcile/csv.hpp"
#include "config/text.hpp"
#include "metrics/price_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace understudy::cmd::reconcile {

namespace {

enum class Role : std::uint8_t { day, model, item, requests, prompt, completion, cost, currency };

/// A column, by the first of its names that the file has. Several of one role add up.
struct Column {
    Role role;
    std::array<std::string_view, 6> names;
};

// platform.openai.com/usage, exports of usage and of cost.
constexpr std::array kOpenAi{
    Column{Role::day, {"start_time_iso", "date", "start_time", "timestamp", "usage_date"}},
    Column{Role::model, {"model", "snapshot_id"}},
    Column{Role::item, {"line_item"}},  // "gpt-4o-2024-08-06, input"
    Column{Role::requests, {"num_model_requests", "n_requests"}},
    Column{Role::prompt, {"input_tokens", "prompt_tokens", "n_context_tokens_total"}},
    Column{Role::completion, {"output_tokens", "completion_tokens", "n_generated_tokens_total"}},
    Column{Role::cost, {"amount_value", "cost_usd", "cost", "amount"}},
    Column{Role::currency, {"amount_currency", "currency"}},
};
// console.anthropic.com/usage and /cost.
constexpr std::array kAnthropic{
    Column{Role::day, {"usage_date_utc", "usage_date", "date", "date_utc"}},
    Column{Role::model, {"model_version", "model"}},
    Column{Role::prompt, {"usage_input_tokens_no_cache", "uncached_input_tokens", "input_tokens"}},
    Column{Role::prompt,
           {"usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write",
            "cache_creation_input_tokens", "cache_creation_5m_input_tokens"}},
    Column{Role::prompt, {"usage_input_tokens_cache_write_1h", "cache_creation_1h_input_tokens"}},
    Column{Role::prompt, {"usage_input_tokens_cache_read", "cache_read_input_tokens"}},
    Column{Role::completion, {"usage_output_tokens", "output_tokens"}},
    Column{Role::cost, {"cost_usd", "cost", "amount_usd", "amount"}},
    Column{Role::currency, {"currency"}},
};
// openrouter.ai/activity: single generations, or sums. What a key of one's own costs at the
// provider is a column of its own, as it is a part of its own in answers.
constexpr std::array kOpenRouter{
    Column{Role::day, {"created_at", "date", "day"}},
    Column{Role::model, {"model_permaslug", "model", "model_name", "model_slug"}},
    Column{Role::requests, {"requests", "request_count"}},
    Column{Role::prompt, {"tokens_prompt", "prompt_tokens"}},
    Column{Role::completion, {"tokens_completion", "completion_tokens"}},
    Column{Role::cost, {"cost_total", "usage", "total_spend", "spend", "cost"}},
    Column{Role::cost, {"byok_usage_inference"}},
    Column{Role::currency, {"currency"}},
};

std::span<const Column> columns_of(Provider provider) {
    if (provider == Provider::openai) return kOpenAi;
    if (provider == Provider::anthropic) return kAnthropic;
    return kOpenRouter;
}

struct Found {
    Role role;
    std::size_t index;
};

std::vector<Found> find_columns(std::span<const Column> columns, const Csv& csv) {
    std::vector<Found> found;
    for (const auto& column : columns) {
        for (const auto name : column.names) {
            const auto at = std::find(csv.header.begin(), csv.header.end(), name);
            if (name.empty() || at == csv.header.end()) continue;
            found.push_back({column.role, static_cast<std::size_t>(at - csv.header.begin())});
            break;
        }
    }
    return found;
}

bool has(const std::vector<Found>& found, Role role) {
    return std::any_of(found.begin(), found.end(),
                       [role](const Found& f) { return f.role == role; });
}

std::string names_of(std::span<const Column> columns, Role role) {
    std::string out;
    for (const auto& column : columns) {
        if (column.role != role) continue;
        for (const auto name : column.names) {
            if (!name.empty()) out.append(out.empty() ? "" : ", ").append(name);
        }
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Whether each comma parts thousands, as in "12,345.60". A decimal comma ("0,0225") would read as
/// a number ten thousand times as large, so what is not plainly a group is none.
bool commas_part_thousands(std::string_view text) {
    text = text.substr(std::min(text.find_first_of("0123456789,"), text.size()));
    const auto whole = text.substr(0, text.find('.'));
    const auto first = whole.find(',');
    if (first == std::string_view::npos) return text.find(',') == std::string_view::npos;
    bool fine = first >= 1 && first <= 3 && whole.front() != '0';
    std::size_t digits = 0;
    for (std::size_t i = first + 1; i <= whole.size(); ++i) {
        const bool end = i == whole.size() || whole[i] == ',';
        if (end) fine = fine && std::exchange(digits, 0) == 3;
        if (!end) ++digits;
    }
    return fine && text.find(',', whole.size()) == std::string_view::npos;
}

std::optional<double> number_of(std::string_view text) {
    if (!commas_part_thousands(trimmed(text))) return std::nullopt;
    std::string plain;
    for (const char c : trimmed(text)) {
        if (c != ',' && c != '$' && c != '_') plain += c;
    }
    double value = 0;
    const auto [end, ec] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    if (ec != std::errc{} || end != plain.data() + plain.size()) return std::nullopt;
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// No sum wraps: beyond what can be told it stays at the most.
template <class Number>
void add(std::optional<Number>& to, Number n) {
    Number sum = 0;
    const bool wraps = __builtin_add_overflow(to.value_or(0), n, &sum);
    using Limits = std::numeric_limits<Number>;
    to = !wraps ? sum : (n > 0 ? Limits::max() : Limits::min());
}

/// One row, until it is added to its line.
struct Row {
    std::string day;
    Billed billed;
    std::string error;

    void count(std::optional<std::uint64_t>& to, std::string_view name, std::string_view text) {
        const auto n = text.empty() ? 0.0 : number_of(text);
        if (!n || *n < 0 || *n > 1e15) {
            refuse(name, text, "not a count");
        } else {
            add(to, static_cast<std::uint64_t>(*n));
        }
    }

    void take(Role role, std::string_view name, std::string_view text) {
        if (role == Role::day) {
            day = day_of(text);
            if (day.empty() && !text.empty()) refuse(name, text, "not a day");
        } else if (role == Role::model) {
            if (!text.empty()) billed.model = text;
        } else if (role == Role::item) {
            if (billed.model.empty()) billed.model = trimmed(text.substr(0, text.find(',')));
        } else if (role == Role::requests) {
            count(billed.requests, name, text);
        } else if (role == Role::prompt) {
            count(billed.prompt_tokens, name, text);
        } else if (role == Role::completion) {
            count(billed.completion_tokens, name, text);
        } else if (role == Role::currency) {
            if (!text.empty() && config::lower(text) != "usd") {
                refuse(name, text, "and what the ledger has is US dollars");
            }
        } else if (const auto nano = text.empty() ? 0 : amount_of(text)) {
            add(billed.cost_nano_usd, *nano);
        } else {
            refuse(name, text, "not an amount in dollars");
        }
    }

    void refuse(std::string_view name, std::string_view text, std::string_view what) {
        error = std::string(name) + " is " + config::in_quotes(text) + ", " + std::string(what);
    }

    bool says_nothing() const {
        return billed.model.empty() && billed.requests.value_or(0) == 0 &&
               billed.prompt_tokens.value_or(0) == 0 && billed.completion_tokens.value_or(0) == 0 &&
               billed.cost_nano_usd.value_or(0) == 0;
    }
};

void add_row(Billed& line, const Row& row) {
    const auto& b = row.billed;
    if (line.model.empty()) line.model = b.model;
    if (b.requests) add(line.requests, *b.requests);
    if (b.prompt_tokens) add(line.prompt_tokens, *b.prompt_tokens);
    if (b.completion_tokens) add(line.completion_tokens, *b.completion_tokens);
    if (b.cost_nano_usd) add(line.cost_nano_usd, *b.cost_nano_usd);
}

std::string missing_column(std::span<const Column> columns, const std::vector<Found>& found) {
    if (!has(found, Role::day)) {
        return "no column holds the day; known names are " + names_of(columns, Role::day);
    }
    if (!has(found, Role::cost) && !has(found, Role::prompt) && !has(found, Role::completion)) {
        return "no column holds costs (" + names_of(columns, Role::cost) + ") or tokens (" +
               names_of(columns, Role::prompt) + ", " + names_of(columns, Role::completion) + ")";
    }
    return {};
}

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<Provider> provider_from(std::string_view name) {
    for (const auto provider : {Provider::openai, Provider::anthropic, Provider::openrouter}) {
        if (name_of(provider) == name) return provider;
    }
    return std::nullopt;
}

std::string_view name_of(Provider provider) {
    if (provider == Provider::openai) return "openai";
    return provider == Provider::anthropic ? "anthropic" : "openrouter";
}

std::string same_model(Provider provider, std::string_view model) {
    std::string name;
    for (const char c : trimmed(metrics::without_date(trimmed(model)))) {
        const bool capital = c >= 'A' && c <= 'Z';
        const bool mark = c == ' ' || c == '.' || c == '_';
        name += capital ? static_cast<char>(c - 'A' + 'a') : mark ? '-' : c;
    }
    if (provider != Provider::openrouter) return name;
    name = name.substr(0, name.find(':'));  // a variant: "free"
    const auto slash = name.find('/');
    std::vector<std::string> words;
    for (auto rest = std::string_view(name).substr(slash == std::string::npos ? 0 : slash + 1);;) {
        const auto end = rest.find('-');
        words.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    std::sort(words.begin(), words.end());
    std::string out = slash == std::string::npos ? std::string() : name.substr(0, slash);
    for (const auto& word : words) out.append(" ").append(word);
    return out;
}

std::string day_of(std::string_view text) {
    text = trimmed(text);
    if (all_digits(text) && (text.size() == 10 || text.size() == 13)) {
        std::int64_t seconds = 0;
        std::from_chars(text.data(), text.data() + 10, seconds);
        const auto time = static_cast<std::time_t>(seconds);
        std::tm utc{};
        if (gmtime_r(&time, &utc) == nullptr) return {};
        std::array<char, 16> day{};
        std::strftime(day.data(), day.size(), "%Y-%m-%d", &utc);
        return day.data();
    }
    std::array<unsigned, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
        if (ec != std::errc{}) return {};
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (i == 2) break;
        if (text.empty() || (text.front() != '-' && text.front() != '/')) return {};
        text.remove_prefix(1);
    }
    const bool behind = text.empty() || text.front() == ' ' || text.front() == 'T';
    const auto& [year, month, day] = parts;
    if (!behind || year < 2000 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) {
        return {};
    }
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%04u-%02u-%02u", year, month, day);
    return out.data();
}

std::optional<std::int64_t> amount_of(std::string_view text) {
    constexpr double kMost = 1e9;  // dollars
    const auto usd = number_of(text);
    if (!usd || std::abs(*usd) > kMost) return std::nullopt;
    return std::llround(*usd * 1e9);
}

ProviderBill read_bill(Provider provider, std::string_view text) {
    ProviderBill bill;
    const auto csv = read_csv(text);
    bill.error = csv.error;
    if (!bill.error.empty()) return bill;
    const auto columns = columns_of(provider);
    const auto found = find_columns(columns, csv);
    bill.error = missing_column(columns, found);
    if (!bill.error.empty()) return bill;
    bill.has_cost = has(found, Role::cost);
    bill.has_tokens = has(found, Role::prompt) && has(found, Role::completion);
    std::vector<Row> rows;
    for (const auto& cells : csv.rows) {
        Row row;
        for (const auto& [role, index] : found) {
            const auto cell =
                index < cells.cells.size() ? trimmed(cells.cells[index]) : std::string_view();
            row.take(role, csv.header[index], cell);
        }
        if (!row.error.empty()) {
            bill.error = "line " + std::to_string(cells.line) + ": " + row.error;
            return bill;
        }
        // Sums at the end have no day, and days without use no model.
        if (!row.day.empty() && !row.says_nothing()) rows.push_back(std::move(row));
    }
    bill.by_model = std::all_of(rows.begin(), rows.end(),
                                [](const Row& row) { return !row.billed.model.empty(); });
    for (auto& row : rows) {
        if (!bill.by_model) row.billed.model.clear();
        const auto model = bill.by_model ? same_model(provider, row.billed.model) : std::string();
        add_row(bill.lines[{row.day, model}], row);
    }
    return bill;
}

}  // namespace understudy::cmd::reconcile
