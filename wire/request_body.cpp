#include "wire/request_body.hpp"

#include "wire/json_cursor.hpp"

namespace understudy::wire {
namespace {

void reset(RequestFacts& facts) {
    facts.json = false;
    facts.object = {};
    facts.members.clear();
    facts.model.clear();
    facts.model_values.clear();
    facts.has_model = false;
    facts.stream = false;
    facts.include_usage = false;
}

bool asks_for_usage(std::string_view stream_options) {
    JsonCursor in(stream_options);
    bool asked = false;
    in.object_members([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        if (key == "include_usage") asked = value.is_true();
        return true;
    });
    return asked;
}

}  // namespace

std::optional<JsonProblem> scan_request(std::string_view body, RequestFacts& facts) {
    reset(facts);
    if (auto problem = scan_object(body, facts.members, facts.object)) {
        facts.members.clear();
        facts.object = {};
        return problem;
    }
    facts.json = true;
    for (const JsonMember& member : facts.members) {
        const std::string_view key = member.key.of(body);
        const std::string_view value = member.value.of(body);
        if (key_equals(key, "model")) {
            facts.model_values.push_back(member.value);
            facts.has_model = member.kind == JsonKind::string;
            facts.model = facts.has_model ? decode_string(value).value_or("") : std::string();
        } else if (key_equals(key, "stream")) {
            facts.stream = member.kind == JsonKind::boolean && value == "true";
        } else if (key_equals(key, "stream_options")) {
            facts.include_usage = asks_for_usage(value);
        }
    }
    return std::nullopt;
}

}  // namespace understudy::wire
