#include "proxy/rescue/chat/transcript.hpp"

namespace understudy::proxy::rescue {

using wire::DeltaPart;

void ChatTranscript::forget() {
    Transcript::forget();
    std::string().swap(reasoning_);
}

bool ChatTranscript::observe(const wire::SseEvent& event) {
    if (!wire::read_chunk(event.data, chunk_)) return false;
    if (envelope_.id.empty() && envelope_.created.empty()) {
        note_envelope(event.data);
        crlf_ = event.raw.ends_with("\r\n\r\n") || event.raw.ends_with("\n\r\n");
    }
    note_choice(event.data);
    for (const auto& block : chunk_.usages) {
        const auto usage = wire::parse_usage(block.of(event.data));
        note_usage(usage);
        if (usage) break;
    }
    return true;
}

void ChatTranscript::note_envelope(std::string_view data) {
    envelope_.id = chunk_.id.of(data);
    envelope_.created = chunk_.created.of(data);
    envelope_.model = chunk_.model.of(data);
    envelope_.system_fingerprint = chunk_.system_fingerprint.of(data);
    envelope_.service_tier = chunk_.service_tier.of(data);
}

void ChatTranscript::note_choice(std::string_view data) {
    if (chunk_.choices > 1 || chunk_.other_choice) obstruct("there is more than one choice");
    if (chunk_.logprobs) obstruct("logprobs were sent");
    if (chunk_.has(DeltaPart::tool_call)) obstruct("a tool call has begun");
    if (chunk_.has(DeltaPart::other)) obstruct("something other than text was sent");
    if (chunk_.error) obstruct("the stream has told an error");
    if (chunk_.content()) ++content_events_;
    note_parts(data);
    if (chunk_.finish_reason.size() > 0) finish();
}

void ChatTranscript::note_parts(std::string_view data) {
    bool thought = false;  // some servers tell the same thought under two names
    for (const auto& member : chunk_.parts) {
        const auto value = member.at.value.of(data);
        if (member.part == DeltaPart::role) role_sent_ |= value.size() > 2;
        if (member.part == DeltaPart::text) wire::append_part(value, false, text_, reasoning_);
        if (member.part != DeltaPart::reasoning || thought || !text_.empty()) continue;
        thought = thought_ = true;
        if (reasoning_member_.empty()) reasoning_member_ = chunk_.key(member.at, data);
        wire::append_part(value, true, text_, reasoning_);
    }
    if (!text_.empty() && !reasoning_.empty()) {
        reasoning_.clear();
        reasoning_.shrink_to_fit();
    }
}

}  // namespace understudy::proxy::rescue
