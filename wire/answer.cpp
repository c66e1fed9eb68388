// Judges a whole answer that came with a 2xx: is it one, what did it use, does it hide an error.
#include "wire/answer.hpp"

#include "wire/answer_walk.hpp"
#include "wire/head.hpp"

namespace understudy::wire {
namespace {

std::string_view without_preamble(std::string_view body) noexcept {
    constexpr std::string_view bom = "\xEF\xBB\xBF";
    if (body.starts_with(bom)) body.remove_prefix(bom.size());
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view{} : body.substr(first);
}

/// Why this is not the answer that its endpoint gives; nullptr when it is.
const char* missing(AnswerShape shape, const AnswerFindings& found, bool is_string) noexcept {
    // A transcript that a server was asked to give as text, and labelled as JSON.
    if (shape == AnswerShape::transcription && is_string) return nullptr;
    if (!found.is_object) return "not a JSON object";
    switch (shape) {
        case AnswerShape::chat:
        case AnswerShape::completion:
            if (!found.choices_present) return "no choices";
            if (found.choices_empty) return "empty choices";
            return found.has_answer ? nullptr : "choice without a message";
        case AnswerShape::embeddings:
        case AnswerShape::images:
            return found.has_data ? nullptr : "no data";
        case AnswerShape::moderations:
            return found.has_results ? nullptr : "no results";
        case AnswerShape::transcription:
            return found.has_text ? nullptr : "no text";
        case AnswerShape::responses:
            return found.has_output ? nullptr : "no output";
        default:
            return nullptr;
    }
}

AnswerFacts inspect_json(AnswerShape shape, std::string_view body) {
    AnswerFacts facts;
    AnswerFindings found;
    if (const auto problem = walk_answer(body, found)) {
        facts.problem = problem->offset == body.size() ? "truncated JSON" : "not JSON";
        return facts;
    }
    facts.well_formed = true;
    facts.error_inside = found.error || found.type == "error" || found.status == "failed";
    facts.problem = missing(shape, found, without_preamble(body).starts_with('"'));
    facts.complete = facts.problem == nullptr;
    if (facts.error_inside) facts.problem = "error object inside";
    facts.usage = usage_of(found);
    decode_content(found.model, facts.model);
    if (!found.service_tier.empty()) decode_content(found.service_tier, facts.service_tier);
    decode_content(found.finish_reason, facts.finish_reason);
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
AnswerFacts inspect_opaque(std::string_view body) {
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
    if (!walk_answer(body, found) && found.error) {
        facts.error_inside = true;
        facts.problem = "error object inside";
    }
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
    if (may_be_bytes(shape) && !json && !body.empty()) {
        return inspect_opaque(text.empty() ? body : text);
    }
    if (text.empty()) {
        facts.problem = "empty body";
        return facts;
    }
    if (text.front() == '<') {
        facts.problem = "HTML";
        return facts;
    }
    return inspect_json(shape, body);
}

}  // namespace understudy::wire
