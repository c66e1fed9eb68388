#include "wire/delta_keys.hpp"

namespace understudy::wire {
namespace {

bool walk(JsonCursor& in, bool& found);

/// What a call is to be made with: its names are the tool's own, and whatever they hold is meant.
bool is_arguments(std::string_view key) noexcept {
    return key == "arguments" || key == "input" || key == "args";
}

/// What an object is, beside what it holds: OpenAI's typed parts, and OpenRouter's reasoning
/// details, whose `format` names the provider they are written for.
bool is_kind(std::string_view key) noexcept {
    return key == "type" || key == "object" || key == "status" || key == "role" || key == "format";
}

bool take_arguments(JsonCursor& in, bool& found) {
    JsonValue value;
    if (!in.take(value)) return false;
    found |= value.kind != JsonKind::null && !value.is_empty();
    return true;
}

bool walk_object(JsonCursor& in, bool& found) {
    bool kind = false;
    bool others = false;
    const bool whole = in.each_member([&](std::string_view key) {
        const bool number_of_it = key == "index";
        others |= !number_of_it && !is_kind(key);
        if (!is_kind(key)) {
            bool ignored = false;
            if (is_arguments(key)) return take_arguments(in, found);
            return walk(in, number_of_it ? ignored : found);
        }
        return walk(in, kind);
    });
    found |= kind && !others;
    return whole;
}

/// Takes one value, and says whether there is something in it.
bool walk(JsonCursor& in, bool& found) {
    JsonKind kind = JsonKind::null;
    if (!in.peek(kind)) return false;
    if (kind == JsonKind::object) return walk_object(in, found);
    if (kind == JsonKind::array) return in.each_element([&] { return walk(in, found); });
    JsonValue value;
    if (!in.take(value)) return false;
    found |= kind == JsonKind::number || (kind == JsonKind::string && !value.is_empty());
    return true;
}

}  // namespace

bool holds_something(const JsonValue& value) {
    JsonCursor in(value.raw);
    bool found = false;
    // What is nested too deeply to be looked through is not a server's way to say nothing.
    return !walk(in, found) || found;
}

}  // namespace understudy::wire
