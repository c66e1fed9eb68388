// Pictures and documents inside requests: `data:` URLs taken apart, and what their bytes say they
// are. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects {

/// The media of an URL (the inside of a JSON string): its data where it is a `data:` URL in base64,
/// else a place. Where it names no type its first bytes do. nullopt: a `data:` URL in another form.
std::optional<Media> media_of_url(std::string_view url, Media::Kind kind);

/// Whether a text (the inside of a string) is a URL that somebody can fetch, or a `data:` URL.
bool names_place(std::string_view text);

/// The document in `file_data` (the inside of a string): a URL, or base64 with nothing in front, of
/// which the first bytes say the type. nullopt: it is neither.
std::optional<Media> media_of_file_data(std::string_view data);

/// Writes the data of all media in plain base64, as every API takes it: some clients send the
/// alphabet of URLs, no sign at the end, or lines.
void mend_base64(Talk& talk);

/// The bytes that base64 data (the inside of a string) stands for; nullopt: it is none.
std::optional<std::string> from_base64(std::string_view content);

/// "image/png" and the like, by the first bytes of base64 data; "" when they say nothing. What is
/// declared is often wrong, and some APIs refuse what does not match.
std::string_view sniffed_type(std::string_view base64);

}  // namespace understudy::dialects
