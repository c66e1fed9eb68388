// Upstreams that a chain makes by naming a provider that no upstream is called after.
#pragma once

#include "config/config.hpp"
#include "config/presets.hpp"
#include "config/value.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace understudy::config {

/// provider/model in LiteLLM's form: the provider's preset with the key of the environment, as one
/// upstream for all chains; its place in `config.upstreams`. `prefix`: how the chain calls it.
/// nullopt, and a problem at `item`, where it has no key or no address.
std::optional<std::size_t> implicit_upstream(const Value& item, std::string_view prefix,
                                             const Preset& preset, Config& config);

}  // namespace understudy::config
