// What a request may use and cost at most, by table.
#include "proxy/expected.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using namespace understudy::proxy;

namespace {

std::uint64_t prompt_of(const std::string& body) {
    wire::RequestFacts facts;
    REQUIRE_FALSE(wire::scan_request(body, facts));
    return expected_prompt(body, facts);
}

metrics::ModelPrice price(std::int64_t input, std::int64_t output) {
    metrics::ModelPrice p;
    p.standard.input = input;
    p.standard.output = output;
    return p;
}

}  // namespace

TEST_CASE("A prompt is rated by its text, rather too high than too low") {
    const std::string text(3000, 'a');
    REQUIRE(prompt_of(R"({"messages":[{"role":"user","content":")" + text + R"("}]})") >= 1000);
    REQUIRE(prompt_of(R"({"messages":[{"role":"user","content":")" + text + R"("}]})") < 1100);
    const std::string picture(100'000, 'A');
    const auto with_picture = prompt_of(
        R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:)" +
        picture + R"("}}]}]})");
    REQUIRE(with_picture >= 2000);
    REQUIRE(with_picture < 2100);
    REQUIRE(prompt_of(R"({"model":"m"})") == 0);
    REQUIRE(expected_prompt("--x\r\nno JSON", {}) == 0);
}

TEST_CASE("The longest answer is what the request, the upstream or the model allows") {
    using wire::AnswerShape;
    wire::BodyRewrite none, sets, drops, renames;
    sets.set = {{"max_completion_tokens", "50"}, {"temperature", "1"}};
    drops.drop = {"max_tokens"};
    renames.rename = {{"max_tokens", "max_completion_tokens"}};
    const wire::AnswerLimit open{}, hundred{100, 1, {}}, thrice{100, 3, {}};
    struct Row {
        AnswerShape shape;
        wire::AnswerLimit asked;
        const wire::BodyRewrite* rewrite;
        std::uint64_t model_most, expected;
    };
    const Row rows[] = {
        {AnswerShape::chat, hundred, &none, 8000, 100},
        {AnswerShape::chat, thrice, &none, 8000, 300},
        {AnswerShape::chat, open, &none, 8000, 8000},
        {AnswerShape::chat, open, &none, 0, kUsualAnswer},
        {AnswerShape::chat, hundred, &sets, 8000, 50},
        {AnswerShape::chat, hundred, &drops, 8000, 8000},
        {AnswerShape::chat, hundred, &renames, 8000, 100},
        {AnswerShape::messages, hundred, &none, 0, 100},
        {AnswerShape::gemini, thrice, &none, 0, 300},
        {AnswerShape::embeddings, open, &none, 8000, 0},
        {AnswerShape::moderations, open, &none, 8000, 0},
        {AnswerShape::chat, {UINT64_MAX, 1024, {}}, &none, 0, 100'000'000},
    };
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.shape), row.asked.tokens.value_or(0), row.expected);
        REQUIRE(expected_output(row.shape, row.asked, *row.rewrite, row.model_most) ==
                row.expected);
    }
}

TEST_CASE("The cost is that of the dearest way in which it may be billed") {
    REQUIRE_FALSE(expected_cost(nullptr, {1, 1}, {}));
    const metrics::ModelPrice unknown{};
    REQUIRE_FALSE(expected_cost(&unknown, {1, 1}, {}));
    auto p = price(2'500'000, 10'000'000);  // 2.50 and 10 dollars a million
    REQUIRE(expected_cost(&p, {1000, 100}, {}) == 3'500'000);
    REQUIRE(expected_cost(&p, {0, 0}, {}) == 0);
    p.standard.cache_write = 3'125'000;
    REQUIRE(expected_cost(&p, {1000, 100}, {}) == 4'125'000);
    p.priority.output = 20'000'000;
    REQUIRE(expected_cost(&p, {1000, 100}, "priority") == 5'125'000);
    auto cheap = price(1, 0);
    REQUIRE(expected_cost(&cheap, {1, 1}, {}) == 1);  // a pico-dollar, rounded up
    const auto input_only = [] {
        metrics::ModelPrice only;
        only.standard.input = 1000;
        return only;
    }();
    REQUIRE(expected_cost(&input_only, {1000, 0}, {}) == 1000);
    REQUIRE_FALSE(expected_cost(&input_only, {1000, 1}, {}));
}

TEST_CASE("What is paid for by the piece is held by the piece") {
    metrics::ModelPrice pictures;
    pictures.per_image = 40'000'000'000;
    REQUIRE(expected_cost(&pictures, {10, 4096}, {}, {1, 2}) == 80'000'000);
    REQUIRE(expected_cost(&pictures, {0, 0}, {}, {1, 1}) == 40'000'000);
    auto both = price(1'000'000, 2'000'000);
    both.per_request = 5'000'000'000;
    REQUIRE(expected_cost(&both, {1000, 1000}, {}) == 8'000'000);
    both.standard.image_output = 40'000'000;
    REQUIRE(expected_cost(&both, {1000, 1000}, {}) == 46'000'000);
}

TEST_CASE("What only counts or judges costs nothing") {
    REQUIRE(costs_money(wire::AnswerShape::chat));
    REQUIRE(costs_money(wire::AnswerShape::embeddings));
    REQUIRE(costs_money(wire::AnswerShape::images));
    REQUIRE(costs_money(wire::AnswerShape::other_json));  // what is compacted is paid for
    REQUIRE_FALSE(costs_money(wire::AnswerShape::moderations));
    REQUIRE_FALSE(costs_money(wire::AnswerShape::messages_count));
}
