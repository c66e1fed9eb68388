// Which header fields and query parameters of a client are its own business: credentials, the
// account it is billed to, and what a browser says of the page. Names as data, and a rule for
// those that are on no list.
#pragma once

#include <string>
#include <string_view>

namespace understudy::wire {

/// Whether a field, a query parameter or a cookie of this name may hold a credential. What is on no
/// list is one when its name says so ("x-vendor-api-key", "private-token"). Any case.
bool names_secret(std::string_view name) noexcept;

/// Whether a field says which account, organization or project of the provider is meant. Any case.
bool names_account(std::string_view name) noexcept;

/// Whether a field is a browser's word on the page that asks: Sec-Fetch-*, Sec-CH-*. (Origin and
/// Referer have a FieldId.)
bool names_page(std::string_view name) noexcept;

/// Whether a field belongs to one provider's API (anthropic-beta, openai-organization): it says
/// nothing, or something else, to any other. Any case.
bool names_api(std::string_view name) noexcept;

/// A field that every client sends and that is none of these: a short cut, false means nothing.
bool is_usual_field(std::string_view name) noexcept;

/// `target` without the query parameters that name a secret (names percent-decoded first); `out`
/// is only used when something was taken out.
std::string_view without_secret_parameters(std::string_view target, std::string& out);

}  // namespace understudy::wire
