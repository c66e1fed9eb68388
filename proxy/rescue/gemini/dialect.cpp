#include "proxy/rescue/gemini/dialect.hpp"

#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/continuation_request.hpp"
#include "proxy/rescue/gemini/continuation.hpp"
#include "proxy/rescue/instruction.hpp"
#include "proxy/rescue/value_edit.hpp"

#include <string>
#include <utility>
#include <vector>

namespace understudy::proxy::rescue {

using dialects::Value;

namespace {

/// Members have two names: Google's servers read JSON as well as the names of its definition.
Value either(Value object, std::string_view camel, std::string_view snake) {
    const auto value = object.at(camel);
    return value.present() ? value : object.at(snake);
}

Value settings_of(Value body) {
    return either(body, "generationConfig", "generation_config");
}

bool demands_form(Value settings) {
    const auto type = either(settings, "responseMimeType", "response_mime_type");
    return (type.is_string() && !type.empty() && !type.is("text/plain")) ||
           !either(settings, "responseSchema", "response_schema").nothing() ||
           !either(settings, "responseJsonSchema", "response_json_schema").nothing();
}

bool wants_more_than_text(Value settings) {
    bool more = false;
    either(settings, "responseModalities", "response_modalities").elements([&](Value kind) {
        more |= !kind.is("TEXT");
    });
    return more;
}

std::string text_part(std::string_view text) {
    return R"({"text":)" + wire::encode_string(text) + '}';
}

std::string turn_of(std::string_view role, std::string_view text) {
    return std::string(R"({"role":")").append(role).append(R"(","parts":[)") + text_part(text) +
           "]}";
}

}  // namespace

Wishes GeminiDialect::read(std::string_view body, const wire::RequestFacts&) {
    const auto request = Value::of(body);
    const auto settings = settings_of(request);
    const auto [contents, tools] = request.pick({"contents", "tools"});
    Wishes wishes;
    wishes.conversation = contents.is_array();
    wishes.one_choice = either(settings, "candidateCount", "candidate_count").count(1) <= 1;
    wishes.logprobs = either(settings, "responseLogprobs", "response_logprobs").is_true();
    wishes.tools = tools.is_array() && !tools.empty();
    wishes.schema = demands_form(settings);
    wishes.audio = wants_more_than_text(settings);
    wishes.thinking = either(settings, "thinkingConfig", "thinking_config").is_object();
    return wishes;
}

std::string GeminiDialect::ask(std::string_view body, Rung rung, config::PrefillKind) const {
    if (rung == Rung::restart) return std::string(body);
    const auto request = Value::of(body);
    const auto contents = request.at("contents");
    Value last;
    contents.elements([&](Value turn) { last = turn; });
    const auto said = sendable(transcript_.text());
    std::vector<wire::Edit> edits;
    std::string turns;
    if (last.at("role").is("model") && last.at("parts").is_array()) {
        edits.push_back(behind_last(body, last.at("parts"), text_part(said)));
    } else {
        turns = turn_of("model", said);
    }
    if (rung == Rung::instruct)
        turns += (turns.empty() ? "" : ",") + turn_of("user", instruction_behind(said));
    if (!turns.empty()) edits.push_back(behind_last(body, contents, turns));
    const auto limit = either(settings_of(request), "maxOutputTokens", "max_output_tokens");
    const auto& usage = transcript_.usage();
    const bool thought = transcript_.thought() || (usage && usage->reasoning > 0);
    if (limit.is_number() && !thought) {
        const auto rest = rest_of_limit(limit.count(), transcript_.completion_tokens(), rung);
        edits.push_back(replaced(body, limit, std::to_string(rest)));
    }
    return with_edits(body, std::move(edits));
}

std::unique_ptr<Continuation> GeminiDialect::go_on(const ContinuationOptions& options) const {
    return std::make_unique<GeminiContinuation>(transcript_, options);
}

}  // namespace understudy::proxy::rescue
