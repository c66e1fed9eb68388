// Small helpers over text that more than one reader of the configuration needs. All pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

/// `"text"` for a message: control characters escaped, cut after 60 bytes. Never pass a secret.
std::string in_quotes(std::string_view text);

/// ASCII lower case.
std::string lower(std::string_view text);

/// "a, b or c".
std::string one_of(std::span<const std::string_view> words);

/// How many slips of the hand lie between two words: letters left out, put in, or changed, and
/// neighbours exchanged.
std::size_t slips(std::string_view a, std::string_view b);

/// The candidate that `word` most likely is a misspelling of; nullopt when none is close.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

/// `; did you mean "chain"?`, or nothing when no candidate is close.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

/// Well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

/// A token of RFC 9110 section 5.6.2: what a header name may be.
bool is_token(std::string_view text);

/// Only 0x21..0x7e, and not empty: what a credential may consist of.
bool is_visible_ascii(std::string_view text);

/// What names in the configuration may be: letters, digits, dot, dash, underscore; 1 to 64 of them.
bool is_plain_name(std::string_view text);

/// What a model name may be: printable ASCII without comma and semicolon (they separate the entries
/// of x-understudy-trace), no space at either end, 1 to 256 characters.
bool is_model_name(std::string_view text);

}  // namespace understudy::config
