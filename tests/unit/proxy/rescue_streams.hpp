// A streamed answer as two servers of each API write it, for the tests of the rescue.
#pragma once

#include "tests/unit/proxy/rescue_support.hpp"
#include "wire/answer.hpp"

#include <array>
#include <string>
#include <vector>

namespace understudy::proxy::rescue::test {

/// Everything is the data of events.
struct Api {
    const char* name;
    wire::AnswerShape shape;
    /// What stands in front of the text.
    std::vector<std::string> (*head)(const std::string& server);
    /// A piece of it, given as a JSON string.
    std::string (*text)(const std::string& token, const std::string& server);
    /// What ends the answer.
    std::vector<std::string> (*tail)(const std::string& server);
};

namespace chat {

inline std::vector<std::string> head(const std::string& server) {
    return {chunk_data({{"role", "assistant"}, {"content", ""}}, nullptr, server)};
}
inline std::string text(const std::string& token, const std::string& server) {
    const std::string mark = "\"content\":";
    const auto data = chunk_data({{"content", ""}}, nullptr, server);
    const auto at = data.find(mark) + mark.size();
    return data.substr(0, at) + token + data.substr(at + 2);
}
inline std::vector<std::string> tail(const std::string& server) {
    return {chunk_data(Json::object(), "stop", server)};
}

}  // namespace chat

namespace messages {

inline std::vector<std::string> head(const std::string& server) {
    return {
        R"({"type":"message_start","message":{"id":"msg_)" + server +
            R"(","type":"message","role":"assistant","model":"claude-)" + server +
            R"(","content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}})",
        R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"};
}
inline std::string text(const std::string& token, const std::string&) {
    return R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":)" +
           token + "}}";
}
inline std::vector<std::string> tail(const std::string&) {
    return {R"({"type":"content_block_stop","index":0})",
            R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
            R"("usage":{"output_tokens":5}})",
            R"({"type":"message_stop"})"};
}

}  // namespace messages

namespace responses {

inline std::string event(const std::string& type, int number, const std::string& members) {
    return R"({"type":"response.)" + type + R"(","sequence_number":)" + std::to_string(number) +
           "," + members + "}";
}
inline std::string item(const std::string& server, const std::string& content) {
    return R"({"id":"msg_)" + server +
           R"(","type":"message","role":"assistant","status":"in_progress","content":[)" + content +
           "]}";
}
inline std::vector<std::string> head(const std::string& server) {
    return {
        event("created", 0,
              R"("response":{"id":"resp_)" + server + R"(","model":"gpt-)" + server +
                  R"(","object":"response","status":"in_progress","output":[],"usage":null})"),
        event("output_item.added", 1, R"("output_index":0,"item":)" + item(server, "")),
        event(
            "content_part.added", 2,
            R"("item_id":"msg_)" + server +
                R"(","output_index":0,"content_index":0,"part":{"type":"output_text","text":""})")};
}
inline std::string text(const std::string& token, const std::string& server) {
    return event(
        "output_text.delta", 3,
        R"("item_id":"msg_)" + server + R"(","output_index":0,"content_index":0,"delta":)" + token);
}
inline std::vector<std::string> tail(const std::string& server) {
    return {
        event("output_item.done", 4, R"("output_index":0,"item":)" + item(server, "")),
        event(
            "completed", 5,
            R"("response":{"id":"resp_)" + server +
                R"(","status":"completed","output":[],"usage":{"input_tokens":9,"output_tokens":5}})")};
}

}  // namespace responses

namespace gemini {

inline std::string chunk(const std::string& part, const std::string& more,
                         const std::string& server) {
    return R"({"candidates":[{"content":{"parts":[)" + part + R"(],"role":"model"},"index":0)" +
           more + R"(}],"modelVersion":"gemini-)" + server + R"(","responseId":")" + server + "\"}";
}
inline std::vector<std::string> head(const std::string&) {
    return {};
}
inline std::string text(const std::string& token, const std::string& server) {
    return chunk(R"({"text":)" + token + "}", "", server);
}
inline std::vector<std::string> tail(const std::string& server) {
    return {chunk(R"({"text":""})", R"(,"finishReason":"STOP")", server)};
}

}  // namespace gemini

inline const std::array kApis{
    Api{"chat", wire::AnswerShape::chat, chat::head, chat::text, chat::tail},
    Api{"messages", wire::AnswerShape::messages, messages::head, messages::text, messages::tail},
    Api{"responses", wire::AnswerShape::responses, responses::head, responses::text,
        responses::tail},
    Api{"gemini", wire::AnswerShape::gemini, gemini::head, gemini::text, gemini::tail}};

}  // namespace understudy::proxy::rescue::test
