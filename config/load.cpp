#include "config/load.hpp"

#include "config/address.hpp"
#include "config/checks.hpp"
#include "config/files.hpp"
#include "config/finish.hpp"
#include "config/outbound_proxy.hpp"
#include "config/prices.hpp"
#include "config/profile_store.hpp"
#include "config/read.hpp"
#include "config/references.hpp"

#include <algorithm>
#include <tuple>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxProblems = 100;  // nobody reads more at once
constexpr std::size_t kMaxPath = 160;

void override_listen(const Overrides& overrides, Config& config, std::vector<Problem>& problems) {
    if (overrides.listen.empty()) return;
    config.listen.clear();
    for (const std::string& text : overrides.listen) {
        const auto endpoint = parse_endpoint(text);
        if (endpoint) {
            config.listen.push_back(*endpoint.value);
        } else {
            problems.push_back({"command line", 0, 0, "--listen", endpoint.error});
        }
    }
}

void override_routes(const Overrides& overrides, Context& context, Config& config) {
    if (overrides.chain.empty()) return;
    config.routes_given = true;
    config.routes.clear();
    config.routes.push_back(chain_route(context, overrides.chain, config));
}

// Profiles may be all the upstreams there are; then the reasons why none can be used are problems.
void require_profile(Context& context, const Config& config) {
    if (!config.upstreams.empty() || !config.profiles || !context.problems.empty()) return;
    context.problems.push_back(
        {context.file, 0, 0, "profiles",
         "the folder " + in_quotes(*config.profiles) + " holds no profile that can be used"});
    for (const Problem& warning : context.warnings) context.problems.push_back(warning);
}

// "--listen" stands on the command line, everything else in the document.
Problem place(const Finding& finding, const std::string& file, const Element* root) {
    if (finding.path == "--listen") return {"command line", 0, 0, finding.path, finding.message};
    const Mark mark = root == nullptr ? Mark{} : locate(*root, finding.path);
    return {file, mark.line, mark.column, finding.path, finding.message};
}

void sort_by_place(std::vector<Problem>& problems) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
}

void shorten(std::vector<Problem>& problems, const std::string& file) {
    if (problems.size() <= kMaxProblems) return;
    const std::size_t more = problems.size() - kMaxProblems;
    problems.resize(kMaxProblems);
    problems.push_back({file, 0, 0, "", "has " + std::to_string(more) + " more problems"});
}

}  // namespace

std::string Problem::text() const {
    std::string out = file;
    if (line > 0) out += ":" + std::to_string(line);
    if (line > 0 && column > 0) out += ":" + std::to_string(column);
    out += ": ";
    if (!path.empty()) {
        // A path holds keys as the user wrote them, so it may hold anything.
        for (const char c : path.substr(0, kMaxPath)) {
            out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
        }
        out += path.size() > kMaxPath ? "...: " : ": ";
    }
    return out + message;
}

void take_usual_ledger(const Context& context, Config& config) {
    if (config.ledger_given) return;
    Ledger ledger;
    ledger.path = usual_ledger_path(context.env);
    ledger.by_default = true;
    if (!ledger.path.empty()) config.ledger = std::move(ledger);
}

Loaded finish(Context& context, Config config, const Element* root, const Overrides& overrides) {
    override_listen(overrides, config, context.problems);
    require_profile(context, config);
    if (!config.routes_given) config.routes = default_routes(config);
    take_environment_proxies(context, config);
    take_usual_ledger(context, config);
    config.source = context.file;
    if (config.prices == nullptr) config.prices = builtin_prices();
    for (const Finding& finding : find_contradictions(config, overrides)) {
        context.problems.push_back(place(finding, context.file, root));
    }
    if (!context.problems.empty()) {
        sort_by_place(context.problems);
        shorten(context.problems, context.file);
        return {nullptr, std::move(context.problems)};
    }
    for (const Finding& finding : find_doubts(config, overrides)) {
        context.warnings.push_back(place(finding, context.file, root));
    }
    sort_by_place(context.warnings);
    for (const Problem& warning : context.warnings) config.warnings.push_back(warning.text());
    return {std::make_shared<const Config>(std::move(config)), {}};
}

Loaded load_text(std::string_view yaml, const std::string& file, const Environment& env,
                 const Overrides& overrides) {
    Context context{file, directory_of(file), env, {}, {}};
    Element root;
    if (!parse_document(yaml, file, root, context.problems)) {
        return {nullptr, std::move(context.problems)};
    }
    resolve_references(root, file, env, context.problems);
    Config config;
    {
        const Section top(Value(context, root, ""), top_keys(),
                          "a map of settings such as `upstreams:`");
        read_server(top, config);
        if (!overrides.profiles.empty()) {
            config.profiles = resolve_path(overrides.profiles, "", env);
        }
        read_upstreams(top, config);
        add_profiles(context, config);
        read_routes(top, config);
        override_routes(overrides, context, config);
        read_keys(top, config);
        read_doors(top, config);
    }
    Loaded loaded = finish(context, std::move(config), &root, overrides);
    wipe(root);
    return loaded;
}

Loaded load_overrides(const Environment& env, const Overrides& overrides) {
    Context context{"command line", "", env, {}, {}};
    Config config;
    if (!overrides.profiles.empty()) config.profiles = resolve_path(overrides.profiles, "", env);
    add_profiles(context, config);
    override_routes(overrides, context, config);
    return finish(context, std::move(config), nullptr, overrides);
}

}  // namespace understudy::config
