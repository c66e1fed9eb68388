// `understudy usage`: what was used and what it cost, from the ledger, whether the daemon runs or
// not.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/ledger_file.hpp"
#include "config/scalars.hpp"
#include "ledger/reader.hpp"
#include "proxy/ledger_json.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

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
    proxy::UsageAnswer usage;
    usage.by = by.value_or(ledger::By::model);
    usage.page.limit = options.limit;
    const std::chrono::microseconds back = *age.value;
    usage.from_us = back.count() == 0 ? 0 : now_us() - back.count();
    const auto fault = reader->usage(usage.by, {usage.from_us, INT64_MAX}, usage.page);
    if (fault != ledger::Fault::none) {
        explain_unreadable(*path, *reader);
        return kFailure;
    }
    const auto text = options.format == "json"  ? proxy::usage_json(usage)
                      : options.format == "csv" ? proxy::usage_csv(usage)
                                                : proxy::usage_table(usage);
    return print_or_explain(text) ? kOk : kFailure;
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
        ->check(CLI::PositiveNumber);
    app.add_option("--format", options->format, "How it is written")
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->capture_default_str();
    return [options, reconcile, run_reconcile] {
        return reconcile->parsed() ? run_reconcile() : show(*options);
    };
}

}  // namespace understudy::cmd
