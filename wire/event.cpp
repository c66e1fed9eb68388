// Judges one streamed event. On the hot path of every stream: one walk, no allocation.
#include "wire/answer_walk.hpp"

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

/// Images, speech and transcriptions: every event carries payload, and the last one says so.
void judge_media_event(std::string_view type, EventFacts& facts) {
    // ... but signs of life, which proxies and servers add to any stream.
    facts.commits = type != "ping" && type != "keepalive" && type != "heartbeat";
    facts.finish = facts.done = type.ends_with(".completed") || type.ends_with(".done");
}

}  // namespace

void judge_event(AnswerShape shape, std::string_view data, std::string_view name,
                 AnswerFindings& found, EventFacts& facts) {
    facts = EventFacts{};
    facts.error = name == "error";
    if (is_done_marker(data)) {
        facts.well_formed = true;
        facts.done = !facts.error;
        return;
    }
    if (walk_answer(data, found)) return;  // one broken event does not condemn the stream
    facts.well_formed = true;
    if (!found.is_object) return;
    const std::string_view type = found.type.empty() ? name : found.type;
    facts.commits = found.content;
    facts.finish = found.finish;
    facts.error = facts.error || found.error || type == "error";
    if (shape == AnswerShape::responses) {
        judge_responses_event(found, type, facts);
    } else if (shape != AnswerShape::chat && shape != AnswerShape::completion) {
        judge_media_event(type, facts);
    }
    if (facts.error) facts.finish = facts.done = facts.commits = false;
    // `"choices":null` and none at all mean the same as an empty list.
    const bool no_choices = !found.choices_present || found.choices_empty;
    facts.usage_only = !facts.error && !facts.done && found.usage.present && no_choices;
    facts.usage_alone = facts.usage_only && !found.extra;
    facts.usage = usage_of(found);
    facts.model = found.model;
    facts.service_tier = found.service_tier;
}

void inspect_event(AnswerShape shape, std::string_view data, std::string_view name,
                   EventFacts& facts) {
    AnswerFindings found;
    judge_event(shape, data, name, found, facts);
}

}  // namespace understudy::wire
