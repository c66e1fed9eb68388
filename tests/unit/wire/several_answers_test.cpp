#include "wire/several_answers.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

namespace {

bool several(AnswerShape shape, const std::string& body) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    return several_answers(shape, body, facts);
}

}  // namespace

TEST_CASE("Several answers are asked for as each API has it") {
    using enum AnswerShape;
    CHECK(several(chat, R"({"n":2})"));
    CHECK(several(chat, R"({"n":1.0})"));
    CHECK_FALSE(several(chat, R"({"n":1})"));
    CHECK_FALSE(several(chat, R"({"n":null})"));
    CHECK_FALSE(several(chat, R"({"messages":[{"n":2}]})"));
    CHECK(several(completion, R"({"n":1,"prompt":["a","b"]})"));
    CHECK(several(completion, R"({"prompt":[[1,2],[3]]})"));
    CHECK_FALSE(several(completion, R"({"prompt":["a"]})"));
    CHECK_FALSE(several(completion, R"({"prompt":[[1,2]]})"));
    CHECK_FALSE(several(completion, R"({"prompt":[1,2,3]})"));
    CHECK_FALSE(several(completion, R"({"prompt":"a"})"));
    CHECK_FALSE(several(chat, R"({"prompt":["a","b"]})"));
    CHECK_FALSE(several(messages, R"({"n":2})"));
    CHECK(several(gemini, R"({"generationConfig":{"candidateCount":2}})"));
    CHECK(several(gemini, R"({"generation_config":{"candidate_count":8}})"));
    CHECK_FALSE(several(gemini, R"({"generationConfig":{"candidateCount":1}})"));
    CHECK_FALSE(several(gemini, R"({"generationConfig":{},"candidateCount":2})"));
    CHECK_FALSE(several(gemini, R"({"n":2})"));
}
