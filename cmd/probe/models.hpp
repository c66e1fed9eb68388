// Which models a probe asks an upstream for. Pure: the configuration, the price table and the
// upstream's own list of models come in as arguments.
#pragma once

#include "config/config.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::cmd::probe {

using Names = std::vector<std::string>;

/// What the configuration asks this upstream for, by the names it has there, each once: its own
/// `model`, those of chains, and the literal globs of routes. With `asked` (--model) it is what a
/// request for that model would come to here, and nothing else.
Names configured_models(const config::Config& config, std::size_t upstream, std::string_view asked);

/// False for names that say embedding, speech, image and the like: nothing to chat with.
bool looks_like_chat(std::string_view name);

/// The listed models to try, the best first, at most `most`: those whose price is known, cheapest
/// first, then the others in the order of the list. Only what looks like chat.
Names choose_listed(const config::Upstream& upstream, const metrics::PriceTable& prices,
                    std::span<const std::string> listed, std::size_t most);

/// The chat model with the shortest name that the price table has for the upstream's provider, for
/// services without a list; empty where it has none.
std::string choose_priced(const config::Upstream& upstream, const metrics::PriceTable& prices);

/// Whether it has a list of its models that can be asked for.
bool has_list(const config::Upstream& upstream);

/// Whether the list of this upstream names what can be asked for: Azure's names what could be
/// deployed.
bool list_is_of_models(const config::Upstream& upstream);

/// Whether the list has the model: as it is written, or under a date, "-latest" or a tag, which
/// servers add to a name ("llama3" is "llama3:latest").
bool lists(std::span<const std::string> listed, std::string_view model);

/// The listed names that are most like `model`, at most three: names that hold it, or are part of
/// it, then by the number of slips between them.
Names nearest_models(std::string_view model, std::span<const std::string> listed);

}  // namespace understudy::cmd::probe
