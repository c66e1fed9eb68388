#include "wire/said.hpp"

#include "wire/asked_for.hpp"
#include "wire/head.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

using Json = nlohmann::json;

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::any_of(words.begin(), words.end(),
                       [word](std::string_view one) { return iequals(one, word); });
}

// How the APIs, and servers that speak them in their own words, name the ends.
constexpr std::array<std::string_view, 5> kCut{
    "length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"};
constexpr std::array<std::string_view, 10> kRefused{
    "content_filter", "refusal",    "safety",       "prohibited_content", "blocklist",
    "spii",           "recitation", "image_safety", "content_filtered",   "guardrail_intervened"};
constexpr std::array<std::string_view, 5> kBadCall{"malformed_function_call",
                                                   "unexpected_tool_call", "malformed_response",
                                                   "malformed_tool_use", "malformed_model_output"};

void take_end(Said& said, std::string_view reason) {
    said.cut = said.cut || among(kCut, reason);
    said.refused = said.refused || among(kRefused, reason);
    said.bad_call = said.bad_call || among(kBadCall, reason);
}

/// Something is in it.
bool carries(const Json* value) {
    return value != nullptr && (value->is_object() || value->is_array()) && !value->empty();
}

/// Arguments come as JSON in a string; some servers send the object itself, or nothing at all where
/// there are none.
SaidCall call_of(std::string_view name, const Json* arguments) {
    SaidCall call;
    call.name = name;
    call.arguments = Json::object();
    if (arguments == nullptr || arguments->is_null()) return call;
    if (!arguments->is_string()) {
        call.arguments = *arguments;
        return call;
    }
    const auto& text = arguments->get_ref<const std::string&>();
    if (!text.empty()) call.arguments = Json::parse(text, nullptr, false);
    return call;
}

/// A call that chat's API knows: of a function, or of a tool that takes any text.
void take_chat_call(Said& said, const Json& call) {
    if (const auto* function = member_of(call, "function")) {
        said.calls.push_back(
            call_of(text_of(*function, "name"), member_of(*function, "arguments")));
    } else if (const auto* custom = member_of(call, "custom")) {
        said.calls.push_back(call_of(text_of(*custom, "name"), nullptr));
        said.calls.back().free = true;
    } else {
        said.other = true;
    }
}

/// One part of a content that is a list.
void take_part(Said& said, const Json& part) {
    const auto type = text_of(part, "type");
    if (type == "text" || type == "output_text") {
        said.text += text_of(part, "text");
    } else if (type == "refusal") {
        said.refused = true;
    } else if (type != "thinking" && type != "redacted_thinking" && type != "reasoning") {
        said.other = true;
    }
}

void take_content(Said& said, const Json* content) {
    if (content == nullptr) return;
    if (content->is_string()) said.text += content->get_ref<const std::string&>();
    if (!content->is_array()) return;
    for (const auto& part : *content) take_part(said, part);
}

Said chat_choice(const Json& choice) {
    Said said;
    take_end(said, text_of(choice, "finish_reason"));
    said.text += text_of(choice, "text");  // of /completions
    const auto* const message = member_of(choice, "message");
    if (message == nullptr) return said;
    take_content(said, member_of(*message, "content"));
    if (!text_of(*message, "refusal").empty()) said.refused = true;
    const auto* const calls = member_of(*message, "tool_calls");
    if (calls != nullptr && calls->is_array()) {
        for (const auto& call : *calls) take_chat_call(said, call);
    }
    const auto* const function = member_of(*message, "function_call");
    if (carries(function)) {
        said.calls.push_back(
            call_of(text_of(*function, "name"), member_of(*function, "arguments")));
    }
    if (carries(member_of(*message, "audio")) || carries(member_of(*message, "images"))) {
        said.other = true;
    }
    return said;
}

Said responses_output(const Json& answer) {
    Said said;
    if (const auto* details = member_of(answer, "incomplete_details")) {
        take_end(said, text_of(*details, "reason"));
    }
    const auto* const output = member_of(answer, "output");
    if (output == nullptr || !output->is_array()) return said;
    for (const auto& item : *output) {
        const auto type = text_of(item, "type");
        if (type == "message") {
            take_content(said, member_of(item, "content"));
        } else if (type == "function_call") {
            said.calls.push_back(call_of(text_of(item, "name"), member_of(item, "arguments")));
        } else if (type == "custom_tool_call") {
            said.calls.push_back(call_of(text_of(item, "name"), nullptr));
            said.calls.back().free = true;
        } else if (type != "reasoning") {
            said.other = true;
        }
    }
    return said;
}

Said messages_content(const Json& answer) {
    Said said;
    take_end(said, text_of(answer, "stop_reason"));
    const auto* const content = member_of(answer, "content");
    if (content == nullptr || !content->is_array()) return said;
    for (const auto& block : *content) {
        if (text_of(block, "type") == "tool_use") {
            said.calls.push_back(call_of(text_of(block, "name"), member_of(block, "input")));
        } else {
            take_part(said, block);
        }
    }
    return said;
}

Said gemini_candidate(const Json& candidate) {
    Said said;
    take_end(said, text_of(candidate, "finishReason"));
    const auto* const content = member_of(candidate, "content");
    const auto* const parts = content ? member_of(*content, "parts") : nullptr;
    if (parts == nullptr || !parts->is_array()) return said;
    for (const auto& part : *parts) {
        const auto* const thought = member_of(part, "thought");
        if (thought != nullptr && thought->is_boolean() && thought->get<bool>()) continue;
        if (const auto* call = member_of(part, "functionCall")) {
            said.calls.push_back(call_of(text_of(*call, "name"), member_of(*call, "args")));
        } else if (member_of(part, "text") != nullptr) {
            said.text += text_of(part, "text");
        } else if (part.is_object() && !part.empty()) {
            said.other = true;
        }
    }
    return said;
}

Said converse_message(const Json& answer) {
    Said said;
    take_end(said, text_of(answer, "stopReason"));
    const auto* const output = member_of(answer, "output");
    const auto* const message = output ? member_of(*output, "message") : nullptr;
    const auto* const content = message ? member_of(*message, "content") : nullptr;
    if (content == nullptr || !content->is_array()) return said;
    for (const auto& block : *content) {
        if (const auto* call = member_of(block, "toolUse")) {
            said.calls.push_back(call_of(text_of(*call, "name"), member_of(*call, "input")));
        } else if (member_of(block, "text") != nullptr) {
            said.text += text_of(block, "text");
        } else if (carries(&block) && member_of(block, "reasoningContent") == nullptr) {
            said.other = true;
        }
    }
    return said;
}

/// Without candidates it says why it has none.
std::vector<Said> gemini_candidates(const Json& answer) {
    std::vector<Said> all;
    const auto* const candidates = member_of(answer, "candidates");
    if (candidates != nullptr && candidates->is_array()) {
        for (const auto& one : *candidates) all.push_back(gemini_candidate(one));
    }
    const auto* const feedback = member_of(answer, "promptFeedback");
    if (all.empty() && feedback != nullptr) {
        all.emplace_back().refused = !text_of(*feedback, "blockReason").empty();
    }
    return all;
}

}  // namespace

std::vector<Said> said_in(AnswerShape shape, const Json& answer) {
    switch (shape) {
        case AnswerShape::chat:
        case AnswerShape::completion: {
            std::vector<Said> all;
            const auto* const choices = member_of(answer, "choices");
            if (choices == nullptr || !choices->is_array()) return all;
            for (const auto& choice : *choices) all.push_back(chat_choice(choice));
            return all;
        }
        case AnswerShape::responses:
            return {responses_output(answer)};
        case AnswerShape::messages:
            return {messages_content(answer)};
        case AnswerShape::gemini:
            return gemini_candidates(answer);
        case AnswerShape::converse:
            return {converse_message(answer)};
        default:
            return {};
    }
}

}  // namespace understudy::wire
