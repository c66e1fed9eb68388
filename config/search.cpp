// Where the configuration comes from: docs/configuration.md has the order.
#include "config/document.hpp"
#include "config/files.hpp"
#include "config/finish.hpp"
#include "config/read.hpp"
#include "config/references.hpp"
#include "config/text.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace understudy::config {
namespace {

constexpr const char* kThreeWays =
    "no configuration found. Three ways to start: write understudy.yaml here (or name a file with "
    "-c FILE or $UNDERSTUDY_CONFIG); set an API key such as OPENAI_API_KEY; or run `understudy "
    "demo` to see it work without any key";

// Present in whatever form: a file that is there but cannot be read must not be passed over.
bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

std::optional<std::string> value_of(const Environment& env, std::string_view name) {
    auto value = env(name);
    if (value && value->empty()) value.reset();
    return value;
}

std::optional<std::string> find_file(const Environment& env) {
    if (auto named = value_of(env, "UNDERSTUDY_CONFIG")) return named;
    std::vector<std::string> places{"understudy.yaml"};
    const std::string below = "/understudy/understudy.yaml";
    if (const auto xdg = value_of(env, "XDG_CONFIG_HOME")) {
        places.push_back(*xdg + below);
    } else if (const auto home = value_of(env, "HOME")) {
        places.push_back(*home + "/.config" + below);  // the default of XDG_CONFIG_HOME
    }
    places.push_back("/etc" + below);
    for (std::string& place : places) {
        if (exists(place)) return std::move(place);
    }
    return std::nullopt;
}

// A variable set long ago, in a file that nobody remembers, explains much.
void name_the_variable(Loaded& loaded) {
    if (loaded.config) {
        Config config = *loaded.config;
        config.source_by_variable = true;
        loaded.config = std::make_shared<const Config>(std::move(config));
    } else if (!loaded.problems.empty()) {
        loaded.problems.push_back({loaded.problems.front().file, 0, 0, "",
                                   "is read because $UNDERSTUDY_CONFIG names it; -c FILE reads "
                                   "another"});
    }
}

}  // namespace

namespace {

// Everything else of the document goes before references are resolved.
void keep_only(std::string_view key, Element& root) {
    std::erase_if(root.members, [key](const Member& member) { return member.key != key; });
}

void read_ledger_of(const std::string& file, Context& context, Config& config) {
    const FileText content = read_file(file, kMaxDocumentBytes);
    if (!content.text) {
        context.problems.push_back({file, 0, 0, "", content.error});
        return;
    }
    Element root;
    if (!parse_document(*content.text, file, root, context.problems)) return;
    keep_only("ledger", root);
    resolve_references(root, file, context.env, context.problems);
    if (root.members.empty()) return;
    read_ledger(Section(Value(context, root, ""), top_keys(), "a map of settings"), config);
}

}  // namespace

LoadedLedger load_ledger(const std::optional<std::string>& path, const Environment& env) {
    const auto file = path ? path : find_file(env);
    Config config;
    Context context{file.value_or(""), file ? directory_of(*file) : "", env, {}, {}};
    if (file) read_ledger_of(*file, context, config);
    if (!context.problems.empty()) return {std::nullopt, std::move(context.problems)};
    take_usual_ledger(context, config);
    return {std::move(config.ledger), {}};
}

Loaded load(const std::optional<std::string>& path, const Environment& env,
            const Overrides& overrides) {
    const auto file = path ? path : find_file(env);
    const bool by_variable = !path && value_of(env, "UNDERSTUDY_CONFIG");
    if (file) {
        const FileText content = read_file(*file, kMaxDocumentBytes);
        if (!content.text) {
            const std::string why = by_variable ? " ($UNDERSTUDY_CONFIG names it)" : "";
            return {nullptr, {{*file, 0, 0, "", content.error + why}}};
        }
        Loaded loaded = load_text(*content.text, *file, env, overrides);
        if (by_variable) name_the_variable(loaded);
        return loaded;
    }
    if (!overrides.profiles.empty() || !overrides.chain.empty()) {
        return load_overrides(env, overrides);
    }
    Loaded loaded = load_environment(env, overrides);
    if (!loaded.config && loaded.problems.empty()) {
        loaded.problems.push_back({"understudy", 0, 0, "", kThreeWays});
    }
    return loaded;
}

}  // namespace understudy::config
