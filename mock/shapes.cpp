#include "mock/shapes.hpp"

namespace understudy::mock {

std::string_view reasoning_text() {
    return "The user wants the usual scene. I will tell it in sixty words, always the same, and "
           "then stop there.";
}

std::string chat_usage(std::size_t words) {
    const auto completion = words + kReasoningTokens;
    return join({R"({"prompt_tokens":)", std::to_string(kPromptTokens), R"(,"completion_tokens":)",
                 std::to_string(completion), R"(,"total_tokens":)",
                 std::to_string(kPromptTokens + completion),
                 R"(,"prompt_tokens_details":{"cached_tokens":)", std::to_string(kCachedTokens),
                 R"(,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":)",
                 std::to_string(kReasoningTokens),
                 R"(,"audio_tokens":0,"accepted_prediction_tokens":0,)",
                 R"("rejected_prediction_tokens":0}})"});
}

std::string responses_usage(std::size_t words) {
    const auto output = words + kReasoningTokens;
    return join({R"({"input_tokens":)", std::to_string(kPromptTokens),
                 R"(,"input_tokens_details":{"cached_tokens":)", std::to_string(kCachedTokens),
                 R"(},"output_tokens":)", std::to_string(output),
                 R"(,"output_tokens_details":{"reasoning_tokens":)",
                 std::to_string(kReasoningTokens), R"(},"total_tokens":)",
                 std::to_string(kPromptTokens + output), "}"});
}

std::string transcript_usage(std::size_t words) {
    return join({R"({"type":"tokens","input_tokens":)", std::to_string(kPromptTokens),
                 R"(,"input_token_details":{"text_tokens":0,"audio_tokens":)",
                 std::to_string(kPromptTokens), R"(},"output_tokens":)", std::to_string(words),
                 R"(,"total_tokens":)", std::to_string(kPromptTokens + words), "}"});
}

std::string response_item(const Ask& ask, const Plan& plan, const Tale& tale, ResponseState state) {
    const bool whole = state == ResponseState::completed;
    const std::string_view status = whole ? "completed" : "in_progress";
    const std::string text = whole ? tale.text() : std::string();
    if (plan.content == Content::tools) {
        return join({R"({"type":"function_call","id":"fc_mock_)", ask.id,
                     R"(","call_id":"call_mock","name":"get_weather","arguments":")", text,
                     R"(","status":")", status, R"("})"});
    }
    const std::string parts =
        whole ? join({R"([{"type":"output_text","text":")", text, R"(","annotations":[]}])"})
              : std::string("[]");
    return join({R"({"type":"message","id":"msg_mock_)", ask.id, R"(","role":"assistant",)",
                 R"("status":")", status, R"(","content":)", parts, "}"});
}

std::string response_object(const Ask& ask, const Plan& plan, const Tale& tale,
                            ResponseState state) {
    const bool whole = state == ResponseState::completed;
    const std::string output =
        whole ? join({"[", response_item(ask, plan, tale, state), "]"}) : std::string("[]");
    const std::string usage = whole && plan.usage ? responses_usage(tale.size()) : "null";
    return join({R"({"id":"resp_mock_)", ask.id, R"(","object":"response","created_at":)", kCreated,
                 R"(,"status":")", whole ? "completed" : "in_progress",
                 R"(","error":null,"incomplete_details":null,"model":)", quoted(ask.model),
                 R"(,"output":)", output, R"(,"service_tier":"default","usage":)", usage, "}"});
}

}  // namespace understudy::mock
