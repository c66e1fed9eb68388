#include "wire/answer_limit.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;

namespace {

AnswerLimit limit_of(std::string_view body) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    return answer_limit(body, facts);
}

}  // namespace

TEST_CASE("What limits an answer is read in the words of every API") {
    struct Row {
        std::string_view body;
        std::optional<std::uint64_t> tokens;
        std::uint64_t answers = 1;
        std::string_view tier = {};
    };
    const Row rows[] = {
        {R"({"model":"m"})", std::nullopt},
        {R"({"max_tokens":100})", 100},
        {R"({"max_completion_tokens": 2000 ,"max_tokens":100})", 2000},
        {R"({"max\u005ftokens":7})", 7},
        {R"({"max_output_tokens":300,"service_tier":"priority"})", 300, 1, "priority"},
        {R"({"max_tokens":100,"n":4})", 100, 4},
        {R"({"max_tokens":100,"n":2,"best_of":5})", 100, 5},
        {R"({"generationConfig":{"temperature":1,"maxOutputTokens":50,"candidateCount":3}})", 50,
         3},
        {R"({"generation_config":{"max_output_tokens":60}})", 60},
        {R"({"max_tokens":1e3})", std::nullopt},  // a number that need not be whole
        {R"({"max_tokens":12.0})", 12},
        {R"({"max_tokens":1.0E5})", std::nullopt},  // as some write doubles
        {R"({"prompt":["a","b","c"],"max_tokens":10})", 10, 3},
        {R"({"n":2,"prompt":[[1,2],[3]],"max_tokens":10})", 10, 4},
        {R"({"prompt":[1,2,3],"max_tokens":10})", 10, 1},
        {R"({"prompt":[],"max_tokens":10})", 10, 1},
        {R"({"prompt":"abc","max_tokens":10})", 10, 1},
        {R"({"max_tokens":null})", std::nullopt},
        {R"({"max_tokens":"100"})", std::nullopt},
        {R"({"max_tokens":-5,"n":0})", std::nullopt},
        {R"({"max_tokens":99999999999999999999999})", std::nullopt},
        {R"({"n":99999999})", std::nullopt, 1024},
        {R"({"metadata":{"max_tokens":100},"generationConfig":[1]})", std::nullopt},
        {R"({"service_tier":1})", std::nullopt},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        const auto limit = limit_of(row.body);
        REQUIRE(limit.tokens == row.tokens);
        REQUIRE(limit.answers == row.answers);
        REQUIRE(limit.tier == row.tier);
    }
}
