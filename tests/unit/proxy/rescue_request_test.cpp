// The body that asks for the rest of an answer: the client's bytes, and what stands between them.
#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/continuation_request.hpp"
#include "tests/unit/proxy/rescue_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;
using config::PrefillKind;

namespace {

const std::string kBody =
    "{ \"model\":\"m\",\n \"messages\" : [ {\"role\":\"user\",\"content\":\"Q \\u00e9\"} ] ,"
    "\"temperature\":0.10, \"x\":{\"b\":1,\"a\":1e2} }";

std::string asked(const std::string& body, Rung rung, PrefillKind kind,
                  const ChatTranscript& told) {
    return continuation_body(body, request_of(body), rung, kind, told);
}

/// The messages of the body, and what they replace must be untouched.
Json messages(const std::string& body) {
    return Json::parse(body)["messages"];
}

}  // namespace

TEST_CASE("A prefill appends the assistant's message and leaves every other byte alone") {
    const auto told = transcript_of("So \"far\"\n");
    const std::string before = kBody.substr(0, kBody.find(" ] ,"));
    const std::string after = kBody.substr(before.size());
    const std::string message = R"(,{"role":"assistant","content":"So \"far\"")";
    CHECK(asked(kBody, Rung::prefill, PrefillKind::assistant, told) ==
          before + message + "}" + after);
    CHECK(asked(kBody, Rung::prefill, PrefillKind::prefix, told) ==
          before + message + ",\"prefix\":true}" + after);
    CHECK(asked(kBody, Rung::prefill, PrefillKind::partial, told) ==
          before + message + ",\"partial\":true}" + after);
    const auto end = after.rfind(" }");
    CHECK(asked(kBody, Rung::prefill, PrefillKind::continue_final_message, told) ==
          before + message + "}" + after.substr(0, end) +
              ",\"continue_final_message\":true,\"add_generation_prompt\":false }");
    CHECK(asked(kBody, Rung::restart, PrefillKind::assistant, told) == kBody);
}

TEST_CASE("What the client set for its template is set over") {
    const std::string body =
        R"({"add_generation_prompt":true,"messages":[],"continue_final_message":false})";
    CHECK(asked(body, Rung::prefill, PrefillKind::continue_final_message, transcript_of("So")) ==
          R"({"add_generation_prompt":false,"messages":[{"role":"assistant","content":"So"}],)"
          R"("continue_final_message":true})");
}

TEST_CASE("An instruction quotes the last words behind the assistant's message") {
    const auto told =
        transcript_of("It was the best of times,\nit was the worst of times, it was the age");
    const auto list = messages(asked(kBody, Rung::instruct, PrefillKind::none, told));
    REQUIRE(list.size() == 3);
    CHECK(list[1] == Json{{"role", "assistant"}, {"content", told.text()}});
    CHECK(list[2]["role"] == "user");
    const std::string words = list[2]["content"];
    CHECK(words.find("<last_words>it was the worst of times, it was the age</last_words>") !=
          std::string::npos);
}

TEST_CASE("A client's own beginning of the answer is gone on with, not doubled") {
    const auto told = transcript_of(" far");
    struct Row {
        std::string last, expected;
        PrefillKind kind;
    };
    const std::vector<Row> rows{
        {R"({"role":"assistant","content":"So"})", R"({"role":"assistant","content":"So far"})",
         PrefillKind::assistant},
        {R"({"role":"assistant","content":"So"})",
         R"({"role":"assistant","content":"So far","prefix":true})", PrefillKind::prefix},
        {R"({"prefix":false,"content":"So","role":"assistant"})",
         R"({"prefix":true,"content":"So far","role":"assistant"})", PrefillKind::prefix},
        {R"({"role":"assistant","content":[{"type":"text","text":"So"}]})",
         R"({"role":"assistant","content":[{"type":"text","text":"So"},{"type":"text","text":" far"}]})",
         PrefillKind::assistant},
        {R"({"role":"assistant","content":[]})",
         R"({"role":"assistant","content":[{"type":"text","text":" far"}]})",
         PrefillKind::assistant},
        {R"({"role":"assistant","content":null})",
         R"({"role":"assistant","content":null},{"role":"assistant","content":" far"})",
         PrefillKind::assistant},
    };
    for (const Row& row : rows) {
        CAPTURE(row.last);
        CHECK(asked(R"({"messages":[)" + row.last + "]}", Rung::prefill, row.kind, told) ==
              R"({"messages":[)" + row.expected + "]}");
    }
    // A server that said the client's beginning again.
    CHECK(asked(R"({"messages":[{"role":"assistant","content":"So"}]})", Rung::prefill,
                PrefillKind::assistant, transcript_of("So far")) ==
          R"({"messages":[{"role":"assistant","content":"So far"}]})");
    // As a turn among others it is no beginning any more.
    const auto body = asked(R"({"messages":[{"role":"assistant","content":"So","prefix":true}],)"
                            R"("continue_final_message":true})",
                            Rung::instruct, PrefillKind::none, told);
    CHECK(messages(body)[0] ==
          Json{{"role", "assistant"}, {"content", "So far"}, {"prefix", false}});
    CHECK(messages(body)[1]["role"] == "user");
    CHECK(Json::parse(body)["continue_final_message"] == false);
    CHECK(Json::parse(body)["add_generation_prompt"] == true);
}

TEST_CASE("Only whole characters are sent, and no white space at the end") {
    ChatTranscript told;
    told.sent("data: {\"choices\":[{\"delta\":{\"content\":\"Hi \\n\\ud83d\"}}]}\n\n");
    CHECK(messages(asked(kBody, Rung::prefill, PrefillKind::assistant, told))[1]["content"] ==
          "Hi");
    CHECK(sendable("a \n") == "a");
    CHECK(sendable("a\xE2\x82") == "a");
    CHECK(sendable(" \n").empty());
    // Half a character in the middle, which no strict parser would take.
    ChatTranscript half;
    half.sent("data: {\"choices\":[{\"delta\":{\"content\":\"a\\ud83db\"}}]}\n\n");
    const auto body = asked(kBody, Rung::prefill, PrefillKind::assistant, half);
    CHECK(messages(body)[1]["content"].get<std::string>().ends_with("b"));
}

TEST_CASE("A limit of tokens is one of the whole answer") {
    auto told = transcript_of(std::vector<Json>{});
    for (int i = 0; i < 40; ++i) told.sent(event_of(chunk_data({{"content", "w "}})));
    const auto cap = [&](const char* member, int limit, Rung rung,
                         const ChatTranscript& transcript) {
        const std::string body =
            R"({"messages":[],")" + std::string(member) + "\":" + std::to_string(limit) + "}";
        return Json::parse(asked(body, rung, PrefillKind::assistant, transcript))[member];
    };
    CHECK(cap("max_tokens", 100, Rung::prefill, told) == 60);
    CHECK(cap("max_completion_tokens", 100, Rung::prefill, told) == 60);
    CHECK(cap("max_tokens", 100, Rung::instruct, told) == 92);  // 32 for the words said again
    CHECK(cap("max_tokens", 100, Rung::restart, told) == 100);
    CHECK(cap("max_tokens", 40, Rung::prefill, told) == 1);
    CHECK(cap("max_tokens", 10, Rung::prefill, told) == 1);
    // A model that thinks will think again.
    auto thinker = transcript_of({{{"reasoning_content", "Hm"}}, {{"content", "So"}}});
    CHECK(cap("max_completion_tokens", 100, Rung::prefill, thinker) == 100);
}

TEST_CASE("The last words begin with a word, on one line where it is long enough") {
    const std::string line(70, 'x');
    CHECK(anchor_of("Hello there") == "Hello there");
    CHECK(anchor_of("Hello there  \n") == "Hello there");
    CHECK(anchor_of(line + " and then some more words") == "and then some more words");
    CHECK(anchor_of(line + "\nand then some words") == "and then some words");
    CHECK(anchor_of(line + " and then\nsome") == "and then\nsome");
    CHECK(anchor_of(line) == std::string(60, 'x'));
    // From a whole character on, in a script without spaces.
    std::string han;
    for (int i = 0; i < 30; ++i) han += "\xE6\xBC\xA2";
    CHECK(anchor_of(han).size() == 60);
    CHECK(anchor_of("a" + han).size() == 60);
    CHECK(anchor_of("ab" + han + "c").size() == 58);
}
