#include "wire/chat_chunk.hpp"

#include "wire/delta_keys.hpp"
#include "wire/error_member.hpp"
#include "wire/json_cursor.hpp"
#include "wire/json_text.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace understudy::wire {
namespace {

// OpenAI-compatible servers' names for what a model thinks: DeepSeek, xAI, SGLang, Moonshot and
// Fireworks; OpenRouter, Groq, Ollama, Cerebras and vLLM; LiteLLM's lists of blocks.
constexpr std::array<std::string_view, 6> kReasoning{"reasoning_content", "reasoning",
                                                     "reasoning_text",    "thinking",
                                                     "reasoning_details", "thinking_blocks"};
// Who speaks, and names and numbers of things; as in answer_walk.cpp.
constexpr std::array<std::string_view, 11> kBare{"id",       "name",      "type",         "index",
                                                 "model",    "usage",     "object",       "channel",
                                                 "metadata", "recipient", "finish_reason"};

bool is_in(std::span<const std::string_view> list, std::string_view key) noexcept {
    return std::find(list.begin(), list.end(), key) != list.end();
}

DeltaPart part_of(std::string_view key, const JsonValue& value) {
    if (key == "role") return DeltaPart::role;
    if (!says_something(value) || is_in(kBare, key)) return DeltaPart::bare;
    if (key == "content") return DeltaPart::text;
    if (is_in(kReasoning, key)) return DeltaPart::reasoning;
    if (key == "tool_calls" || key == "function_call") return DeltaPart::tool_call;
    return DeltaPart::other;
}

class Reader {
  public:
    Reader(std::string_view data, ChatChunk& chunk) : in_(data), chunk_(chunk) {}

    bool run() {
        in_.skip_preamble();
        if (!in_.at_object()) return false;
        chunk_.object.begin = in_.offset();
        if (!in_.each_member([this](std::string_view key) { return member(key); })) return false;
        chunk_.object.end = in_.offset();
        return in_.finish() && !in_.problem();
    }

  private:
    bool member(std::string_view key) {
        JsonMember& at = chunk_.members.emplace_back();
        at.key = in_.key_token();
        at.value.begin = in_.offset();
        if (!in_.peek(at.kind)) return false;
        const JsonKind kind = at.kind;
        const std::size_t index = chunk_.members.size() - 1;
        if (!value(key, kind)) return false;
        chunk_.members[index].value.end = in_.offset();
        return true;
    }

    bool value(std::string_view key, JsonKind kind) {
        if (key == "choices" && kind == JsonKind::array) return choices();
        if (key == "usage") return usage(kind);
        if (key == "x_groq" && kind == JsonKind::object) return inner_usage();
        if (key == "id") return take(chunk_.id);
        if (key == "created") return take(chunk_.created);
        if (key == "model") return take(chunk_.model);
        if (key == "system_fingerprint") return take(chunk_.system_fingerprint);
        if (key == "service_tier") return take(chunk_.service_tier);
        return key == "error" ? walk_error(in_, chunk_.error) : in_.skip();
    }

    bool take(Span& into) {
        into.begin = in_.offset();
        if (!in_.skip()) return false;
        into.end = in_.offset();
        return true;
    }

    bool usage(JsonKind kind) {
        if (kind != JsonKind::object) return in_.skip();
        return take(chunk_.usages.emplace_back());
    }

    bool inner_usage() {
        return in_.each_member([this](std::string_view key) {
            JsonKind kind = JsonKind::null;
            if (!in_.peek(kind)) return false;
            return key == "usage" ? usage(kind) : in_.skip();
        });
    }

    bool choices() {
        return in_.each_element([this] {
            const bool first = chunk_.choices++ == 0;
            return in_.object_members(
                [this, first](std::string_view key) { return choice_member(key, first); });
        });
    }

    bool choice_member(std::string_view key, bool first) {
        JsonKind kind = JsonKind::null;
        if (!in_.peek(kind)) return false;
        if (key == "index") {
            JsonValue value;
            if (!in_.take(value)) return false;
            chunk_.other_choice |= value.kind == JsonKind::number && value.raw != "0";
            return true;
        }
        if (!first) return in_.skip();
        if (key == "delta" && kind == JsonKind::object) return delta();
        if (key == "usage") return usage(kind);
        if (key == "logprobs") {
            chunk_.logprobs |= kind != JsonKind::null;
            return in_.skip();
        }
        if (key != "finish_reason" || kind != JsonKind::string) return in_.skip();
        if (!take(chunk_.finish_reason)) return false;
        if (chunk_.finish_reason.size() == 2) chunk_.finish_reason = {};
        return true;
    }

    bool delta() {
        chunk_.delta.begin = in_.offset();
        chunk_.parts.clear();  // of several, the last counts
        const bool walked = in_.each_member([this](std::string_view key) {
            DeltaMember& member = chunk_.parts.emplace_back();
            member.at.key = in_.key_token();
            member.at.value.begin = in_.offset();
            JsonValue value;
            if (!in_.take(value)) return false;
            member.at.value.end = in_.offset();
            member.at.kind = value.kind;
            member.part = part_of(key, value);
            return true;
        });
        chunk_.delta.end = in_.offset();
        return walked;
    }

    JsonCursor in_;
    ChatChunk& chunk_;
};

/// The text in a list of typed parts. What is nested is thought: only "thinking" holds parts again.
bool walk_parts(JsonCursor& in, bool is_reasoning, std::string& text, std::string& reasoning) {
    return in.each_element([&] {
        // The type may stand behind the text, so the names of the members decide.
        return in.object_members([&](std::string_view key) {
            JsonKind kind = JsonKind::null;
            if (!in.peek(kind)) return false;
            const bool thought = key == "thinking" || key == "summary";
            if (thought && kind == JsonKind::array) return walk_parts(in, true, text, reasoning);
            JsonValue value;
            if (!in.take(value)) return false;
            if ((thought || key == "text") && kind == JsonKind::string) {
                append_exactly(thought || is_reasoning ? reasoning : text, value.string_content());
            }
            return true;
        });
    });
}

}  // namespace

bool ChatChunk::has(DeltaPart part) const noexcept {
    return std::any_of(parts.begin(), parts.end(),
                       [part](const DeltaMember& member) { return member.part == part; });
}

bool ChatChunk::content() const noexcept {
    return std::any_of(parts.begin(), parts.end(), [](const DeltaMember& member) {
        return member.part != DeltaPart::bare && member.part != DeltaPart::role;
    });
}

bool read_chunk(std::string_view data, ChatChunk& chunk) {
    chunk.members.clear();
    chunk.parts.clear();
    chunk.usages.clear();
    chunk.object = chunk.id = chunk.created = chunk.model = chunk.system_fingerprint = {};
    chunk.service_tier = chunk.delta = chunk.finish_reason = {};
    chunk.error = chunk.other_choice = chunk.logprobs = false;
    chunk.choices = 0;
    return Reader(data, chunk).run();
}

void append_part(std::string_view value, bool is_reasoning, std::string& text,
                 std::string& reasoning) {
    if (value.size() > 1 && value.front() == '"') {
        append_exactly(is_reasoning ? reasoning : text, value.substr(1, value.size() - 2));
        return;
    }
    JsonCursor in(value);
    if (!value.empty() && value.front() == '[') walk_parts(in, is_reasoning, text, reasoning);
}

bool is_done_event(std::string_view data) noexcept {
    const auto first = data.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    constexpr std::string_view marker = "[done]";
    data = data.substr(first, marker.size());
    return data.size() == marker.size() &&
           std::equal(data.begin(), data.end(), marker.begin(), [](char a, char b) {
               return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
           });
}

}  // namespace understudy::wire
