#include "mock/anthropic.hpp"

#include "mock/faults.hpp"
#include "mock/shapes.hpp"

namespace understudy::mock::anthropic {
namespace {

// Of thoughts, as nobody else would write one.
constexpr std::string_view kSignature = "RXFNb2NrU2lnbmF0dXJl";

/// Cached tokens are not part of `input_tokens` here; thoughts are part of the output.
std::string usage(std::size_t output) {
    return join({R"({"input_tokens":)", std::to_string(kPromptTokens - kCachedTokens),
                 R"(,"cache_creation_input_tokens":0,"cache_read_input_tokens":)",
                 std::to_string(kCachedTokens), R"(,"output_tokens":)", std::to_string(output),
                 "}"});
}

std::string usage_member(const Plan& plan, std::size_t output) {
    return plan.usage ? join({R"(,"usage":)", usage(output)}) : std::string();
}

std::string_view stop_reason(const Plan& plan) {
    return plan.content == Content::tools ? "tool_use" : "end_turn";
}

std::string thinking_block(std::string_view text, std::string_view signature) {
    return join({R"({"type":"thinking","thinking":)", quoted(text), R"(,"signature":)",
                 quoted(signature), "}"});
}

std::string tool_block(std::string_view input) {
    return join(
        {R"({"type":"tool_use","id":"toolu_mock","name":"get_weather","input":)", input, "}"});
}

/// The object of a message; `end`: its members behind the content.
std::string message(const Ask& ask, std::string_view content, std::string_view end) {
    return join({R"({"id":"msg_mock_)", ask.id, R"(","type":"message","role":"assistant","model":)",
                 quoted(ask.model), R"(,"content":)", content, end, "}"});
}

std::string typed(std::string_view type, std::string_view members) {
    return join({"event: ", type, "\ndata: {\"type\":\"", type, "\"", members, "}\n\n"});
}

std::string block_start(std::string_view index, std::string_view block) {
    return typed("content_block_start",
                 join({R"(,"index":)", index, R"(,"content_block":)", block}));
}

std::string block_delta(std::string_view index, std::string_view delta) {
    return typed("content_block_delta", join({R"(,"index":)", index, R"(,"delta":)", delta}));
}

std::string block_stop(std::string_view index) {
    return typed("content_block_stop", join({R"(,"index":)", index}));
}

/// Of the words: behind the thoughts, where there are some.
std::string_view index_of_answer(const Plan& plan) {
    return plan.content == Content::reasoning ? "1" : "0";
}

void add_thoughts(std::vector<std::string>& events) {
    events.push_back(block_start("0", thinking_block("", "")));
    std::string_view left = reasoning_text();
    while (!left.empty()) {
        const auto end = std::min(left.find(' ', 1), left.size());
        events.push_back(block_delta("0", join({R"({"type":"thinking_delta","thinking":)",
                                                quoted(left.substr(0, end)), "}"})));
        left.remove_prefix(end);
    }
    events.push_back(block_delta(
        "0", join({R"({"type":"signature_delta","signature":)", quoted(kSignature), "}"})));
    events.push_back(block_stop("0"));
}

}  // namespace

std::string document(const Ask& ask, const Plan& plan, const Tale& tale) {
    std::string content = "[";
    if (plan.content == Content::reasoning)
        content += thinking_block(reasoning_text(), kSignature) + ",";
    content += plan.content == Content::tools
                   ? tool_block(tool_arguments())
                   : join({R"({"type":"text","text":")", tale.text(), "\"}"});
    content += "]";
    return message(ask, content,
                   join({R"(,"stop_reason":")", stop_reason(plan), R"(","stop_sequence":null)",
                         usage_member(plan, tale.size() + kReasoningTokens)})) +
           "\n";
}

std::vector<std::string> opening(const Ask& ask, const Plan& plan) {
    std::vector<std::string> events;
    const auto begun = message(
        ask, "[]", join({R"(,"stop_reason":null,"stop_sequence":null)", usage_member(plan, 1)}));
    events.push_back(typed("message_start", join({R"(,"message":)", begun})));
    if (plan.content == Content::reasoning) add_thoughts(events);
    events.push_back(block_start(index_of_answer(plan), plan.content == Content::tools
                                                            ? tool_block("{}")
                                                            : R"({"type":"text","text":""})"));
    events.push_back(typed("ping", ""));
    return events;
}

EventFrame frame(const Plan& plan) {
    const bool tools = plan.content == Content::tools;
    EventFrame frame;
    frame.before =
        join({"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
              index_of_answer(plan),
              tools ? R"(,"delta":{"type":"input_json_delta","partial_json":")"
                    : R"(,"delta":{"type":"text_delta","text":")"});
    frame.end = "\"}}\n\n";
    return frame;
}

std::vector<std::string> closing(const Plan& plan, const Tale& tale) {
    std::vector<std::string> events;
    events.push_back(block_stop(index_of_answer(plan)));
    events.push_back(
        typed("message_delta",
              join({R"(,"delta":{"stop_reason":")", stop_reason(plan), R"(","stop_sequence":null})",
                    usage_member(plan, tale.size() + kReasoningTokens)})));
    if (plan.done) events.push_back(typed("message_stop", ""));
    return events;
}

std::string malformed() {
    return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
           "\"delta\":{\"te\n\n";
}

std::string error_event(std::string_view document) {
    return join({"event: error\ndata: ", document, "\n\n"});
}

std::string model(std::string_view id) {
    return join({R"({"type":"model","id":)", quoted(id), R"(,"display_name":)", quoted(id),
                 R"(,"created_at":"2026-09-21T14:13:20Z"})"});
}

std::string models() {
    std::string data;
    std::string_view last;
    for (const auto& fault : fault_table()) {
        if (fault.name.find('<') != std::string_view::npos) continue;
        last = fault.name;
        data += join({data.empty() ? "" : ",", model(fault.name)});
    }
    return join({R"({"data":[)", data, R"(],"has_more":false,"first_id":"ok","last_id":)",
                 quoted(last), "}\n"});
}

}  // namespace understudy::mock::anthropic
