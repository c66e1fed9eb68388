// Readers of what makes a route a choice: its conditions (`when`), and groups in its chain (`any`).
#pragma once

#include "config/config.hpp"
#include "config/value.hpp"

#include <functional>

namespace understudy::config {

/// routes[].when; a problem where nothing, or nothing sensible, is set.
When read_when(const Value& value);

/// One member of a chain as text ("upstream" or "upstream/model"); nullopt and a problem left
/// behind when it is none.
using ReadEntry = std::function<std::optional<ChainEntry>(const Value& item)>;

/// An element of a chain that is a map: { any: [a, b], by: random }. Appends its entries to the
/// chain as one tier.
void read_group(const Value& item, const ReadEntry& read_entry, Route& route);

}  // namespace understudy::config
