// What a preset makes of an upstream: its address, its key out of the environment, its quirks.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/presets.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// An upstream as `provider: NAME` alone describes it: name, dialect, address, prices and quirks of
/// the preset. The preset has a base_url and is not refused.
Upstream upstream_of(const Preset& preset);

/// The first of the preset's key variables that is set and not empty.
struct FoundKey {
    std::string variable;
    std::string value;
};
std::optional<FoundKey> key_in_environment(const Preset& preset, const Environment& env);

/// Why such a value cannot be sent as a key; never repeats it. Null: it can.
std::optional<std::string> key_problem(const std::string& value);

/// "GROQ_API_KEY" or "GEMINI_API_KEY or GOOGLE_API_KEY".
std::string variables_text(const Preset& preset);

/// Lays the preset's quirks under the configured changes: a member that these name at all is left
/// to them.
void add_quirks(const Quirks& quirks, wire::BodyRewrite& body);

/// "2024-10-21", as against the names of Azure's v1 API ("v1", "preview", "latest", none).
bool is_dated_version(std::string_view api_version);

/// Where Azure's resource answers, worked out from what the configuration says of it: a bare
/// resource URL gets the path of the v1 API, or, with a dated api_version, that of deployments.
/// The reason why not, else nothing.
std::optional<std::string> place_azure(Upstream& upstream);

}  // namespace understudy::config
