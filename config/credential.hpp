// What is written where a credential belongs but is none: a reference in another program's form, a
// placeholder, a value that kept its quotes. Sent as a key it would be refused far away, or, as an
// inbound key, be guessed. One rule for every credential of the configuration. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// Why `text` cannot be meant as a credential, with the form that is ("write ${OPENAI_API_KEY}");
/// nullopt where it may be one, which is everything not known here: keys are random text. Repeats
/// no more of `text` than the name of a variable or file that it points to.
std::optional<std::string> credential_problem(std::string_view text);

/// The same for a value that is no credential: `{{ env.NAME }}` anywhere in it, or `%NAME%`, which
/// no such value has for its own sake.
std::optional<std::string> template_problem(std::string_view text);

/// Whether a header of this name (any case) usually carries a credential.
bool is_credential_header(std::string_view name);

/// `Bearer KEY` -> `KEY`, for the schemes that stand before one token; else all of `value`.
std::string_view without_scheme(std::string_view value);

}  // namespace understudy::config
