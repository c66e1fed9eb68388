// Answers as one document.
#include "mock/amazon.hpp"
#include "mock/answer.hpp"
#include "mock/anthropic.hpp"
#include "mock/faults.hpp"
#include "mock/google.hpp"
#include "mock/shapes.hpp"

#include <array>
#include <cstring>

namespace understudy::mock {
namespace {

constexpr std::string_view kPixel =  // a 1x1 PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg==";

std::string usage_member(const Plan& plan, std::string_view usage) {
    return plan.usage ? join({R"(,"usage":)", usage}) : std::string();
}

std::string chat(const Ask& ask, const Plan& plan, const Tale& tale) {
    std::string message = R"({"role":"assistant",)";
    if (plan.content == Content::tools) {
        message += join({R"("content":null,"refusal":null,"tool_calls":[{"id":"call_mock",)",
                         R"("type":"function","function":{"name":"get_weather","arguments":")",
                         tale.text(), R"("}}])"});
    } else {
        message += join({R"("content":")", tale.text(), R"(","refusal":null)"});
    }
    if (plan.content == Content::reasoning)
        message += join({R"(,"reasoning_content":")", reasoning_text(), "\""});
    message += R"(,"annotations":[]})";
    const std::string_view finish = plan.content == Content::tools ? "tool_calls" : "stop";
    return join(
        {R"({"id":"chatcmpl-mock-)", ask.id, R"(","object":"chat.completion","created":)", kCreated,
         R"(,"model":)", quoted(ask.model), R"(,"choices":[{"index":0,"message":)", message,
         R"(,"logprobs":null,"finish_reason":")", finish, R"("}])",
         usage_member(plan, chat_usage(tale.size())),
         R"(,"service_tier":"default","system_fingerprint":)", quoted(ask.fingerprint), "}\n"});
}

std::string completion(const Ask& ask, const Plan& plan, const Tale& tale) {
    return join({R"({"id":"cmpl-mock-)", ask.id, R"(","object":"text_completion","created":)",
                 kCreated, R"(,"model":)", quoted(ask.model), R"(,"choices":[{"text":")",
                 tale.text(), R"(","index":0,"logprobs":null,"finish_reason":"stop"}])",
                 usage_member(plan, chat_usage(tale.size())), R"(,"system_fingerprint":)",
                 quoted(ask.fingerprint), "}\n"});
}

std::string embeddings(const Ask& ask, const Plan& plan) {
    std::string numbers;
    std::string bytes;
    for (std::size_t i = 0; i < ask.embeddings.dimensions; ++i) {
        // Powers of two are exact in every notation.
        const float value = (i % 2 == 0 ? 1.0F : -1.0F) / static_cast<float>(2U << (i % 4));
        numbers += join({i == 0 ? "" : ",", i % 2 == 0 ? "" : "-",
                         std::array{"0.5", "0.25", "0.125", "0.0625"}[i % 4]});
        std::array<char, sizeof value> raw{};
        std::memcpy(raw.data(), &value, sizeof value);
        bytes.append(raw.data(), raw.size());
    }
    const std::string vector =
        ask.embeddings.base64 ? join({"\"", base64(bytes), "\""}) : join({"[", numbers, "]"});
    std::string data;
    for (std::size_t i = 0; i < ask.embeddings.inputs; ++i) {
        data += join({i == 0 ? "" : ",", R"({"object":"embedding","index":)", std::to_string(i),
                      R"(,"embedding":)", vector, "}"});
    }
    const std::string prompt = std::to_string(kPromptTokens);
    return join({R"({"object":"list","data":[)", data, R"(],"model":)", quoted(ask.model),
                 usage_member(plan, join({R"({"prompt_tokens":)", prompt, R"(,"total_tokens":)",
                                          prompt, "}"})),
                 "}\n"});
}

std::string image(const Plan& plan) {
    return join(
        {R"({"created":)", kCreated, R"(,"data":[{"b64_json":")", kPixel, R"("}])",
         R"(,"output_format":"png","quality":"low","size":"1024x1024")",
         usage_member(plan, R"({"input_tokens":50,"output_tokens":50,"total_tokens":100,)"
                            R"("input_tokens_details":{"text_tokens":10,"image_tokens":40}})"),
         "}\n"});
}

std::string transcript(const Plan& plan, const Tale& tale) {
    return join({R"({"text":")", tale.text(), "\"",
                 usage_member(plan, transcript_usage(tale.size())), "}\n"});
}

std::string moderation(const Ask& ask) {
    return join({R"({"id":"modr-mock-)", ask.id, R"(","model":)", quoted(ask.model),
                 R"(,"results":[{"flagged":false,"categories":{"hate":false,"violence":false},)",
                 R"("category_scores":{"hate":0.0001,"violence":0.0002},)",
                 R"("category_applied_input_types":{"hate":["text"],"violence":["text"]}}]})",
                 "\n"});
}

/// Sound that nobody should listen to: an MP3 frame header and a counter.
std::string speech() {
    std::string bytes = "ID3\x04";
    bytes.append(6, '\0');
    for (int i = 0; i < 4096; ++i) bytes += static_cast<char>(i & 0xFF);
    return bytes;
}

}  // namespace

std::string answer_document(const Ask& ask, const Plan& plan, const Tale& tale) {
    switch (ask.endpoint) {
        case Endpoint::completions:
            return completion(ask, plan, tale);
        case Endpoint::responses:
            return response_object(ask, plan, tale, ResponseState::completed) + "\n";
        case Endpoint::embeddings:
            return embeddings(ask, plan);
        case Endpoint::moderations:
            return moderation(ask);
        case Endpoint::images:
            return image(plan);
        case Endpoint::transcription:
        case Endpoint::translation:
            return transcript(plan, tale);
        case Endpoint::speech:
            return speech();
        case Endpoint::messages:
            return anthropic::document(ask, plan, tale);
        case Endpoint::count_messages:
            return join({R"({"input_tokens":)", std::to_string(kPromptTokens), "}\n"});
        case Endpoint::gemini:
            return google::document(ask, plan, tale);
        case Endpoint::count_gemini:
            return join({R"({"totalTokens":)", std::to_string(kPromptTokens), "}\n"});
        case Endpoint::converse:
            return amazon::document(ask, plan, tale);
        default:
            return chat(ask, plan, tale);
    }
}

std::string_view answer_type(Endpoint endpoint) {
    return endpoint == Endpoint::speech ? "audio/mpeg" : "application/json";
}

std::string hollow_document(const Ask& ask) {
    return join({R"({"id":"mock-)", ask.id, R"(","object":"nothing","created":)", kCreated,
                 R"(,"model":)", quoted(ask.model), "}"});
}

std::string model_document(Api api, std::string_view id) {
    if (api == Api::anthropic) return anthropic::model(id);
    if (api == Api::google) return google::model(id);
    return join({R"({"id":)", quoted(id), R"(,"object":"model","created":)", kCreated,
                 R"(,"owned_by":"understudy-mock"})"});
}

std::string models_document(Api api) {
    if (api == Api::anthropic) return anthropic::models();
    if (api == Api::google) return google::models();
    std::string data;
    for (const auto& fault : fault_table()) {
        if (fault.name.find('<') != std::string_view::npos) continue;
        data += join({data.empty() ? "" : ",", model_document(api, fault.name)});
    }
    return join({R"({"object":"list","data":[)", data, "]}\n"});
}

}  // namespace understudy::mock
