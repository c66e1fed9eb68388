// Judges one streamed event. On the hot path of every stream: one walk, no allocation.
#include "wire/answer_traits.hpp"
#include "wire/answer_walk.hpp"
#include "wire/converse_walk.hpp"

namespace understudy::wire {
namespace {

bool is_done_marker(std::string_view data) noexcept {
    const std::size_t first = data.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || data[first] != '[') return false;
    // Together's own client compares without case; OpenAI's stops at anything that starts so.
    constexpr std::string_view marker = "[done]";
    data = data.substr(first, marker.size());
    if (data.size() != marker.size()) return false;
    for (std::size_t i = 0; i < marker.size(); ++i) {
        const char c = data[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != marker[i]) return false;
    }
    return true;
}

/// Whether an item of /responses is something to act upon as soon as it is announced.
bool is_call(std::string_view item_type) noexcept {
    return item_type.ends_with("_call");
}

void judge_responses_event(const AnswerFindings& found, std::string_view type, EventFacts& facts) {
    constexpr std::string_view prefix = "response.";
    if (type.starts_with(prefix)) type.remove_prefix(prefix.size());
    if (type == "completed" || type == "incomplete") {
        facts.finish = facts.done = true;
        // Its name is what a client reads, its status what has become of it. vLLM ends an answer
        // that met its limit with "completed", too.
        const bool ended = found.status == "completed" || found.status == "incomplete";
        facts.error |= !found.status.empty() && !ended;
    } else if (type == "failed") {
        facts.error = true;
    } else if (type == "output_item.added") {
        facts.commits = is_call(found.item_type);
    } else if (type == "output_item.done") {
        facts.commits = is_call(found.item_type) || found.item_type == "message";
    } else if (type.ends_with(".partial_image")) {
        facts.commits = true;
    } else if (type.ends_with(".delta") || type.ends_with("text.done")) {
        facts.commits = found.has_delta;
    }
}

/// A call is announced with its name, which is enough to act upon; other blocks are announced
/// empty.
void judge_messages_event(const AnswerFindings& found, std::string_view type, EventFacts& facts) {
    facts.commits = facts.finish = false;
    if (type == "content_block_delta") {
        facts.commits = found.has_delta;
    } else if (type == "content_block_start") {
        facts.commits = found.has_block || found.item_type.ends_with("tool_use");
    } else if (type == "message_start") {
        facts.commits = found.has_block;
    } else if (type == "message_delta") {
        facts.error = facts.error || is_error_finish(found.stop_reason);
        facts.finish = !found.stop_reason.empty();
    } else if (type == "message_stop") {
        facts.done = true;  // as [DONE]: how the message ended, or that it did, it does not say
    }
}

/// The last chunk has a finishReason, and there is no end marker behind it. A prompt that was
/// refused has no candidates, and that is its answer.
void judge_gemini_event(const AnswerFindings& found, EventFacts& facts) {
    facts.commits = found.has_delta;
    facts.finish = !found.stop_reason.empty() || found.blocked;
    facts.vain_end = is_vain_end(found.stop_reason) && !found.has_delta;
    facts.error = facts.error || facts.vain_end || is_error_finish(found.stop_reason);
}

/// Events have a type and no member that says it. Calls are announced with their name, other blocks
/// not at all; the counts come behind the end, and nothing behind those.
void judge_converse_event(std::string_view data, std::string_view name, AnswerFindings& found,
                          EventFacts& facts) {
    facts.commits = facts.finish = false;
    if (name == "contentBlockDelta") {
        facts.commits = found.has_delta;
        return;
    }
    if (name != "contentBlockStart" && name != "messageStop" && name != "metadata") return;
    const auto own = walk_converse(data);
    facts.commits = own.starts_block;
    facts.finish = !own.stop_reason.empty();
    facts.vain_end = is_vain_end(own.stop_reason);
    facts.error = facts.error || facts.vain_end || is_error_finish(own.stop_reason);
    facts.done = name == "metadata";
    facts.usage = own.usage;
    found.service_tier = own.service_tier;
}

/// Images, speech and transcriptions: every event carries payload, and the last one says so.
void judge_media_event(std::string_view type, EventFacts& facts) {
    // ... but signs of life, which proxies and servers add to any stream.
    facts.commits = type != "ping" && type != "keepalive" && type != "heartbeat";
    facts.finish = facts.done = type.ends_with(".completed") || type.ends_with(".done");
    facts.partial =
        type.ends_with(".delta") || type.ends_with(".segment") || type.ends_with(".partial_image");
}

}  // namespace

void judge_event(AnswerShape shape, std::string_view data, std::string_view name,
                 AnswerFindings& found, EventFacts& facts) {
    facts = EventFacts{};
    facts.error = name == "error";
    if (is_done_marker(data)) {
        facts.well_formed = true;
        facts.done = facts.marker = !facts.error;
        return;
    }
    if (walk_answer(data, found)) return;  // one broken event does not condemn the stream
    facts.well_formed = true;
    if (!found.is_object) return;
    const std::string_view type = found.type.empty() ? name : found.type;
    facts.commits = found.content;
    facts.finish = found.finish;
    facts.error = facts.error || found.error || type == "error";
    facts.usage = usage_of(found);
    switch (traits_of(shape).events) {
        case EventStyle::choices:
            break;
        case EventStyle::responses:
            judge_responses_event(found, type, facts);
            break;
        case EventStyle::messages:
            judge_messages_event(found, type, facts);
            break;
        case EventStyle::gemini:
            judge_gemini_event(found, facts);
            break;
        case EventStyle::converse:
            judge_converse_event(data, name, found, facts);
            break;
        case EventStyle::media:
            judge_media_event(type, facts);
            break;
    }
    if (facts.error) {
        const bool failed = type == "error" || name == "error" || type.ends_with("failed");
        // Anthropic's libraries raise at the event's name alone.
        const bool told = found.told && traits_of(shape).dialect != Dialect::messages;
        facts.untold = !told && !failed;
        facts.finish = facts.commits = false;
        facts.done = facts.done && facts.untold;
    }
    // `"choices":null` and none at all mean the same as an empty list.
    const bool no_choices = !found.choices_present || found.choices_empty;
    facts.usage_only = !facts.error && !facts.done && found.usage.present && no_choices;
    facts.usage_alone = facts.usage_only && !found.extra;
    facts.null_usage = found.usage.null && !found.usage.present;
    facts.asked_for = facts.usage_only || facts.null_usage;
    facts.several = found.several;
    facts.model = found.model;
    facts.service_tier = found.service_tier;
    if (found.variable != nullptr && facts.commits) facts.text_bytes = found.variable->text_bytes;
}

void inspect_event(AnswerShape shape, std::string_view data, std::string_view name,
                   EventFacts& facts) {
    AnswerFindings found;
    VariableValues variable;
    found.variable = &variable;
    judge_event(shape, data, name, found, facts);
}

}  // namespace understudy::wire
