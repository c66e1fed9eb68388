// Which pictures, documents and sounds Google's models read, and from where. Rows of data; pure.
// https://ai.google.dev/gemini-api/docs/generate-content/file-input-methods
#pragma once

#include "dialects/talk.hpp"

#include <string_view>

namespace understudy::dialects::gemini {

/// Whether data of this type may be sent inside a request.
bool takes_type(Media::Kind kind, std::string_view type);
/// A place that every model reads from: Google's own files, its storage, and YouTube.
bool is_googles_own(std::string_view url);
/// By the end of its path; "" when that says nothing.
std::string_view type_of_url(std::string_view url);

}  // namespace understudy::dialects::gemini
