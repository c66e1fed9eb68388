// Pictures, documents and sounds in the parts of a message, in the words of any API that has such
// parts: clients and the libraries below them mix those up, and providers take them all the same.
// Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects {

/// Whether a part of this type holds media.
bool is_media_part(Value type);

/// Appends what such a part holds to `blocks`. `where` it stands is for messages; `list` is what
/// the place is called in which members are named that get lost: "messages[].content[]".
/// The first thing that is wrong, or that no other API can be told.
std::optional<Problem> read_media_part(Value part, const std::string& where, std::string_view list,
                                       Talk& talk, std::vector<Block>& blocks);

/// What Anthropic's API calls the source of a picture or document.
std::optional<Problem> read_source(Value source, const std::string& where, Media& media);

}  // namespace understudy::dialects
