// `understudy usage`: what was used and what it cost, from the ledger, whether the daemon runs or
// not.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/ledger_file.hpp"
#include "config/scalars.hpp"
#include "ledger/reader.hpp"
#include "proxy/ledger_json.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace understudy::cmd {
namespace {

struct Options {
    std::shared_ptr<ConfigOptions> config;
    std::string ledger;
    std::string since = "24h";
    std::string by = "model";
    std::string format = "table";
    std::size_t limit = SIZE_MAX;
};

std::int64_t now_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string check_limit(const std::string& text) {
    const auto lines = config::parse_integer(text);
    if (!lines) return lines.error;
    return *lines.value > 0 ? std::string() : "0 lines are none; the least is 1";
}

struct Wanted {
    proxy::UsageForm form;
    std::int64_t from_us;
    std::size_t limit;
};

/// Lines that are held at once, and those whose text is. There may be millions of sessions: then
/// they are asked for page by page, each of which begins behind the last line of the one before.
constexpr std::size_t kPage = 200'000, kSlice = 1000;

int print_usage(ledger::Reader& reader, ledger::By by, const Wanted& wanted,
                const std::string& path) {
    proxy::UsageText text(wanted.form, by, wanted.from_us);
    ledger::UsagePage page;
    std::string out;
    for (std::size_t left = wanted.limit; left > 0;) {
        const bool first = left == wanted.limit;
        page.limit = by == ledger::By::session ? std::min(left, kPage) : left;
        if (reader.usage(by, {wanted.from_us, INT64_MAX}, page) != ledger::Fault::none) {
            explain_unreadable(path, reader);
            return kFailure;
        }
        text.fit(page);
        if (first) text.begin(out);
        const std::span<const ledger::UsageLine> lines(page.lines);
        for (std::size_t at = 0; at < lines.size(); at += kSlice) {
            text.add(lines.subspan(at, std::min(kSlice, lines.size() - at)), out);
            if (!print_or_explain(out)) return kFailure;
            out.clear();
        }
        left -= lines.size();
        if (page.more == 0 || lines.empty() || left == 0) break;
        ledger::UsagePage next;
        next.behind = std::move(page.lines.back());
        page = std::move(next);
    }
    text.end(page, out);
    return print_or_explain(out) ? kOk : kFailure;
}

int show(const Options& options) {
    const auto by = ledger::by_from(options.by);
    const auto age = config::parse_age(options.since);
    if (!age) {
        std::fprintf(stderr, "--since: %s\n", age.error.c_str());
        return kUsage;
    }
    const auto path = ledger_or_explain(*options.config, options.ledger);
    if (!path) return kUsage;
    const auto reader = open_or_explain(*path);
    if (!reader) return kFailure;
    const std::chrono::microseconds back = *age.value;
    const auto from_us = back.count() == 0 ? 0 : now_us() - back.count();
    const auto form = options.format == "json"  ? proxy::UsageForm::json
                      : options.format == "csv" ? proxy::UsageForm::csv
                                                : proxy::UsageForm::table;
    return print_usage(*reader, by.value_or(ledger::By::model), {form, from_us, options.limit},
                       *path);
}

}  // namespace

Run add_usage(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    options->config = add_config_options(app);
    app.require_subcommand(0, 1);
    auto* const reconcile = app.add_subcommand(
        "reconcile", "Compare the ledger with a provider's exported bill, day by day");
    const auto run_reconcile = add_reconcile(*reconcile);
    app.add_option("--ledger", options->ledger, "The ledger's file; without it the configuration's")
        ->type_name("FILE");
    app.add_option("--since", options->since, "How far back: 24h, 7d, forever")
        ->type_name("AGE")
        ->capture_default_str();
    app.add_option("--by", options->by, "What is summed up")
        ->check(CLI::IsMember({"model", "upstream", "route", "key", "session", "day"}))
        ->capture_default_str();
    app.add_option("--limit", options->limit, "At most so many lines; the total is of all")
        ->type_name("N")
        ->check(check_limit);
    app.add_option("--format", options->format, "How it is written")
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->capture_default_str();
    return [options, reconcile, run_reconcile] {
        return reconcile->parsed() ? run_reconcile() : show(*options);
    };
}

}  // namespace understudy::cmd
