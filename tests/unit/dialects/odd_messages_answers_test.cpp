// Answers that are not written as those of Messages are: nothing of them is lost without a word.
#include "tests/unit/dialects/odd_answers.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using namespace understudy::dialects;
using namespace understudy::dialects::test;
using wire::AnswerShape;
using wire::Dialect;

TEST_CASE("A piece of a call that was never announced is not left out in silence") {
    const auto piece = messages_delta(R"({"type":"input_json_delta","partial_json":"{}"})");
    auto translation = asked(AnswerShape::chat, Dialect::messages, true);
    std::string out;
    CHECK_FALSE(translation->event(piece, {}, out));
    // Of a tool that its provider runs nobody is told.
    translation = asked(AnswerShape::chat, Dialect::messages, true);
    CHECK(translation->event(
        R"({"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use"}})",
        {}, out));
    CHECK(translation->event(piece, {}, out));
}
