#include "wire/json_scan.hpp"

#include "wire/json_cursor.hpp"

namespace understudy::wire {

std::optional<JsonProblem> scan_object(std::string_view text, std::vector<JsonMember>& members,
                                       Span& object) {
    return walk_object(text, members, object, [](std::string_view, const JsonMember&) {});
}

std::optional<JsonProblem> check_json(std::string_view text, JsonKind& kind) {
    JsonCursor in(text);
    in.skip_preamble();
    if (in.at_end()) {
        in.fail("empty text");
    } else if (in.peek(kind) && in.skip()) {
        in.finish();
    }
    return in.problem();
}

bool key_equals(std::string_view token, std::string_view name) {
    if (token.size() < 2) return false;
    const std::string_view content = token.substr(1, token.size() - 2);
    if (content == name) return true;
    // A name has no backslash in it, so only a token that has one can still be equal.
    if (content.size() <= name.size() || content.find('\\') == std::string_view::npos) return false;
    const auto decoded = decode_string(token);
    return decoded && *decoded == name;
}

}  // namespace understudy::wire
