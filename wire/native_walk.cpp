#include "wire/native_walk.hpp"

#include "wire/delta_keys.hpp"
#include "wire/unspecified.hpp"

namespace understudy::wire {
namespace {

class NativeWalk {
  public:
    NativeWalk(JsonCursor& in, AnswerFindings& found) : in_(in), found_(found) {}

    bool delta();
    bool block();
    bool stop_reason();
    bool candidates();
    bool prompt_feedback();
    bool usage_metadata();

  private:
    bool candidate(bool first);
    bool parts(bool first);
    bool content(std::string_view key, bool& flag);

    JsonCursor& in_;
    AnswerFindings& found_;
};

/// Seals of what was thought, which are long and no text.
bool is_signature(std::string_view key) noexcept {
    return key == "signature" || key == "thoughtSignature" || key == "thought_signature";
}

bool NativeWalk::content(std::string_view key, bool& flag) {
    JsonValue value;
    if (!in_.take(value)) return false;
    if (!says_something(value)) return true;
    flag = true;
    if (found_.variable && !is_signature(key)) found_.variable->add_content(value);
    return true;
}

/// Anthropic's: what has come of a block, or how the message ended.
bool NativeWalk::delta() {
    return in_.each_member([this](std::string_view key) {
        if (key == "stop_reason") return stop_reason();
        return is_bare_key(key) ? in_.skip() : content(key, found_.has_delta);
    });
}

bool NativeWalk::stop_reason() {
    JsonValue value;
    if (!in_.take(value)) return false;
    const auto reason = value.string_content();
    if (!reason.empty() && !is_unspecified(reason)) found_.stop_reason = reason;
    return true;
}

/// A block that is announced: usually empty, what it holds comes in deltas.
bool NativeWalk::block() {
    return in_.object_members([this](std::string_view key) {
        if (key != "type") return is_bare_key(key) ? in_.skip() : content(key, found_.has_block);
        JsonValue type;
        if (!in_.take(type)) return false;
        found_.item_type = type.string_content();
        return true;
    });
}

bool NativeWalk::candidates() {
    JsonKind kind = JsonKind::null;
    if (!in_.peek(kind)) return false;
    if (kind != JsonKind::array) return in_.skip();
    bool first = true;
    found_.candidates_present = true;
    if (!in_.each_element([&] {
            const bool is_first = first;
            first = false;
            found_.several |= !is_first;
            return candidate(is_first);
        })) {
        return false;
    }
    found_.candidates_empty = first;
    return true;
}

bool NativeWalk::candidate(bool first) {
    return in_.object_members([&](std::string_view key) {
        if (key == "finishReason") {
            if (!stop_reason()) return false;
            found_.has_candidate |= first && !found_.stop_reason.empty();
            return true;
        }
        if (key == "index") {
            JsonValue value;
            if (!in_.take(value)) return false;
            found_.several |= value.kind == JsonKind::number && value.raw != "0";
            return true;
        }
        if (key != "content") return in_.skip();
        return in_.object_members(
            [&](std::string_view member) { return member == "parts" ? parts(first) : in_.skip(); });
    });
}

/// A thought says so by a flag, which carries nothing by itself.
bool NativeWalk::parts(bool first) {
    JsonKind kind = JsonKind::null;
    if (!in_.peek(kind)) return false;
    if (kind != JsonKind::array) return in_.skip();
    found_.has_candidate |= first;
    return in_.each_element([this] {
        return in_.object_members([this](std::string_view key) {
            return is_bare_key(key) ? in_.skip() : content(key, found_.has_delta);
        });
    });
}

bool NativeWalk::prompt_feedback() {
    return in_.object_members([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        const auto reason = value.string_content();
        found_.blocked |= key == "blockReason" && !reason.empty() && !is_unspecified(reason);
        return true;
    });
}

bool NativeWalk::usage_metadata() {
    return in_.at_object() ? walk_usage_metadata(in_, found_) : in_.skip();
}

}  // namespace

bool walk_native(JsonCursor& in, std::string_view key, AnswerFindings& found) {
    NativeWalk walk(in, found);
    if (key == "delta") return walk.delta();
    if (key == "content_block") return walk.block();
    if (key == "stop_reason") return walk.stop_reason();
    if (key == "candidates") return walk.candidates();
    if (key == "promptFeedback") return walk.prompt_feedback();
    return key == "usageMetadata" ? walk.usage_metadata() : in.skip();
}

bool is_vain_end(std::string_view finish_reason) noexcept {
    // https://ai.google.dev/api/generate-content#FinishReason
    return finish_reason == "MALFORMED_FUNCTION_CALL" || finish_reason == "MALFORMED_RESPONSE" ||
           finish_reason == "UNEXPECTED_TOOL_CALL" || finish_reason == "TOO_MANY_TOOL_CALLS" ||
           finish_reason == "MISSING_THOUGHT_SIGNATURE" ||
           // docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
           finish_reason == "malformed_model_output" || finish_reason == "malformed_tool_use";
}

}  // namespace understudy::wire
