// What of a chat request decides whether and where its answer can be continued.
#include "wire/chat_request.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

ChatRequest read(const std::string& body) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    return read_chat_request(body, facts);
}

ChatRequest with(const std::string& members) {
    return read(R"({"messages":[{"role":"user","content":"Hi"}],)" + members + "}");
}

}  // namespace

TEST_CASE("What a request demands of its answer") {
    const auto plain = read(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
    CHECK(plain.conversation);
    CHECK(plain.one_choice);
    CHECK_FALSE((plain.logprobs || plain.tools || plain.schema || plain.audio));

    CHECK(with(R"("n":1)").one_choice);
    CHECK(with(R"("n":null)").one_choice);
    CHECK_FALSE(with(R"("n":2)").one_choice);
    CHECK_FALSE(with(R"("n":"1")").one_choice);
    CHECK(with(R"("logprobs":true)").logprobs);
    CHECK(with(R"("top_logprobs":3)").logprobs);
    CHECK_FALSE(with(R"("logprobs":false,"top_logprobs":0)").logprobs);
    CHECK(with(R"("tools":[{"type":"function"}])").tools);
    CHECK(with(R"("functions":[{"name":"f"}])").tools);
    CHECK_FALSE(with(R"("tools":[],"functions":null)").tools);
    CHECK(with(R"("modalities":["text","audio"])").audio);
    CHECK_FALSE(with(R"("modalities":["text"])").audio);
    CHECK_FALSE(with(R"("response_format":{"type":"text"})").schema);
    CHECK_FALSE(with(R"("response_format":null)").schema);
    for (const char* members :
         {R"("response_format":{"type":"json_object"})",
          R"("response_format":{"json_schema":{},"type":"json_schema"})",
          R"("guided_json":{"a":1})", R"("guided_regex":"a+")",
          R"("structured_outputs":{"json":{}})", R"("grammar":"root ::= a")", R"("ebnf":"x")"}) {
        CAPTURE(members);
        CHECK(with(members).schema);
    }
    CHECK_FALSE(with(R"("guided_json":null,"grammar":"")").schema);
}

TEST_CASE("A conversation is one list of messages") {
    CHECK_FALSE(read(R"({"model":"m"})").conversation);
    CHECK_FALSE(read(R"({"messages":"Hi"})").conversation);
    CHECK_FALSE(read(R"({"messages":[],"messages":[]})").conversation);
    const std::string empty = R"({"messages": [ ] })";
    const auto request = read(empty);
    CHECK(request.conversation);
    CHECK_FALSE(request.has_messages);
    CHECK(empty.substr(0, request.messages_end) == R"({"messages": [)");
    RequestFacts none;
    CHECK_FALSE(read_chat_request("x", none).conversation);
}

TEST_CASE("The places where a continuation is asked for are found") {
    const std::string body =
        R"({"messages":[{"role":"user","content":"Q"}, {"content":"So", "role":"assistant","prefix":true} ],)"
        R"("max_tokens": 50,"add_generation_prompt":true })";
    const auto request = read(body);
    CHECK(body.substr(request.messages_end).starts_with(" ],"));
    CHECK(request.last.assistant);
    CHECK(request.last.content.of(body) == "\"So\"");
    CHECK(request.last.content_kind == JsonKind::string);
    CHECK(request.last.flag.of(body) == "true");
    CHECK(request.add_generation_prompt.of(body) == "true");
    CHECK(request.continue_final_message.size() == 0);
    REQUIRE(request.max_tokens);
    CHECK(request.max_tokens->tokens == 50);
    CHECK(request.max_tokens->value.of(body) == "50");
    CHECK(body.substr(request.members_end) == " }");
    CHECK_FALSE(request.max_completion_tokens);

    const std::string parts =
        R"({"messages":[{"role":"assistant","content":[{"type":"text","text":"So"} ]}],)"
        R"("max_tokens":1.5,"max_completion_tokens":null})";
    const auto listed = read(parts);
    CHECK(listed.last.content_kind == JsonKind::array);
    CHECK(parts.substr(listed.last.parts_end).starts_with(" ]}"));
    CHECK_FALSE(listed.max_tokens);
    CHECK_FALSE(listed.max_completion_tokens);
}
