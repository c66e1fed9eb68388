// `understudy usage reconcile`: the ledger beside a provider's exported bill.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/ledger_file.hpp"
#include "cmd/reconcile/print.hpp"
#include "config/files.hpp"
#include "config/presets.hpp"
#include "config/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace understudy::cmd {
namespace {

using namespace reconcile;

constexpr std::size_t kMostBytes = 256 << 20;  // of a bill
constexpr std::int64_t kDayUs = 86'400'000'000;

struct Options {
    std::shared_ptr<ConfigOptions> config;
    std::string provider, file, ledger, format = "table";
    std::vector<std::string> upstreams;
    double tolerance = 0.01;
};

std::string check_tolerance(const std::string& text) {
    constexpr double kMost = 1e9;
    double usd = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), usd);
    const bool number = ec == std::errc() && end == text.data() + text.size();
    if (number && usd >= 0 && usd <= kMost) return {};
    return config::in_quotes(text) + " is not an amount in dollars such as 0.01";
}

/// Where to look, and for whose attempts.
struct Scope {
    std::string ledger;
    std::vector<std::string> upstreams;
};

/// By its address, else by the provider that it is said to be: one that is reached through a
/// gateway sends its bill all the same. (Prices are not taken from that: `provider: openai` is also
/// how servers of OpenAI's API are written, with models of their own.)
bool is_of(const config::Upstream& upstream, std::string_view provider) {
    if (!upstream.price_provider.empty()) return upstream.price_provider == provider;
    return upstream.preset != nullptr && upstream.preset->name == provider;
}

std::vector<std::string> upstreams_of(const config::Config& config, std::string_view provider) {
    std::vector<std::string> names;
    for (const auto& upstream : config.upstreams) {
        if (is_of(upstream, provider)) names.push_back(upstream.name);
    }
    return names;
}

std::optional<Scope> scope_of(const Options& options) {
    Scope scope{options.ledger, options.upstreams};
    if (scope.upstreams.empty()) {
        const auto config = load_or_explain(*options.config);
        if (!config) return std::nullopt;
        scope.upstreams = upstreams_of(*config, options.provider);
    }
    if (scope.upstreams.empty()) {
        std::fprintf(stderr,
                     "no upstream of this configuration is %s's; name those that are with "
                     "--upstream NAME\n",
                     options.provider.c_str());
        return std::nullopt;
    }
    auto path = ledger_or_explain(*options.config, options.ledger);
    if (!path) return std::nullopt;
    scope.ledger = std::move(*path);
    return scope;
}

std::int64_t start_of(const std::string& day) {
    std::tm utc{};
    if (std::sscanf(day.c_str(), "%d-%d-%d", &utc.tm_year, &utc.tm_mon, &utc.tm_mday) != 3)
        return 0;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    return static_cast<std::int64_t>(timegm(&utc)) * 1'000'000;
}

/// From the first day of the bill to its last.
ledger::Span span_of(const ProviderBill& bill) {
    return {start_of(bill.lines.begin()->first.first),
            start_of(bill.lines.rbegin()->first.first) + kDayUs};
}

bool read_ledger(const Scope& scope, const ledger::Span& span,
                 std::vector<ledger::DailyLine>& out) {
    const auto reader = open_or_explain(scope.ledger);
    if (!reader) return false;
    if (reader->daily(span, out) != ledger::Fault::none) {
        explain_unreadable(scope.ledger, *reader);
        return false;
    }
    std::erase_if(out, [&](const ledger::DailyLine& line) {
        const auto& names = scope.upstreams;
        return std::find(names.begin(), names.end(), line.upstream) == names.end();
    });
    return true;
}

std::optional<ProviderBill> load_bill(const Options& options, Provider provider) {
    const auto file = config::read_file(options.file, kMostBytes);
    if (!file.text) {
        std::fprintf(stderr, "%s %s\n", options.file.c_str(), file.error.c_str());
        return std::nullopt;
    }
    auto bill = read_bill(provider, *file.text);
    if (bill.error.empty() && bill.lines.empty()) bill.error = "there is nothing on it";
    if (bill.error.empty()) return bill;
    std::fprintf(stderr, "%s: %s\n", options.file.c_str(), bill.error.c_str());
    return std::nullopt;
}

int run(const Options& options) {
    const auto provider = provider_from(options.provider).value_or(Provider::openai);
    const auto bill = load_bill(options, provider);
    if (!bill) return kUsage;
    const auto scope = scope_of(options);
    if (!scope) return kUsage;
    std::vector<ledger::DailyLine> used;
    if (!read_ledger(*scope, span_of(*bill), used)) return kFailure;
    Report report;
    report.provider = provider;
    report.upstreams = scope->upstreams;
    report.has_cost = bill->has_cost;
    report.lines = compare(provider, *bill, used, std::llround(options.tolerance * 1e9));
    const auto text = options.format == "json"  ? json_of(report)
                      : options.format == "csv" ? csv_of(report)
                                                : table_of(report);
    if (!print_or_explain(text)) return kFailure;
    const bool good = std::all_of(report.lines.begin(), report.lines.end(),
                                  [](const Comparison& line) { return explained(line.verdict); });
    return good ? kOk : kFailure;
}

}  // namespace

Run add_reconcile(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    options->config = add_config_options(app);
    app.add_option("file", options->file, "The provider's export, CSV")
        ->type_name("FILE.csv")
        ->required();
    app.add_option("--provider", options->provider, "Whose bill it is")
        ->check(CLI::IsMember({"openai", "anthropic", "openrouter"}))
        ->required();
    app.add_option("--upstream", options->upstreams,
                   "Upstreams that it is about; without it the provider's in the configuration")
        ->type_name("NAME");
    app.add_option("--ledger", options->ledger, "The ledger's file; without it the configuration's")
        ->type_name("FILE");
    app.add_option("--tolerance", options->tolerance,
                   "Dollars that a day's model may differ by and agree")
        ->type_name("USD")
        ->check(check_tolerance)
        ->capture_default_str();
    app.add_option("--format", options->format, "How it is written")
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->capture_default_str();
    return [options] { return run(*options); };
}

}  // namespace understudy::cmd
