// The last steps of every load, whether from a file or from the environment.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/value.hpp"

namespace understudy::config {

/// Applies overrides, fills in what follows from the rest, judges the whole. `root` is the document
/// if there is one, to say where things stand.
Loaded finish(Context& context, Config config, const Element* root, const Overrides& overrides);

/// The ledger is kept unless the configuration says otherwise, or there is no place for it.
void take_usual_ledger(const Context& context, Config& config);

/// environment.cpp: the chain made of the API keys that are set. Null config and no problem: none
/// is.
Loaded load_environment(const Environment& env, const Overrides& overrides);

}  // namespace understudy::config
