// Finds byte offsets in a raw JSON object without building a tree, so that a request body can be
// spliced: what the upstream receives differs from what the client sent only in the spliced ranges.
//
// One pass, no allocation beyond the member list, nesting bounded by depth and not by the call
// stack. Strings are skipped with SIMD where the machine has it: bodies are megabytes of base64.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// Half-open range of byte offsets into the scanned text.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t size() const { return end - begin; }
    std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
    bool operator==(const Span&) const = default;
};

enum class JsonKind : unsigned char { null, boolean, number, string, array, object };

struct JsonMember {
    Span key;    // the token, quotes included
    Span value;  // the token or the whole nested value, no surrounding white space
    JsonKind kind = JsonKind::null;
};

struct JsonProblem {
    std::size_t offset = 0;  // where in the text
    const char* what =
        nullptr;  // static text: "unterminated string", "nesting deeper than 512" ...
};

inline constexpr std::size_t kMaxJsonDepth = 512;
/// Members of an outermost object that are remembered one by one; no API has a tenth of them. What
/// is kept of a request must not be a multiple of what was sent.
inline constexpr std::size_t kMaxJsonMembers = 1024;

/// The members of the outermost object of `text`, duplicates included, in order. Validates the
/// whole text: strings (escapes, no raw control characters, valid UTF-8 is NOT required), numbers,
/// literals, commas, nesting, nothing but white space behind the object, at most kMaxJsonMembers. A
/// UTF-8 BOM in front is tolerated. Returns the problem if the text is not one well-formed JSON
/// object; `members` is then unspecified.
std::optional<JsonProblem> scan_object(std::string_view text, std::vector<JsonMember>& members,
                                       Span& object);

/// Whether a whole text is one well-formed JSON value, and where it begins; used to judge answers.
std::optional<JsonProblem> check_json(std::string_view text, JsonKind& kind);

/// Compares a key token (with quotes, maybe with escapes such as "mod\u0065l") with a plain ASCII
/// name.
bool key_equals(std::string_view token, std::string_view name);

/// Decodes a string token (quotes included) to UTF-8; lone surrogates become U+FFFD. nullopt if not
/// a string.
std::optional<std::string> decode_string(std::string_view token);

/// Quotes and escapes `text` as a JSON string token.
std::string encode_string(std::string_view text);

}  // namespace understudy::wire
