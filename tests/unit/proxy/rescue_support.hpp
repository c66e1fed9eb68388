// Streams of chat chunks for the tests of the rescue: written as servers do, read as clients do.
#pragma once

#include "proxy/rescue/chat/transcript.hpp"
#include "wire/chat_request.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue::test {

using Json = nlohmann::ordered_json;

inline std::string event_of(const std::string& data) {
    return "data: " + data + "\n\n";
}

/// A chunk of the first or the second server.
inline std::string chunk_data(const Json& delta, const Json& finish = nullptr,
                              const std::string& server = "one") {
    Json chunk{{"id", "chatcmpl-" + server},
               {"object", "chat.completion.chunk"},
               {"created", server == "one" ? 1 : 2},
               {"model", "model-" + server},
               {"system_fingerprint", "fp_" + server}};
    Json choice{{"index", 0}, {"delta", delta}, {"finish_reason", finish}};
    chunk["choices"] = Json::array({choice});
    return chunk.dump();
}

inline ChatTranscript transcript_of(const std::vector<Json>& deltas) {
    ChatTranscript transcript;
    transcript.sent(event_of(chunk_data({{"role", "assistant"}, {"content", ""}})));
    for (const Json& delta : deltas) transcript.sent(event_of(chunk_data(delta)));
    return transcript;
}

inline ChatTranscript transcript_of(const std::string& text) {
    return transcript_of(std::vector<Json>{{{"content", text}}});
}

/// A stream as its reader has it.
struct Heard {
    std::string text, reasoning;
    std::vector<Json> chunks;
    std::vector<std::string> comments;
    int roles = 0, finishes = 0, done = 0;
};

inline void hear_delta(const Json& delta, Heard& heard) {
    if (delta.contains("role")) ++heard.roles;
    const auto text = [&](const char* member) {
        const auto found = delta.find(member);
        return found != delta.end() && found->is_string() ? found->get<std::string>()
                                                          : std::string();
    };
    heard.text += text("content");
    heard.reasoning += text("reasoning_content");
}

inline Heard hear(std::string_view stream) {
    Heard heard;
    wire::SseScanner scanner;
    wire::SseEvent event;
    while (scanner.next(stream, event)) {
        stream.remove_prefix(event.raw.size());
        if (!event.has_data) {
            heard.comments.emplace_back(event.raw.substr(0, event.raw.find('\n')));
            continue;
        }
        if (event.data == "[DONE]") {
            ++heard.done;
            continue;
        }
        INFO(event.data);
        heard.chunks.push_back(Json::parse(event.data));
        const auto& choices = heard.chunks.back()["choices"];
        if (choices.empty()) continue;
        hear_delta(choices[0]["delta"], heard);
        if (!choices[0]["finish_reason"].is_null()) ++heard.finishes;
    }
    REQUIRE(stream.empty());
    return heard;
}

inline wire::ChatRequest request_of(const std::string& body) {
    wire::RequestFacts facts;
    REQUIRE_FALSE(wire::scan_request(body, facts));
    return wire::read_chat_request(body, facts);
}

}  // namespace understudy::proxy::rescue::test
