// What is remembered of a stream that a client was sent.
#include "proxy/rescue/chat/transcript.hpp"
#include "tests/unit/proxy/rescue_support.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;

TEST_CASE("A transcript keeps the envelope and the text, however the bytes are cut") {
    const std::string stream = ": comment\n\n" +
                               event_of(chunk_data({{"role", "assistant"}, {"content", ""}})) +
                               event_of(chunk_data({{"content", "Caf\xC3\xA9 "}})) +
                               event_of("ping") + event_of(chunk_data({{"content", "\"x\"\n"}}));
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        ChatTranscript transcript;
        transcript.sent(std::string_view(stream).substr(0, cut));
        transcript.sent(std::string_view(stream).substr(cut));
        REQUIRE(transcript.text() == "Caf\xC3\xA9 \"x\"\n");
        REQUIRE(transcript.envelope().id == "\"chatcmpl-one\"");
        REQUIRE(transcript.envelope().created == "1");
        REQUIRE(transcript.envelope().model == "\"model-one\"");
        REQUIRE(transcript.envelope().system_fingerprint == "\"fp_one\"");
        REQUIRE(transcript.envelope().service_tier.empty());
        REQUIRE(transcript.role_sent());
        REQUIRE(transcript.obstacle() == nullptr);
        REQUIRE(transcript.completion_tokens() == 2);
        REQUIRE_FALSE(transcript.crlf());
    }
}

TEST_CASE("An event that is not whole was not read by the client either") {
    ChatTranscript transcript;
    const auto event = event_of(chunk_data({{"content", "x"}}));
    transcript.sent(event);
    transcript.sent(event.substr(0, event.size() - 1));
    CHECK(transcript.text() == "x");
}

TEST_CASE("Halves of a character that two events share become one") {
    ChatTranscript transcript;
    transcript.sent("data: {\"choices\":[{\"delta\":{\"content\":\"a\\ud83d\"}}]}\n\n");
    CHECK(transcript.text() == "a\xED\xA0\xBD");
    transcript.sent("data: {\"choices\":[{\"delta\":{\"content\":\"\\ude00\"}}]}\n\n");
    CHECK(transcript.text() == "a\xF0\x9F\x98\x80");
}

TEST_CASE("Reasoning is kept until the text begins") {
    auto transcript = transcript_of({{{"reasoning_content", "Let me "}, {"reasoning", "Let me "}},
                                     {{"reasoning_content", "think"}}});
    CHECK(transcript.reasoning() == "Let me think");
    CHECK(transcript.reasoning_member() == "reasoning_content");
    transcript.sent(event_of(chunk_data({{"content", "So"}})));
    CHECK(transcript.reasoning().empty());
    CHECK(transcript.reasoning_member() == "reasoning_content");
    CHECK(transcript.completion_tokens() == 3);
}

TEST_CASE("What stands in the way is told, and then nothing more is kept") {
    struct Row {
        std::string data;
        std::string why;
    };
    const std::vector<Row> rows{
        {chunk_data({{"tool_calls", {{{"index", 0}, {"id", "c"}}}}}), "a tool call has begun"},
        {chunk_data({{"function_call", {{"name", "f"}}}}), "a tool call has begun"},
        {chunk_data({{"refusal", "I"}}), "something other than text was sent"},
        {chunk_data(Json::object(), "stop"), "the answer was finished"},
        {R"({"choices":[{"index":1,"delta":{}}]})", "there is more than one choice"},
        {R"({"choices":[{"delta":{},"logprobs":{"content":[{"token":"x"}]}}]})",
         "logprobs were sent"},
        {R"({"error":{"message":"x"}})", "the stream has told an error"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.data);
        auto transcript = transcript_of("So");
        transcript.sent(event_of(row.data));
        REQUIRE(transcript.obstacle() != nullptr);
        CHECK(transcript.obstacle() == row.why);
        CHECK(transcript.finished() == (row.why == "the answer was finished"));
        transcript.sent(event_of(chunk_data({{"content", " more"}})));
        CHECK(transcript.text() == "So");
    }
}

TEST_CASE("A transcript is bounded") {
    ChatTranscript transcript(1000);
    for (int i = 0; i < 300; ++i) transcript.sent(event_of(chunk_data({{"content", "12345678"}})));
    REQUIRE(transcript.obstacle() != nullptr);
    CHECK(std::string(transcript.obstacle()) == "the answer is too long to be continued");
    CHECK(transcript.bytes() < 100);
    // An event without end, too.
    ChatTranscript endless(1000);
    for (int i = 0; i < 300; ++i) endless.sent("data: xxxxxxxx");
    CHECK(endless.obstacle() != nullptr);
    CHECK(endless.bytes() < 100);
}

TEST_CASE("Tokens are those reported in mid-stream, or one for each event") {
    auto transcript = transcript_of("So");
    CHECK(transcript.completion_tokens() == 1);
    transcript.sent(event_of(R"({"choices":[{"delta":{"content":" it"}}],"usage":)"
                             R"({"prompt_tokens":30,"completion_tokens":9,"total_tokens":39}})"));
    CHECK(transcript.completion_tokens() == 9);
    REQUIRE(transcript.usage());
    CHECK(transcript.usage()->prompt == 30);
    CHECK(transcript.text() == "So it");
}

TEST_CASE("The form of the stream is remembered") {
    ChatTranscript transcript;
    transcript.sent("data: " + chunk_data({{"content", "x"}}) + "\r\n\r\n");
    CHECK(transcript.crlf());
    CHECK(transcript.text() == "x");
}
