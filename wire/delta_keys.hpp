// What of a delta, a message or a block is content. Internal to wire; inline, because it is asked
// for every member of every streamed event.
#pragma once

#include "wire/json_cursor.hpp"

#include <string_view>

namespace understudy::wire {

/// Members of a delta or message that are known to carry nothing which a client waits for: who
/// speaks, and names and numbers of things. Whatever else is not empty is content, under whatever
/// name the next server sends it. Sources: OpenAI's reference of the chunk and message objects
/// (role, name, id, tool_call_id), their typed parts (type, object, index, status), OpenAI's
/// harmony format (channel, recipient), LiteLLM (provider_specific_fields, which repeats other
/// members).
inline bool is_bare_key(std::string_view key) noexcept {
    switch (key.size()) {
        case 2:
            return key == "id";
        case 4:
            return key == "role" || key == "name" || key == "type";
        case 5:
            return key == "index" || key == "model" || key == "usage";
        case 6:
            return key == "object" || key == "status";
        case 7:
            return key == "channel";
        case 8:
            return key == "metadata";
        case 9:
            return key == "recipient";
        case 12:
            return key == "tool_call_id";
        case 13:
            return key == "finish_reason";
        case 24:
            return key == "provider_specific_fields";
        default:
            return false;
    }
}

/// A list or an object that is not empty: whether there is anything in it but names, numbers of
/// things and empty values. `[{"index":0,"function":{"arguments":""}}]` and
/// `[{"type":"text","text":""}]`, which servers repeat while they have nothing to say, hold
/// nothing. Who a call or an object is (its id, its name) is something, and so is the kind of one
/// that has nothing else.
bool holds_something(const JsonValue& value);

/// Text, a list or an object with something in it; a flag or a number says nothing.
inline bool says_something(const JsonValue& value) {
    switch (value.kind) {
        case JsonKind::string:
            return value.raw.size() > 2;
        case JsonKind::array:
        case JsonKind::object:
            return !value.is_empty() && holds_something(value);
        default:
            return false;
    }
}

/// Text, or a list or an object with any member at all.
inline bool carries(const JsonValue& value) noexcept {
    switch (value.kind) {
        case JsonKind::string:
            return value.raw.size() > 2;
        case JsonKind::array:
        case JsonKind::object:
            return !value.is_empty();
        default:
            return false;
    }
}

}  // namespace understudy::wire
