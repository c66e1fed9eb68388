// Any text must end in a Config or in problems: no crash, no hang, no secret in a message.
#include "config/load.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace understudy::config;

namespace {

// Not a possible name: upstreams' names are public, whatever variable they come from.
constexpr std::string_view kSecret = "zqxj!secret=value";

// A fixed environment: findings must not depend on the machine.
std::optional<std::string> look_up(std::string_view name) {
    if (name == "KEY") return std::string(kSecret);
    if (name == "HOST") return "a.example";
    if (name == "N") return "7";
    if (name == "EMPTY") return "";
    return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // The fuzzer would otherwise go exploring the file system, or write the secret itself.
    if (text.find("file:") != std::string_view::npos) return 0;
    if (text.find(kSecret) != std::string_view::npos) return 0;
    Overrides overrides;
    overrides.insecure = size % 2 == 0;
    const Loaded loaded = load_text(text, "u.yaml", &look_up, overrides);
    if ((loaded.config == nullptr) == loaded.problems.empty()) std::abort();
    for (const Problem& problem : loaded.problems) {
        if (problem.text().find(kSecret) != std::string::npos) std::abort();
    }
    if (!loaded.config) return 0;
    if (loaded.config->routes.empty() || loaded.config->upstreams.empty()) std::abort();
    for (const Route& route : loaded.config->routes) {
        if (route.chain.empty()) std::abort();
        for (const ChainEntry& entry : route.chain) {
            if (entry.upstream >= loaded.config->upstreams.size()) std::abort();
        }
    }
    loaded.config->route_for("gpt-4o");
    return 0;
}
