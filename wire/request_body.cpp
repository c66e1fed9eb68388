#include "wire/request_body.hpp"

#include "wire/json_cursor.hpp"
#include "wire/lax_bool.hpp"
#include "wire/member_names.hpp"

namespace understudy::wire {
namespace {

void reset(RequestFacts& facts) {
    facts.json = false;
    facts.object = {};
    facts.members.clear();
    facts.model.clear();
    facts.model_values.clear();
    facts.has_model = false;
    facts.stream = facts.odd_stream = false;
    facts.include_usage = false;
    facts.ambiguous = {};
    facts.decisive = 0;
}

bool asks_for_usage(std::string_view stream_options) {
    JsonCursor in(stream_options);
    bool asked = false;
    in.object_members([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        if (key == "include_usage") asked = lax_bool(value.raw).value_or(false);
        return true;
    });
    return asked;
}

void note_member(std::string_view body, std::string_view key, const JsonMember& member,
                 RequestFacts& facts) {
    if (!may_be_decisive(key)) return;
    const auto found = decisive_member(key);
    if (found == Decisive::none) return;
    if (!note_decisive(found, key, facts)) return;
    switch (found) {
        case Decisive::model:
            facts.model_values.push_back(member.value);
            facts.has_model = member.kind == JsonKind::string;
            return;
        case Decisive::stream:
            if (const auto stream = lax_bool(member.value.of(body))) {
                facts.stream = *stream;
            } else {
                facts.odd_stream = true;
            }
            return;
        case Decisive::stream_options:
            facts.include_usage = asks_for_usage(member.value.of(body));
            return;
        case Decisive::n:
        case Decisive::none:
            return;
    }
}

}  // namespace

std::optional<JsonProblem> scan_request(std::string_view body, RequestFacts& facts,
                                        const ClearBlocks* clear) {
    reset(facts);
    const auto note = [&](std::string_view key, const JsonMember& member) {
        note_member(body, key, member, facts);
    };
    if (auto problem = walk_object(body, facts.members, facts.object, note, clear)) {
        reset(facts);
        return problem;
    }
    facts.json = true;
    if (facts.has_model) {
        const std::string_view token = facts.model_values.back().of(body);
        decode_content(token.substr(1, token.size() - 2), facts.model);
    }
    return std::nullopt;
}

}  // namespace understudy::wire
