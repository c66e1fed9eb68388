// Names of the same model at different services, as far as a table knows them. The
// zero-configuration start uses it, so that a fallback to OpenRouter finds the model asked for.
#pragma once

#include "config/presets.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// What `asked` is called at `there`: "gpt-4o" is "openai/gpt-4o" at openrouter, and the other way
/// round at openai. Null: as the client calls it, or not known.
std::optional<std::string> known_name(const Preset& there, std::string_view asked);

}  // namespace understudy::config
