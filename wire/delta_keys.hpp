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

/// Text, a list or an object with something in it; a flag or a number says nothing.
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
