#include "cmd/probe.hpp"

#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/probe/ask.hpp"
#include "cmd/probe/judge.hpp"
#include "cmd/probe/models.hpp"
#include "cmd/probe/scheme.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace understudy::cmd {

namespace {

using namespace probe;

constexpr std::size_t kNameWidth = 16;
constexpr std::size_t kMostChoices = 3;    // models tried where none is configured
constexpr std::size_t kMostQuestions = 8;  // to one upstream; each costs a few tokens

// The row of an upstream that its list of models already shows to be out of reach, or spoken to by
// the wrong scheme.
std::optional<Row> out_of_reach(Questions& ask, const config::Upstream& upstream,
                                const Heard& heard) {
    const auto doubt = doubt_scheme(upstream.base_url, heard);
    if (doubt != Doubt::none) {
        const bool proven = ask.answers_by_other_scheme();
        if (proven || doubt == Doubt::likely) {
            return row_of_unreachable(upstream, heard, explain_scheme(upstream.base_url, proven));
        }
    }
    if (!unreachable(upstream, heard)) return std::nullopt;
    return row_of_unreachable(upstream, heard, explain_silence(upstream, heard));
}

// What to ask for where the configuration names nothing.
std::vector<Asked> choices(const config::Config& config, const config::Upstream& upstream,
                           const Listing& listing) {
    std::vector<Asked> asked;
    if (list_is_of_models(upstream)) {
        for (auto& name : choose_listed(upstream, *config.prices, listing.names, kMostChoices)) {
            asked.push_back({std::move(name), Origin::listed});
        }
        auto priced = choose_priced(upstream, *config.prices);
        if (!listing.read && !priced.empty()) asked.push_back({std::move(priced), Origin::priced});
    }
    if (asked.empty()) asked.push_back({std::string(kStandIn), Origin::stand_in});
    return asked;
}

// One answer is enough to know the upstream; of what is configured, whatever its list lacks is
// asked for too.
std::vector<Row> ask_for_configured(Questions& ask, const config::Upstream& upstream,
                                    const Listing& listing, const Names& models) {
    std::vector<Row> rows;
    for (const auto& model : models) {
        const bool doubtful =
            listing.read && list_is_of_models(upstream) && !lists(listing.names, model);
        if (!rows.empty() && (!doubtful || rows.size() == kMostQuestions)) continue;
        const auto told = ask.chat(model);
        rows.push_back(row_of_answer(upstream, listing, {model, Origin::configured}, told));
    }
    return rows;
}

std::vector<Row> probe_one(const config::Config& config, std::size_t index,
                           std::string_view model) {
    const auto& upstream = config.upstreams[index];
    Questions ask(upstream);
    Listing listing;
    if (has_list(upstream)) {
        listing = ask.list_models();
        if (auto row = out_of_reach(ask, upstream, listing.heard)) return {std::move(*row)};
    }
    const auto models = configured_models(config, index, model);
    if (!models.empty()) return ask_for_configured(ask, upstream, listing, models);
    Row row;
    for (const auto& asked : choices(config, upstream, listing)) {
        const auto told = ask.chat(asked.model);
        row = row_of_answer(upstream, listing, asked, told);
        if (!may_try_another(told.heard)) break;
    }
    return {std::move(row)};
}

void print_cells(const Row& row, std::size_t name_width) {
    std::printf("%-*s %-7s %-7s %-7s %-8s %-9s %-8s %-8s %-12s ", static_cast<int>(name_width),
                row.name.c_str(), row.dns.c_str(), row.tcp.c_str(), row.tls.c_str(),
                row.key.c_str(), row.model.c_str(), row.streams.c_str(), row.usage.c_str(),
                row.first_token.c_str());
}

void print(const Row& row, std::size_t name_width, bool colour) {
    const char* start = row.state == Row::State::usable   ? "\x1b[32m"
                        : row.state == Row::State::remark ? "\x1b[33m"
                                                          : "\x1b[31m";
    print_cells(row, name_width);
    std::printf("%s%s%s\n", colour ? start : "", row.verdict.c_str(), colour ? "\x1b[0m" : "");
    std::fflush(stdout);
}

void print_header(std::size_t name_width) {
    Row header;
    header.name = "upstream";
    header.dns = "dns";
    header.tcp = "tcp";
    header.tls = "tls";
    header.key = "key";
    header.model = "model";
    header.streams = "streams";
    header.usage = "usage";
    header.first_token = "first token";
    print_cells(header, name_width);
    std::fputs("verdict\n", stdout);
    std::fflush(stdout);
}

}  // namespace

int run_probe(const config::Config& config, std::string_view model) {
    const bool colour = wants_colour(STDOUT_FILENO);
    std::size_t name_width = kNameWidth;
    for (const auto& upstream : config.upstreams) {
        name_width = std::max(name_width, upstream.name.size());
    }
    print_header(name_width);
    bool all = true;
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        for (const auto& row : probe_one(config, i, model)) {
            print(row, name_width, colour);
            all = all && row.state != Row::State::problem;
        }
    }
    return all ? kOk : kFailure;
}

}  // namespace understudy::cmd
