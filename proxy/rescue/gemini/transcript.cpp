#include "proxy/rescue/gemini/transcript.hpp"

#include "wire/json_text.hpp"

namespace understudy::proxy::rescue {

bool is_thought(dialects::Value part) {
    return part.at("thought").is_true();
}

bool is_text(dialects::Value part) {
    bool other = false;
    part.members([&](std::string_view key, dialects::Value) {
        other |= key != "text" && key != "thought" && key != "thoughtSignature";
    });
    return !other;
}

bool is_finished(dialects::Value candidate) {
    const auto reason = candidate.at("finishReason");
    return reason.is_string() && !reason.empty() && !reason.is("FINISH_REASON_UNSPECIFIED");
}

bool GeminiTranscript::observe(const wire::SseEvent& event) {
    if (!dialects::is_object_text(event.data)) return false;
    const auto [candidates, usage, model, id, error] =
        Value::of(event.data)
            .pick({"candidates", "usageMetadata", "modelVersion", "responseId", "error"});
    if (!error.nothing()) obstruct("the stream has told an error");
    if (id_.empty() && id.is_string()) id_ = id.raw();
    if (model_.empty() && model.is_string()) model_ = model.raw();
    if (usage.is_object()) note_usage(wire::parse_usage_metadata(usage.raw()));
    std::size_t count = 0;
    candidates.elements([&](Value candidate) {
        if (++count > 1 || candidate.at("index").count() > 0)
            obstruct("there is more than one choice");
        note_candidate(candidate);
    });
    return true;
}

void GeminiTranscript::note_candidate(Value candidate) {
    const auto [content, logprobs, grounding] =
        candidate.pick({"content", "logprobsResult", "groundingMetadata"});
    if (logprobs.is_object()) obstruct("logprobs were sent");
    if (grounding.is_object() && !grounding.empty()) obstruct("something other than text was sent");
    bool says = false;
    content.at("parts").elements([&](Value part) {
        note_part(part);
        says |= !part.at("text").empty();
    });
    if (says) ++content_events_;
    if (is_finished(candidate)) finish();
}

void GeminiTranscript::note_part(Value part) {
    if (!is_text(part)) {
        const bool call = part.at("functionCall").present();
        obstruct(call ? "a tool call has begun" : "something other than text was sent");
    } else if (is_thought(part)) {
        thought_ = true;
    } else {
        wire::append_exactly(text_, part.at("text").content());
    }
}

}  // namespace understudy::proxy::rescue
