#include "proxy/rescue/messages/transcript.hpp"

#include "wire/json_text.hpp"

namespace understudy::proxy::rescue {

using dialects::Value;

namespace {

constexpr const char* kCall = "a tool call has begun";
constexpr const char* kOther = "something other than text was sent";

}  // namespace

bool MessagesTranscript::observe(const wire::SseEvent& event) {
    if (!dialects::is_object_text(event.data)) return false;
    const auto data = Value::of(event.data);
    const auto [type, index, delta, usage] = data.pick({"type", "index", "delta", "usage"});
    if (type.is("content_block_delta")) {
        note_delta(delta);
    } else if (type.is("content_block_start")) {
        index_ = index.count();
        note_block(data.at("content_block"));
    } else if (type.is("content_block_stop")) {
        open_ = OpenBlock::none;
        index_ = index.count() + 1;
    } else if (type.is("message_start")) {
        note_message(data.at("message"));
    } else if (type.is("message_delta")) {
        if (usage.is_object()) note_usage(wire::parse_usage(usage.raw()));
        if (delta.at("stop_reason").is_string()) finish();
    } else if (type.is("error")) {
        obstruct("the stream has told an error");
    }
    return true;
}

void MessagesTranscript::note_message(Value message) {
    const auto [content, usage] = message.pick({"content", "usage"});
    if (content.is_array() && !content.empty()) obstruct(kOther);
    if (usage.is_object() && !start_is_guess_) note_usage(wire::parse_usage(usage.raw()));
}

void MessagesTranscript::note_block(Value block) {
    const auto [type, text] = block.pick({"type", "text"});
    open_ = type.is("text") ? OpenBlock::text : OpenBlock::other;
    if (type.is("text")) {
        wire::append_exactly(text_, text.content());
    } else if (type.is("thinking") || type.is("redacted_thinking")) {
        thought_ = true;
    } else {
        obstruct(type.is("tool_use") ? kCall : kOther);
    }
}

void MessagesTranscript::note_delta(Value delta) {
    const auto [type, text] = delta.pick({"type", "text"});
    ++content_events_;
    if (type.is("text_delta")) {
        wire::append_exactly(text_, text.content());
    } else if (!type.is("thinking_delta") && !type.is("signature_delta")) {
        obstruct(type.is("input_json_delta") ? kCall : kOther);
    }
}

}  // namespace understudy::proxy::rescue
