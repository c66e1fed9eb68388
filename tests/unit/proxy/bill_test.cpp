#include "proxy/bill.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <optional>
#include <vector>

using namespace understudy::proxy;
using understudy::metrics::ModelPrice;
using understudy::metrics::TokenCounts;
using understudy::upstreams::Metered;
using understudy::wire::Usage;

namespace {

/// 1 and 10 nano-dollars per token: costs one can add up by eye.
ModelPrice price() {
    ModelPrice p;
    p.standard.input = 1'000;
    p.standard.output = 10'000;
    return p;
}

Metered with(const Usage& usage) {
    Metered metered;
    metered.usage = usage;
    return metered;
}

std::uint64_t sum(const TokenCounts& t) {
    return t.input + t.cache_read + t.cache_write + t.output + t.reasoning;
}

}  // namespace

TEST_CASE("Reported usage becomes counts that overlap nowhere") {
    struct Row {
        const char* title;
        Usage usage;
        TokenCounts expected;  // input, cache_read, cache_write, output, reasoning
        std::int64_t cost;     // nano-dollars
    };
    const std::vector<Row> rows{
        {"plain", {100, 20, 0, 0, 0, {}}, {100, 0, 0, 20, 0}, 300},
        {"cache and reasoning", {100, 20, 30, 5, 8, {}}, {65, 30, 5, 12, 8}, 300},
        {"all of it cached", {100, 20, 100, 0, 20, {}}, {0, 100, 0, 0, 20}, 300},
        {"nothing but a prompt", {8, 0, 0, 0, 0, {}}, {8, 0, 0, 0, 0}, 8},
    };
    const auto p = price();
    for (const Row& row : rows) {
        INFO(row.title);
        const auto bill = bill_for(with(row.usage), std::nullopt, &p);
        CHECK(bill.reported);
        CHECK_FALSE(bill.estimated);
        CHECK(bill.tokens == row.expected);
        CHECK(sum(bill.tokens) == row.usage.prompt + row.usage.completion);
        CHECK(bill.cost_pico_usd == row.cost * 1'000);
    }
}

TEST_CASE("Usage that contradicts itself never wraps around") {
    const auto most = std::numeric_limits<std::uint64_t>::max();
    const auto p = price();
    for (const Usage& usage :
         {Usage{10, 5, 50, 0, 0, {}}, Usage{10, 5, 8, 8, 0, {}}, Usage{10, 5, 0, 50, 0, {}},
          Usage{10, 5, 0, 0, 50, {}}, Usage{0, 0, 1, 1, 1, {}}, Usage{0, 0, most, 0, 0, {}}}) {
        const auto bill = bill_for(with(usage), std::nullopt, &p);
        CHECK(bill.tokens.input <= usage.prompt);
        CHECK(bill.tokens.output <= usage.completion);
        CHECK(bill.tokens.cache_read == usage.cache_read);
        CHECK(bill.tokens.reasoning == usage.reasoning);
    }
    const auto bill = bill_for(with({10, 5, 50, 0, 50, {}}), std::nullopt, &p);
    CHECK(bill.tokens == TokenCounts{0, 50, 0, 0, 50});
}

TEST_CASE("The upstream's own figure for the cost wins over any price") {
    const auto p = price();
    Usage usage{100, 20, 0, 0, 0, 777'000};
    CHECK(bill_for(with(usage), std::nullopt, &p).cost_pico_usd == 777'000);
    CHECK(bill_for(with(usage), std::nullopt, nullptr).cost_pico_usd == 777'000);
    usage.reported_cost_pico_usd = 0;  // free of charge, and said so
    CHECK(bill_for(with(usage), std::nullopt, &p).cost_pico_usd == 0);
}

TEST_CASE("Reported usage without a known price has no cost, which is not a cost of nothing") {
    const auto bill = bill_for(with({100, 20, 0, 0, 0, {}}), std::nullopt, nullptr);
    CHECK(bill.reported);
    CHECK_FALSE(bill.cost_pico_usd);
    const ModelPrice empty;
    CHECK_FALSE(bill_for(with({100, 20, 0, 0, 0, {}}), std::nullopt, &empty).cost_pico_usd);
}

TEST_CASE("A stream that was cut is estimated, and never passed off as reported") {
    const auto p = price();
    Metered metered;
    metered.content_events = 30;
    const Estimate estimate{100, 30};
    auto bill = bill_for(metered, estimate, &p);
    CHECK(bill.estimated);
    CHECK_FALSE(bill.reported);
    CHECK(bill.tokens == TokenCounts{100, 0, 0, 30, 0});
    CHECK(bill.guessed == bill.tokens);
    CHECK(bill.said() == TokenCounts{});
    CHECK(bill.cost_pico_usd == 400'000);
    CHECK(bill.guessed_cost_pico_usd == 400'000);
    CHECK_FALSE(bill_for(metered, estimate, nullptr).cost_pico_usd);
}

TEST_CASE("What came before the end is reported, and what it lacks is estimated beside it") {
    struct Row {
        const char* title;
        Usage usage;
        Estimate estimate;
        TokenCounts said, guessed;
        std::int64_t said_cost, guessed_cost;  // nano-dollars
    };
    const auto p = price();
    for (const Row& row : std::vector<Row>{
             {"less than went by",
              {7, 3, 0, 0, 0, {}},
              {99, 30},
              {7, 0, 0, 3, 0},
              {0, 0, 0, 27, 0},
              37,
              270},
             {"all that went by", {7, 30, 0, 0, 0, {}}, {99, 30}, {7, 0, 0, 30, 0}, {}, 307, 0},
             {"more than went by", {7, 40, 0, 0, 9, {}}, {99, 30}, {7, 0, 0, 31, 9}, {}, 407, 0},
             {"a prompt alone",
              {50, 0, 40, 0, 0, {}},
              {99, 30},
              {10, 40, 0, 0, 0},
              {0, 0, 0, 30, 0},
              50,
              300},
             {"no prompt",
              {0, 3, 0, 0, 0, {}},
              {99, 30},
              {0, 0, 0, 3, 0},
              {99, 0, 0, 27, 0},
              30,
              369},
             {"a cost of its own",
              {7, 3, 0, 0, 0, 1'000'000},
              {99, 30},
              {7, 0, 0, 3, 0},
              {0, 0, 0, 27, 0},
              1'000,
              270},
         }) {
        INFO(row.title);
        const auto bill = bill_for(with(row.usage), row.estimate, &p);
        CHECK(bill.reported);
        CHECK(bill.estimated == (row.guessed.total() > 0));
        CHECK(bill.said() == row.said);
        CHECK(bill.guessed == row.guessed);
        CHECK(bill.tokens.total() == row.said.total() + row.guessed.total());
        CHECK(bill.said_cost_pico_usd() == row.said_cost * 1'000);
        CHECK(bill.guessed_cost_pico_usd == row.guessed_cost * 1'000);
        CHECK(bill.cost_pico_usd == (row.said_cost + row.guessed_cost) * 1'000);
    }
}

TEST_CASE("A guess is priced by the tier of the whole") {
    auto p = price();
    p.tiers.push_back({});
    p.tiers[0].above = 100;
    p.tiers[0].standard.input = 2'000;
    p.tiers[0].standard.output = 20'000;
    const auto bill = bill_for(with({101, 1, 0, 0, 0, {}}), Estimate{0, 2}, &p);
    CHECK(bill.said_cost_pico_usd() == 101 * 2'000 + 20'000);
    CHECK(bill.guessed_cost_pico_usd == 20'000);
}

TEST_CASE("An estimate is wanted where the upstream had not said the last word") {
    Metered nothing, early, continuous, settled, ended, failed, failed_early;
    early.usage = continuous.usage = settled.usage = Usage{7, 3, 0, 0, 0, {}};
    failed.usage = failed_early.usage = continuous.usage;
    failed.usage->said = Usage::said_prompt | Usage::said_completion;
    failed_early.usage->said = Usage::said_prompt;
    failed.error = failed_early.error = true;
    early.content_since_usage = true;  // and then content
    settled.finish = ended.finish = true;
    struct Row {
        const Metered& metered;
        bool finished, cut, overtaken;
    };
    for (const Row& row : {Row{nothing, false, true, true}, Row{early, true, true, true},
                           Row{continuous, false, true, true}, Row{settled, false, false, false},
                           Row{ended, false, true, true}, Row{failed, false, false, false},
                           Row{failed_early, false, true, true}}) {
        CHECK_FALSE(needs_estimate(row.metered, Ending::none));
        CHECK(needs_estimate(row.metered, Ending::finished) == row.finished);
        CHECK(needs_estimate(row.metered, Ending::cut) == row.cut);
        CHECK(needs_estimate(row.metered, Ending::overtaken) == row.overtaken);
    }
}

TEST_CASE("What came is estimated by events, and by its text where they hold phrases") {
    using understudy::wire::AnswerShape;
    struct Row {
        AnswerShape shape;
        std::uint32_t events;
        std::uint64_t text_bytes;
        std::uint64_t expected;
    };
    for (const Row& row :
         {Row{AnswerShape::chat, 30, 0, 30}, Row{AnswerShape::chat, 30, 240, 30},
          Row{AnswerShape::chat, 30, 244, 61}, Row{AnswerShape::messages, 2, 400, 100},
          Row{AnswerShape::gemini, 1, 1000, 250}, Row{AnswerShape::images, 3, 0, 0},
          Row{AnswerShape::opaque, 99, 0, 0}, Row{AnswerShape::transcription, 3, 40, 10}}) {
        Metered metered;
        metered.content_events = row.events;
        metered.text_bytes = row.text_bytes;
        CHECK(estimated_completion(row.shape, metered) == row.expected);
    }
}

TEST_CASE("Reasoning beside the completion is added where that is the provider's habit") {
    const auto usage = understudy::wire::parse_usage(
        R"({"prompt_tokens":33,"completion_tokens":10,"total_tokens":43,"reasoning_tokens":500})");
    REQUIRE(usage);
    CHECK(bill_for(with(*usage), std::nullopt, nullptr).tokens == TokenCounts{33, 0, 0, 0, 10});
    CHECK(bill_for(with(*usage), std::nullopt, nullptr, {}, true).tokens ==
          TokenCounts{33, 0, 0, 10, 500});
}

TEST_CASE("An answer that says nothing about usage is neither reported nor guessed") {
    const auto p = price();
    Metered metered;
    metered.content_events = 30;
    const auto bill = bill_for(metered, std::nullopt, &p);
    CHECK_FALSE(bill.reported);
    CHECK_FALSE(bill.estimated);
    CHECK(sum(bill.tokens) == 0);
    CHECK_FALSE(bill.cost_pico_usd);
}

TEST_CASE("The service tier that the answer names decides the price") {
    auto p = price();
    p.priority.input = 2'000;
    p.priority.output = 20'000;
    auto metered = with({100, 20, 0, 0, 0, {}});
    metered.service_tier = "priority";
    CHECK(bill_for(metered, std::nullopt, &p).cost_pico_usd == 600'000);
    metered.service_tier = "whatever";
    CHECK(bill_for(metered, std::nullopt, &p).cost_pico_usd == 300'000);
}

TEST_CASE("A cost is whole nano-dollars, rounded once") {
    for (const auto& [said, booked] : {std::pair{1'499, 1'000}, std::pair{1'500, 2'000},
                                       std::pair{499, 0}, std::pair{500, 1'000}}) {
        const Usage usage{100, 20, 0, 0, 0, said};
        CHECK(bill_for(with(usage), std::nullopt, nullptr).cost_pico_usd == booked);
    }
    ModelPrice p;
    p.standard.input = 37'500;  // 0.0375 dollars per million
    CHECK(bill_for(with({1, 0, 0, 0, 0, {}}), std::nullopt, &p).cost_pico_usd == 38'000);
    CHECK(bill_for(with({2, 0, 0, 0, 0, {}}), std::nullopt, &p).cost_pico_usd == 75'000);
}

TEST_CASE("What is paid for by the piece needs no usage, and the answer to be whole") {
    ModelPrice p;
    p.per_image = 40'000'000;
    p.origin = understudy::metrics::PriceOrigin::file;
    auto bill = bill_for(Metered{}, std::nullopt, &p, {1, 2});
    CHECK(bill.reported);
    CHECK(bill.cost_pico_usd == 80'000'000);
    CHECK(bill.priced_by == PricedBy::file);
    CHECK_FALSE(bill.unpriced());
    bill = bill_for(Metered{}, std::nullopt, &p);
    CHECK_FALSE(bill.reported);
    CHECK_FALSE(bill.cost_pico_usd);
    // Pictures in a chat are not counted: what they cost is not known, which is not nothing.
    bill = bill_for(with({100, 20, 0, 0, 0, {}}), std::nullopt, &p, {1, 0});
    CHECK_FALSE(bill.cost_pico_usd);
    CHECK(bill.unpriced());
    CHECK_FALSE(bill_for(Metered{}, std::nullopt, &p, {1, 0}).reported);
    auto chat = price();
    chat.per_request = 5'000'000;
    bill = bill_for(with({100, 20, 0, 0, 0, {}}), std::nullopt, &chat, {1, 0});
    CHECK(bill.cost_pico_usd == 5'300'000);
    CHECK(bill.priced_by == PricedBy::configuration);
}

TEST_CASE("Tokens without a price are known as such") {
    const auto bill = bill_for(with({100, 20, 0, 0, 0, {}}), std::nullopt, nullptr);
    CHECK(bill.unpriced());
    CHECK_FALSE(bill_for(with({0, 0, 0, 0, 0, {}}), std::nullopt, nullptr).unpriced());
    CHECK_FALSE(bill_for(Metered{}, std::nullopt, nullptr).unpriced());
}
