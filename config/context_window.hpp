// How long a prompt and an answer may be at an entry of a chain, as far as the configuration or the
// price table says. Pure; any thread.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::config {

/// Tokens that a prompt for `model` may have at this upstream: its own `context_window`, else what
/// the price table has for its provider's model of that name; 0: not known.
std::uint64_t context_window(const Config& config, const Upstream& upstream,
                             std::string_view model);

/// Tokens that an answer of `model` may have at this upstream, as the price table has it for its
/// provider's model of that name; where its API demands a limit, else for anybody's; 0: not known.
std::uint64_t max_output(const Config& config, const Upstream& upstream, std::string_view model);

/// The most that an answer of `model` has to be paid for at this upstream: as the row has it that
/// `price` is, else the table's row for that name, whoever's it is where nobody knows the upstream;
/// 0: not known. For money that is held only: what a server of an unknown make can write is its own
/// affair.
std::uint64_t longest_answer(const Config& config, const Upstream& upstream, std::string_view model,
                             const metrics::ModelPrice* price);

}  // namespace understudy::config
