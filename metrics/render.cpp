// The scrape page: all families in a fixed order, label sets sorted, so that two scrapes of the
// same counts are the same bytes.
//
// What appears: everything that the configuration can name is there at 0 from the start, for a
// rate() sees nothing of a series that begins at 1. A model that was learned later has the few
// series that every panel starts from, and the rest once it has happened: there may be a hundred of
// them.

#include "metrics/buckets.hpp"
#include "metrics/families.hpp"
#include "metrics/process.hpp"
#include "metrics/totals.hpp"

#include <algorithm>

namespace understudy::metrics {

namespace {

constexpr unsigned kNanoseconds = 9, kPicoUsd = 12,
                   kNanoUsd = 9;  // decimal places of the units counted in
constexpr std::array<std::string_view, kTokenTypes> kTokenNames{
    "input", "cache_read", "cache_write", "output", "reasoning"};
constexpr std::array<std::string_view, 2> kSourceNames{"reported", "estimated"};

struct Page {
    std::string& out;
    Format format;
    std::span<const std::string_view> reasons;

    FamilyWriter family(const Family& family) const { return {out, family, format}; }
    std::string_view reason(std::size_t i) const {
        return i < reasons.size() ? reasons[i] : std::string_view("unknown");
    }
};

/// Writes one histogram with the first `bounds` of its bounds; the rest counts as +Inf. Nothing is
/// written before the first observation.
void histogram(FamilyWriter& writer, std::string_view labels, const HistogramTotals& totals,
               unsigned scale, std::size_t bounds = Histogram::kMaxBuckets) {
    if (totals.count == 0) return;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < std::min(bounds, totals.bounds.size()); ++i) {
        cumulative += totals.buckets[i];
        writer.sample("_bucket", labels, "le", bound_text(totals.bounds[i], scale), cumulative, 0);
    }
    writer.sample("_bucket", labels, "le", "+Inf", totals.count, 0);
    writer.sample("_sum", labels, {}, {}, totals.sum, scale);
    writer.sample("_count", labels, {}, {}, totals.count, 0);
}

void render_routes(const Page& page, const Registry::Totals& totals) {
    auto requests = page.family(families::kRequests);
    for (const auto& [route, sums] : totals.routes) {
        for (std::size_t i = 0; i < kOutcomes; ++i) {
            const auto outcome = name_of(static_cast<Outcome>(i));
            requests.sample(label_block({{"route", route}, {"outcome", outcome}}),
                            sums.requests[i]);
        }
    }
    auto duration = page.family(families::kRequestDuration);
    for (const auto& [route, sums] : totals.routes) {
        histogram(duration, label_block({{"route", route}}), sums.duration, kNanoseconds);
    }
    auto overhead = page.family(families::kOverhead);
    for (const auto& [route, sums] : totals.routes) {
        histogram(overhead, label_block({{"route", route}}), sums.overhead, kNanoseconds);
    }
}

void render_hedges(const Page& page, const Registry::Totals& totals) {
    auto hedges = page.family(families::kHedges);
    for (const auto& [route, sums] : totals.routes) {
        if (!sums.hedged && sums.hedges_started == 0) continue;
        hedges.sample(label_block({{"route", route}, {"result", "started"}}), sums.hedges_started);
        hedges.sample(label_block({{"route", route}, {"result", "won"}}), sums.hedges_won);
    }
    auto tokens = page.family(families::kHedgeTokens);
    for (const auto& [route, sums] : totals.routes) {
        if (!sums.hedged && sums.hedges_started == 0) continue;
        tokens.sample(label_block({{"route", route}}), sums.hedge_tokens);
    }
}

void render_attempts(const Page& page, const Registry::Totals& totals) {
    auto attempts = page.family(families::kAttempts);
    for (const auto& [key, sums] : totals.attempts) {
        for (std::size_t i = 0; i < kMaxReasons; ++i) {
            const bool foreseen = i == 0 || (sums.declared && i < page.reasons.size());
            if (sums.attempts[i] == 0 && !foreseen) continue;  // index 0 is success
            attempts.sample(
                label_block(
                    {{"upstream", key.first}, {"model", key.second}, {"reason", page.reason(i)}}),
                sums.attempts[i]);
        }
    }
    auto failovers = page.family(families::kFailovers);
    for (const auto& [key, count] : totals.failovers) {
        const auto& [from, to, reason] = key;
        failovers.sample(label_block({{"from", from}, {"to", to}, {"reason", page.reason(reason)}}),
                         count);
    }
    auto replays = page.family(families::kStaleReplays);
    for (const auto& [upstream, count] : totals.stale_replays) {
        replays.sample(label_block({{"upstream", upstream}}), count);
    }
    auto duration = page.family(families::kAttemptDuration);
    for (const auto& [key, sums] : totals.attempts) {
        histogram(duration, label_block({{"upstream", key.first}, {"model", key.second}}),
                  sums.duration, kNanoseconds);
    }
    auto first_token = page.family(families::kFirstToken);
    for (const auto& [key, sums] : totals.attempts) {
        histogram(first_token, label_block({{"upstream", key.first}, {"model", key.second}}),
                  sums.first_token, kNanoseconds);
    }
}

void render_breakers(const Page& page, const Registry::Totals& totals) {
    const auto labels = [](const std::pair<std::string, std::string>& key) {
        return label_block({{"upstream", key.first}, {"model", key.second}});
    };
    auto state = page.family(families::kBreakerState);
    for (const auto& [key, value] : totals.breaker_states) state.sample(labels(key), value);
    auto opened = page.family(families::kBreakerOpened);
    for (const auto& [key, sums] : totals.breakers) opened.sample(labels(key), sums.opened);
    auto skipped = page.family(families::kSkipped);
    for (const auto& [key, sums] : totals.breakers) skipped.sample(labels(key), sums.skipped);
    auto keys = page.family(families::kKeyState);
    for (const auto& [key, value] : totals.key_states) {
        const auto position = std::to_string(key.second);
        keys.sample(label_block({{"upstream", key.first}, {"key", position}}), value);
    }
    auto refused = page.family(families::kExtrasRefused);
    for (std::size_t i = 0; i < kExtras; ++i) {
        refused.sample(label_block({{"kind", name_of(static_cast<Extra>(i))}}),
                       totals.extras_refused[i]);
    }
}

void render_limits(const Page& page, const Registry::Totals& totals) {
    auto denied = page.family(families::kKeyDenied);
    for (const auto& key : totals.allowances) {
        for (const auto& limit : key.denied) {
            denied.sample(label_block({{"key", key.key}, {"limit", limit.limit}}), limit.count);
        }
    }
    const auto budgets = [&](const Family& family, auto amount) {
        auto writer = page.family(family);
        for (const auto& key : totals.allowances) {
            for (const auto& budget : key.budgets) {
                writer.sample(label_block({{"key", key.key}, {"period", budget.period}}),
                              budget.*amount, kNanoUsd);
            }
        }
    };
    budgets(families::kKeyBudget, &States::Allowance::Budget::nano_usd);
    budgets(families::kKeyBudgetLeft, &States::Allowance::Budget::left_nano_usd);
    page.family(families::kSessionDenied).sample("", totals.sessions_denied);
}

/// Plain input and output, as reported, are what every token panel starts from.
bool is_basic(std::size_t type, std::size_t source) {
    const auto kind = static_cast<TokenType>(type);
    const bool basic = kind == TokenType::input || kind == TokenType::output;
    return basic && static_cast<Source>(source) == Source::reported;
}

void render_usage(const Page& page, const Registry::Totals& totals) {
    auto tokens = page.family(families::kTokens);
    for (const auto& [key, sums] : totals.attempts) {
        for (std::size_t type = 0; type < kTokenTypes; ++type) {
            for (std::size_t source = 0; source < 2; ++source) {
                const auto count = sums.tokens[type][source];
                if (count == 0 && !sums.declared && !is_basic(type, source)) continue;
                tokens.sample(label_block({{"upstream", key.first},
                                           {"model", key.second},
                                           {"type", kTokenNames[type]},
                                           {"source", kSourceNames[source]}}),
                              count);
            }
        }
    }
    // No zero without a price: such a model must not look like one that is free of charge.
    auto cost = page.family(families::kCost);
    for (const auto& [key, sums] : totals.attempts) {
        for (std::size_t source = 0; source < 2; ++source) {
            if (sums.cost[source] == 0 && !sums.priced) continue;
            cost.sample(label_block({{"upstream", key.first},
                                     {"model", key.second},
                                     {"source", kSourceNames[source]}}),
                        sums.cost[source], kPicoUsd);
        }
    }
    auto missing = page.family(families::kUsageMissing);
    for (const auto& [key, sums] : totals.attempts) {
        missing.sample(label_block({{"upstream", key.first}, {"model", key.second}}),
                       sums.usage_missing);
    }
    auto unpriced = page.family(families::kUnpriced);
    for (const auto& [key, sums] : totals.attempts) {
        if (sums.unpriced == 0 && !sums.declared) continue;
        unpriced.sample(label_block({{"upstream", key.first}, {"model", key.second}}),
                        sums.unpriced);
    }
}

using GenAiEntry = std::pair<const std::tuple<std::string, std::string, Operation>, GenAiTotals>;

/// `gen_ai_system` is what `gen_ai_provider_name` was called up to version 1.36 of the conventions;
/// published dashboards use either.
std::string gen_ai_labels(const Registry::Totals& totals, const GenAiEntry& entry,
                          std::string_view token_type) {
    const auto& [upstream, model, operation] = entry.first;
    const auto known = totals.providers.find(upstream);
    std::string_view provider = "openai";
    if (known != totals.providers.end()) provider = known->second;
    std::string labels = label_block({{"gen_ai_operation_name", name_of(operation)},
                                      {"gen_ai_provider_name", provider},
                                      {"gen_ai_system", provider},
                                      {"gen_ai_request_model", model},
                                      {"upstream", upstream}});
    if (!token_type.empty()) labels += "," + label_block({{"gen_ai_token_type", token_type}});
    return labels;
}

void render_gen_ai(const Page& page, const Registry::Totals& totals) {
    auto tokens = page.family(families::kGenAiTokens);
    for (const auto& entry : totals.gen_ai) {
        histogram(tokens, gen_ai_labels(totals, entry, "input"), entry.second.input_tokens, 0);
        histogram(tokens, gen_ai_labels(totals, entry, "output"), entry.second.output_tokens, 0);
    }
    auto duration = page.family(families::kGenAiDuration);
    for (const auto& entry : totals.gen_ai) {
        histogram(duration, gen_ai_labels(totals, entry, ""), entry.second.duration, kNanoseconds,
                  kGenAiDurationBounds);
    }
    auto first_token = page.family(families::kGenAiFirstToken);
    for (const auto& entry : totals.gen_ai) {
        histogram(first_token, gen_ai_labels(totals, entry, ""), entry.second.first_token,
                  kNanoseconds, kGenAiFirstTokenBounds);
    }
}

void render_ledger(const Page& page, const LedgerFigures& ledger) {
    page.family(families::kLedgerUp).sample("", ledger.up ? 1 : 0);
    auto rows = page.family(families::kLedgerRows);
    rows.sample(label_block({{"result", "written"}}), ledger.rows_written);
    rows.sample(label_block({{"result", "lost"}}), ledger.rows_lost);
    page.family(families::kLedgerWaiting).sample("", ledger.waiting_bytes);
}

void render_connections(const Page& page, const Registry::Totals& totals) {
    // Each gauge has one writer, but not all are read at one instant: never show less than none.
    const auto shown = [](std::int64_t value) {
        return static_cast<Wide>(std::max<std::int64_t>(value, 0));
    };
    page.family(families::kInflight).sample("", shown(totals.inflight_requests));
    page.family(families::kConnections).sample("", shown(totals.connections));
    page.family(families::kConnectionsRefused).sample("", totals.connections_refused);
    auto upstream = page.family(families::kUpstreamConnections);
    upstream.sample(label_block({{"state", "active"}}), shown(totals.upstream_active));
    upstream.sample(label_block({{"state", "idle"}}), shown(totals.upstream_idle));
}

}  // namespace

std::string Registry::render(Format format) const {
    const Totals totals = collect();
    std::string out;
    const Page page{out, format, reasons_};
    render_routes(page, totals);
    render_hedges(page, totals);
    render_attempts(page, totals);
    render_breakers(page, totals);
    render_limits(page, totals);
    render_usage(page, totals);
    render_connections(page, totals);
    if (ledger_) render_ledger(page, ledger_());
    page.family(families::kBuildInfo)
        .sample(label_block({{"version", clean_utf8(build_.version)},
                             {"commit", clean_utf8(build_.commit)}}),
                1);
    auto reloads = page.family(families::kReloads);
    reloads.sample(label_block({{"result", "failure"}}),
                   reloads_failed_.load(std::memory_order_relaxed));
    reloads.sample(label_block({{"result", "success"}}),
                   reloads_ok_.load(std::memory_order_relaxed));
    render_gen_ai(page, totals);
    auto process = read_process_stats();
    if (!process.start_ms) process.start_ms = start_of_registry();  // /proc may show pids only
    render_process(out, format, process);
    if (format == Format::openmetrics) out += "# EOF\n";
    return out;
}

std::uint64_t Registry::start_of_registry() const noexcept {
    using std::chrono::milliseconds;
    const auto since_epoch = started_.time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<milliseconds>(since_epoch).count());
}

std::string_view Registry::content_type(Format format) noexcept {
    return format == Format::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace understudy::metrics
