// Judges a whole answer that came with a 2xx: is it one, what did it use, does it hide an error.
#include "wire/answer.hpp"

#include "wire/answer_traits.hpp"
#include "wire/answer_walk.hpp"
#include "wire/converse_walk.hpp"
#include "wire/head.hpp"

namespace understudy::wire {
namespace {

std::string_view without_preamble(std::string_view body) noexcept {
    constexpr std::string_view bom = "\xEF\xBB\xBF";
    if (body.starts_with(bom)) body.remove_prefix(bom.size());
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    std::size_t first = 0;
    while (first < body.size() && is_space(body[first])) ++first;
    return body.substr(first);
}

/// Why this is not the answer that its endpoint gives; nullptr when it is.
const char* missing(AnswerNeed need, const AnswerFindings& found, bool is_string) noexcept {
    // A transcript that a server was asked to give as text, and labelled as JSON.
    if (need == AnswerNeed::text && is_string) return nullptr;
    if (!found.is_object) return "not a JSON object";
    switch (need) {
        case AnswerNeed::choices:
            if (!found.choices_present) return "no choices";
            if (found.choices_empty) return "empty choices";
            return found.has_answer ? nullptr : "choice without a message";
        case AnswerNeed::data:
            return found.has_data ? nullptr : "no data";
        case AnswerNeed::results:
            return found.has_results ? nullptr : "no results";
        case AnswerNeed::text:
            return found.has_text ? nullptr : "no text";
        case AnswerNeed::output:
            return found.has_output ? nullptr : "no output";
        case AnswerNeed::content:
            return found.has_content ? nullptr : "no content";
        case AnswerNeed::candidates:
            if (found.blocked) return nullptr;
            if (!found.candidates_present) return "no candidates";
            if (found.candidates_empty) return "empty candidates";
            return found.has_candidate ? nullptr : "candidate without content";
        case AnswerNeed::message:
            return found.has_output ? nullptr : "no output.message";
        case AnswerNeed::audio:
            return found.has_audio ? nullptr : "no audio";
        case AnswerNeed::nothing:
            break;
    }
    return nullptr;
}

/// Audio as base64 or hexadecimal digits, or where it is to be had. A shorter one is an id.
bool can_be_audio(std::string_view content) noexcept {
    constexpr std::size_t kLeast = 64;
    if (content.starts_with("http:") || content.starts_with("https:")) return true;
    return content.size() >= kLeast && content.find_first_of(" \t\\") == std::string_view::npos;
}

bool walk_audio(JsonCursor& in, bool& found) {
    JsonKind kind = JsonKind::null;
    if (!in.peek(kind)) return false;
    if (kind == JsonKind::object) {
        return in.each_member([&](std::string_view) { return walk_audio(in, found); });
    }
    if (kind == JsonKind::array) return in.each_element([&] { return walk_audio(in, found); });
    JsonValue value;
    if (!in.take(value)) return false;
    found = found || can_be_audio(value.string_content());
    return true;
}

void note_audio(std::string_view body, AnswerFindings& found) {
    JsonCursor in(body);
    in.skip_preamble();
    walk_audio(in, found.has_audio);
}

/// What an answer says of itself, whatever its shape.
void note_details(const AnswerFindings& found, AnswerFacts& facts) {
    if (const auto usage = usage_of(found)) {
        if (facts.usage) {
            merge_usage(*facts.usage, *usage);
        } else {
            facts.usage = usage;
        }
    }
    if (!found.model.empty()) decode_content(found.model, facts.model);
    if (!found.service_tier.empty()) decode_content(found.service_tier, facts.service_tier);
    const auto reason = found.finish_reason.empty() ? found.stop_reason : found.finish_reason;
    if (!reason.empty()) decode_content(reason, facts.finish_reason);
}

/// What the model wrote was no answer, and nothing else came of it.
bool ended_in_vain(const AnswerFindings& found) noexcept {
    return is_vain_end(found.stop_reason) && !found.has_delta;
}

/// What the walk over all APIs does not look for.
void note_converse(std::string_view body, AnswerFindings& found) {
    const auto own = walk_converse(body);
    found.has_output = own.has_message;
    found.has_delta = own.has_content;
    found.stop_reason = own.stop_reason;
    found.usage.usage = own.usage;
    found.service_tier = own.service_tier;
}

/// Google's way to tell an error where a list was asked for, and its gateways' elsewhere: the
/// object in a list of its own.
bool is_listed_error(std::string_view body) {
    bool error = false;
    JsonCursor in(body);
    in.skip_preamble();
    in.each_element([&] {
        JsonValue element;
        if (!in.take(element)) return false;
        AnswerFindings found;
        error = error || (element.kind == JsonKind::object && !walk_answer(element.raw, found) &&
                          found.error);
        return !error;
    });
    return error;
}

AnswerFacts inspect_json(AnswerShape shape, std::string_view body) {
    AnswerFacts facts;
    AnswerFindings found;
    if (const auto problem = walk_answer(body, found)) {
        facts.problem = problem->offset == body.size() ? "truncated JSON" : "not JSON";
        return facts;
    }
    facts.well_formed = true;
    if (shape == AnswerShape::converse) note_converse(body, found);
    if (shape == AnswerShape::speech) note_audio(body, found);
    if (!found.is_object && without_preamble(body).starts_with('[')) {
        found.error = is_listed_error(body);
    }
    const bool vain = ended_in_vain(found);
    facts.error_inside = found.error || found.type == "error" || found.status == "failed" || vain ||
                         is_error_finish(found.stop_reason);
    facts.problem = missing(traits_of(shape).need, found, without_preamble(body).starts_with('"'));
    facts.complete = facts.problem == nullptr;
    if (facts.error_inside) facts.problem = vain ? "no answer was made" : "error object inside";
    note_details(found, facts);
    return facts;
}

/// A list of what events are elsewhere: whole when its last word is an end.
AnswerFacts inspect_list(std::string_view body) {
    AnswerFacts facts;
    bool finish = false;
    bool content = false;
    bool vain = false;
    JsonCursor in(body);
    in.skip_preamble();
    const bool walked = in.each_element([&] {
        JsonValue element;
        if (!in.take(element)) return false;
        AnswerFindings found;
        if (walk_answer(element.raw, found)) return false;
        facts.error_inside = facts.error_inside || found.error || !found.is_object;
        finish = finish || found.blocked || !found.stop_reason.empty();
        content = content || found.has_delta;
        vain = vain || is_vain_end(found.stop_reason);
        note_details(found, facts);
        return true;
    });
    if (!walked || !in.finish()) {
        facts.problem = in.at_end() ? "truncated JSON" : "not JSON";
        return facts;
    }
    facts.well_formed = true;
    facts.complete = finish;
    facts.error_inside = facts.error_inside || (vain && !content);
    if (!finish) facts.problem = "no finishReason";
    if (facts.error_inside) facts.problem = "error object inside";
    return facts;
}

/// A whole web page: what a load balancer says. No transcript begins like this.
bool is_page(std::string_view text) noexcept {
    return istarts_with(text, "<!doctype html") || istarts_with(text, "<html");
}

/// An object, and not a text that happens to begin with a brace ("{laughs} hello").
bool begins_like_object(std::string_view text) noexcept {
    if (!text.starts_with('{')) return false;
    const auto next = text.find_first_not_of(" \t\r\n", 1);
    return next == std::string_view::npos || text[next] == '"' || text[next] == '}';
}

/// Audio and text are taken as they are; but a page or an error in JSON is one here too.
AnswerFacts inspect_opaque(AnswerShape shape, std::string_view body) {
    // An error body is small; a long transcription is not worth the walk.
    constexpr std::size_t max_error_body = 64 * 1024;
    AnswerFacts facts;
    if (is_page(body)) {
        facts.problem = "HTML";
        return facts;
    }
    facts.well_formed = facts.complete = true;
    if (body.size() > max_error_body || body.front() != '{') return facts;
    AnswerFindings found;
    if (walk_answer(body, found)) return facts;
    if (shape == AnswerShape::speech) note_audio(body, found);
    facts.error_inside = found.error;
    facts.complete = traits_of(shape).need != AnswerNeed::audio || found.has_audio;
    if (!facts.complete) facts.problem = "no audio";
    if (found.error) facts.problem = "error object inside";
    return facts;
}

}  // namespace

BodyLabel label_of(std::string_view content_type) noexcept {
    auto type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    if (type.empty() || iequals(type, "application/octet-stream")) return BodyLabel::none;
    constexpr std::string_view suffix = "+json";
    const bool json =
        iequals(type, "application/json") || iequals(type, "text/json") ||
        (type.size() > suffix.size() && iequals(type.substr(type.size() - suffix.size()), suffix));
    return json ? BodyLabel::json : BodyLabel::other;
}

AnswerFacts inspect_answer(AnswerShape shape, std::string_view body, BodyLabel label) {
    AnswerFacts facts;
    const std::string_view text = without_preamble(body);
    const bool json =
        label == BodyLabel::json || (label == BodyLabel::none && begins_like_object(text));
    if (traits_of(shape).may_be_bytes && !json && !body.empty()) {
        return inspect_opaque(shape, text.empty() ? body : text);
    }
    if (text.empty()) {
        facts.problem = "empty body";
        return facts;
    }
    if (text.front() == '<') {
        facts.problem = "HTML";
        return facts;
    }
    return traits_of(shape).is_list && text.front() == '[' ? inspect_list(body)
                                                           : inspect_json(shape, body);
}

}  // namespace understudy::wire
