#include "mock/google.hpp"

#include "mock/faults.hpp"
#include "mock/shapes.hpp"

namespace understudy::mock::google {
namespace {

/// Cached tokens are part of the prompt here; thoughts are counted beside the candidates.
std::string usage_member(const Plan& plan, std::size_t words) {
    if (!plan.usage) return {};
    return join({R"(,"usageMetadata":{"promptTokenCount":)", std::to_string(kPromptTokens),
                 R"(,"cachedContentTokenCount":)", std::to_string(kCachedTokens),
                 R"(,"candidatesTokenCount":)", std::to_string(words), R"(,"thoughtsTokenCount":)",
                 std::to_string(kReasoningTokens), R"(,"totalTokenCount":)",
                 std::to_string(kPromptTokens + words + kReasoningTokens), "}"});
}

std::string_view begin_of_response() {
    return R"({"candidates":[{"content":{"parts":[)";
}

/// Everything behind the parts of a response.
std::string rest_of_response(const Ask& ask, std::string_view finish, std::string_view usage) {
    return join({R"(],"role":"model"})", finish, R"(,"index":0}])", usage, R"(,"modelVersion":)",
                 quoted(ask.model), R"(,"responseId":"mock-)", ask.id, "\"}"});
}

std::string response(const Ask& ask, std::string_view parts, std::string_view finish,
                     std::string_view usage) {
    return join({begin_of_response(), parts, rest_of_response(ask, finish, usage)});
}

std::string thought(std::string_view text) {
    return join({R"({"text":)", quoted(text), R"(,"thought":true})"});
}

/// In front of what is told, and behind it. A call is told in one piece.
std::string_view part_begin(const Plan& plan) {
    return plan.content == Content::tools ? R"({"functionCall":{"name":"get_weather","args":)"
                                          : R"({"text":")";
}
std::string_view part_end(const Plan& plan) {
    return plan.content == Content::tools ? R"(},"thoughtSignature":"R3VtTW9jaw=="})" : "\"}";
}

constexpr std::string_view kFinish = R"(,"finishReason":"STOP")";

}  // namespace

std::string document(const Ask& ask, const Plan& plan, const Tale& tale) {
    std::string parts;
    if (plan.content == Content::reasoning) parts = thought(reasoning_text()) + ",";
    parts += join({part_begin(plan), tale.text(), part_end(plan)});
    return response(ask, parts, kFinish, usage_member(plan, tale.size())) + "\n";
}

std::vector<std::string> opening(const Ask& ask, const Plan& plan) {
    std::vector<std::string> events;
    if (plan.content != Content::reasoning) return events;
    std::string_view left = reasoning_text();
    while (!left.empty()) {
        const auto end = std::min(left.find(' ', 1), left.size());
        events.push_back(event(response(ask, thought(left.substr(0, end)), "", "")));
        left.remove_prefix(end);
    }
    return events;
}

EventFrame frame(const Ask& ask, const Plan& plan) {
    EventFrame frame;
    frame.before = join({"data: ", begin_of_response(), part_begin(plan)});
    frame.end = join({part_end(plan), rest_of_response(ask, "", ""), "\r\n\r\n"});
    return frame;
}

std::vector<std::string> closing(const Ask& ask, const Plan& plan, const Tale& tale) {
    return {event(response(ask, R"({"text":""})", kFinish, usage_member(plan, tale.size())))};
}

std::string malformed() {
    return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"te\r\n\r\n";
}

std::string event(std::string_view document) {
    return join({"data: ", document, "\r\n\r\n"});
}

std::string model(std::string_view id) {
    return join({R"({"name":)", quoted(join({"models/", id})), R"(,"displayName":)", quoted(id),
                 R"(,"supportedGenerationMethods":["generateContent","countTokens"]})"});
}

std::string models() {
    std::string data;
    for (const auto& fault : fault_table()) {
        if (fault.name.find('<') != std::string_view::npos) continue;
        data += join({data.empty() ? "" : ",", model(fault.name)});
    }
    return join({R"({"models":[)", data, "]}\n"});
}

}  // namespace understudy::mock::google
