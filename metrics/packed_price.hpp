// Prices as lines of text, small enough for thousands of models to be part of a program, and
// readable enough to be compared between two versions of it:
//
//   claude-sonnet-4-5<TAB>anthropic<TAB>200000<TAB>64000<TAB>i3o15r.3w3.75h6|>200000:i6o22.5r.6
//
// that is the name, its provider, the tokens that a prompt and an answer may have (0: not known),
// and groups of rates in USD per million, which are whole pico-dollars. A group is about prompts
// above a number of tokens (">200000"), a service tier (p priority, f flex, b batch) or both
// (">200000p"); the first has neither. Letters are those of kRateLetters, and in the first group q
// (a million requests) and g (a million images).
#pragma once

#include "metrics/price.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace understudy::metrics {

/// A line without its end. A name or provider that holds a control character gives an empty one.
std::string pack_price(std::string_view key, const ModelPrice& price);
/// The price in such a line; what cannot be read in it is left out. The origin is the caller's.
ModelPrice unpack_price(std::string_view line);
/// The name in it.
std::string_view key_of_line(std::string_view line);

/// Lines in the order of their names, of equal names the last, each with its end.
std::string join_price_lines(std::vector<std::string> lines);
/// The line of `key` in such a text; empty: there is none.
std::string_view find_price_line(std::string_view lines, std::string_view key);

}  // namespace understudy::metrics
