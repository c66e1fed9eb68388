// What the tests of odd answers share: a request of some client, asked of some upstream, and what
// the client has read.
#pragma once

#include "dialects/translate.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects::test {

/// A request of such a client, asked of such an upstream.
inline std::unique_ptr<Translation> asked(wire::AnswerShape client, wire::Dialect upstream,
                                          bool stream) {
    std::string body =
        R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]})";
    if (client == wire::AnswerShape::responses) body = R"({"model":"m","input":"Hi"})";
    if (client == wire::AnswerShape::gemini) {
        body = R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}],)"
               R"("generationConfig":{"thinkingConfig":{"includeThoughts":true}}})";
    }
    Ask ask;
    ask.shape = client;
    ask.body = body;
    ask.model = "m";
    ask.stream = stream;
    Target target;
    target.dialect = upstream;
    target.model = "m";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    REQUIRE_FALSE(translate(ask, target, outgoing, translation));
    return translation;
}

inline wire::AnswerShape other_than(wire::Dialect upstream) {
    return upstream == wire::Dialect::chat ? wire::AnswerShape::messages : wire::AnswerShape::chat;
}

inline std::string streamed(wire::AnswerShape client, wire::Dialect upstream,
                            const std::vector<std::string>& events) {
    const auto translation = asked(client, upstream, true);
    std::string out;
    for (const auto& data : events) {
        CAPTURE(data);
        REQUIRE(translation->event(data, {}, out));
    }
    translation->end(out);
    return out;
}

/// The texts of a client's stream that stand under this name, one behind the other.
inline std::string joined(const std::string& stream, const std::string& name) {
    std::string out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    for (std::string_view rest = stream; scanner.next(rest, event);
         rest.remove_prefix(event.raw.size())) {
        if (event.data == "[DONE]") continue;
        const auto data = nlohmann::json::parse(event.data);  // a lone half would not do
        const std::function<void(const nlohmann::json&)> look = [&](const nlohmann::json& value) {
            if (value.is_object() && value.contains(name) && value[name].is_string()) {
                out += value[name].get<std::string>();
            }
            for (const auto& inner : value) {
                if (inner.is_structured()) look(inner);
            }
        };
        look(data);
    }
    return out;
}

inline std::string chat_text(const std::string& content) {
    return R"({"id":"c","choices":[{"index":0,"delta":{"content":")" + content + R"("}}]})";
}

inline std::string messages_delta(const std::string& delta) {
    return R"({"type":"content_block_delta","index":0,"delta":)" + delta + "}";
}

inline std::string gemini_parts(const std::string& parts) {
    return R"({"candidates":[{"content":{"parts":[)" + parts + R"(]},"finishReason":"STOP"}]})";
}

}  // namespace understudy::dialects::test
