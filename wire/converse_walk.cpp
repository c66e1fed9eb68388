#include "wire/converse_walk.hpp"

#include "wire/delta_keys.hpp"
#include "wire/json_cursor.hpp"
#include "wire/usage_converse.hpp"

namespace understudy::wire {
namespace {

bool content(JsonCursor& in, ConverseFindings& found) {
    JsonKind kind{};
    if (!in.peek(kind)) return false;
    if (kind != JsonKind::array) return in.skip();
    found.has_message = true;
    return in.each_element([&] {
        JsonValue block;
        if (!in.take(block)) return false;
        found.has_content = found.has_content || carries(block);
        return true;
    });
}

bool output(JsonCursor& in, ConverseFindings& found) {
    return in.object_members([&](std::string_view key) {
        if (key != "message") return in.skip();
        return in.object_members([&](std::string_view member) {
            return member == "content" ? content(in, found) : in.skip();
        });
    });
}

bool service_tier(JsonCursor& in, ConverseFindings& found) {
    return in.each_member([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        if (key == "type") found.service_tier = value.string_content();
        return true;
    });
}

}  // namespace

ConverseFindings walk_converse(std::string_view object) {
    ConverseFindings found;
    JsonCursor in(object);
    in.skip_preamble();
    in.object_members([&](std::string_view key) {
        if (key == "output") return output(in, found);
        if (key == "serviceTier" && in.at_object()) return service_tier(in, found);
        JsonValue value;
        if (!in.take(value)) return false;
        if (key == "start") found.starts_block = carries(value);
        if (key == "stopReason") found.stop_reason = value.string_content();
        if (key == "usage") found.usage = parse_converse_usage(value.raw);
        return true;
    });
    return found;
}

}  // namespace understudy::wire
