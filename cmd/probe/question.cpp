#include "cmd/probe/question.hpp"

#include "wire/json_scan.hpp"

namespace understudy::cmd::probe {
namespace {

constexpr std::string_view kSentence = R"("Reply with the word ok.")";

std::string messages() {
    return R"("messages":[{"role":"user","content":)" + std::string(kSentence) + "}]";
}

}  // namespace

Question question_for(wire::Dialect dialect, const std::string& model, bool ask_usage) {
    using wire::AnswerShape;
    const std::string named = "{\"model\":" + wire::encode_string(model) + ",\"stream\":true,";
    switch (dialect) {
        case wire::Dialect::responses:
            return {AnswerShape::responses,
                    "/responses",
                    {},
                    named + R"("store":false,"input":)" + std::string(kSentence) + '}'};
        case wire::Dialect::messages:
            return {AnswerShape::messages,
                    "/messages",
                    {},
                    named + R"("max_tokens":1024,)" + messages() + '}'};
        case wire::Dialect::gemini:
            return {AnswerShape::gemini,
                    {},
                    ":streamGenerateContent?alt=sse",
                    R"({"contents":[{"role":"user","parts":[{"text":)" + std::string(kSentence) +
                        "}]}]}"};
        case wire::Dialect::converse:
            return {AnswerShape::converse,
                    {},
                    "/converse-stream",
                    R"({"messages":[{"role":"user","content":[{"text":)" + std::string(kSentence) +
                        "}]}]}"};
        default:
            return {AnswerShape::chat,
                    "/chat/completions",
                    {},
                    named + messages() +
                        (ask_usage ? R"(,"stream_options":{"include_usage":true}})" : "}")};
    }
}

}  // namespace understudy::cmd::probe
