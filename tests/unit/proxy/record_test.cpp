#include "proxy/record.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace understudy::proxy;
using namespace std::string_literals;
using understudy::metrics::ModelPrice;
using understudy::metrics::TokenCounts;
using understudy::upstreams::Metered;
using understudy::wire::Usage;

namespace {

/// 1 and 10 pico-dollars per token: costs one can add up by eye.
ModelPrice price() {
    ModelPrice p;
    p.standard.input = 1;
    p.standard.output = 10;
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

TEST_CASE("An attempt is named by upstream and model, and by nothing that could break a header") {
    CHECK(attempt_name("openai", "gpt-4o") == "openai/gpt-4o");
    CHECK(attempt_name("openai", "") == "openai");
    CHECK(attempt_name("", "gpt-4o") == "/gpt-4o");
    CHECK(attempt_name("backup", "openai/gpt-4o:free@x") == "backup/openai/gpt-4o:free@x");
    for (const auto& [model, expected] : {std::pair{"a\r\nset-cookie: x"s, "u/a__set-cookie:_x"s},
                                          {"a;ok;200;1ms, b"s, "u/a_ok_200_1ms__b"s},
                                          {"a\0b"s, "u/a_b"s},
                                          {"\"\\"s, "u/__"s},
                                          {"\x7f\x1b"s, "u/__"s},
                                          {"\xC3\xA9"s, "u/__"s},
                                          {"\xFF"s, "u/_"s},
                                          {" "s, "u/_"s}}) {
        CHECK(attempt_name("u", model) == expected);
    }
    CHECK(attempt_name("u", std::string(128, 'm')) == "u/" + std::string(128, 'm'));
    CHECK(attempt_name("u", std::string(100'000, 'm')) == "u/" + std::string(128, 'm'));
}

TEST_CASE("Reported usage becomes counts that overlap nowhere") {
    struct Row {
        const char* title;
        Usage usage;
        TokenCounts expected;  // input, cache_read, cache_write, output, reasoning
        std::int64_t cost;
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
        const auto bill = bill_for(with(row.usage), false, 4000, &p);
        CHECK(bill.reported);
        CHECK_FALSE(bill.estimated);
        CHECK(bill.tokens == row.expected);
        CHECK(sum(bill.tokens) == row.usage.prompt + row.usage.completion);
        CHECK(bill.cost_pico_usd == row.cost);
    }
}

TEST_CASE("Usage that contradicts itself never wraps around") {
    const auto most = std::numeric_limits<std::uint64_t>::max();
    const auto p = price();
    for (const Usage& usage :
         {Usage{10, 5, 50, 0, 0, {}}, Usage{10, 5, 8, 8, 0, {}}, Usage{10, 5, 0, 50, 0, {}},
          Usage{10, 5, 0, 0, 50, {}}, Usage{0, 0, 1, 1, 1, {}}, Usage{0, 0, most, 0, 0, {}}}) {
        const auto bill = bill_for(with(usage), false, 0, &p);
        CHECK(bill.tokens.input <= usage.prompt);
        CHECK(bill.tokens.output <= usage.completion);
        CHECK(bill.tokens.cache_read == usage.cache_read);
        CHECK(bill.tokens.reasoning == usage.reasoning);
    }
    const auto bill = bill_for(with({10, 5, 50, 0, 50, {}}), false, 0, &p);
    CHECK(bill.tokens == TokenCounts{0, 50, 0, 0, 50});
}

TEST_CASE("The upstream's own figure for the cost wins over any price") {
    const auto p = price();
    Usage usage{100, 20, 0, 0, 0, 777};
    CHECK(bill_for(with(usage), false, 0, &p).cost_pico_usd == 777);
    CHECK(bill_for(with(usage), false, 0, nullptr).cost_pico_usd == 777);
    usage.reported_cost_pico_usd = 0;  // free of charge, and said so
    CHECK(bill_for(with(usage), false, 0, &p).cost_pico_usd == 0);
}

TEST_CASE("Reported usage without a known price has no cost, which is not a cost of nothing") {
    const auto bill = bill_for(with({100, 20, 0, 0, 0, {}}), false, 0, nullptr);
    CHECK(bill.reported);
    CHECK_FALSE(bill.cost_pico_usd);
    const ModelPrice empty;
    CHECK_FALSE(bill_for(with({100, 20, 0, 0, 0, {}}), false, 0, &empty).cost_pico_usd);
}

TEST_CASE("A stream that was cut is estimated, and never passed off as reported") {
    const auto p = price();
    Metered metered;
    metered.content_events = 30;
    auto bill = bill_for(metered, true, 400, &p);
    CHECK(bill.estimated);
    CHECK_FALSE(bill.reported);
    CHECK(bill.tokens == TokenCounts{100, 0, 0, 30, 0});
    CHECK(bill.cost_pico_usd == 400);

    // A prompt of that size holds images; its bytes say nothing about tokens.
    bill = bill_for(metered, true, (1 << 20) + 1, &p);
    CHECK(bill.tokens == TokenCounts{0, 0, 0, 30, 0});
    bill = bill_for(metered, true, 1 << 20, &p);
    CHECK(bill.tokens.input == (1U << 20) / 4);
    CHECK_FALSE(bill_for(metered, true, 400, nullptr).cost_pico_usd);

    metered.usage = Usage{7, 3, 0, 0, 0, {}};
    bill = bill_for(metered, true, 400, &p);
    CHECK(bill.reported);
    CHECK_FALSE(bill.estimated);
    CHECK(bill.tokens == TokenCounts{7, 0, 0, 3, 0});
}

TEST_CASE("An answer that says nothing about usage is neither reported nor guessed") {
    const auto p = price();
    Metered metered;
    metered.content_events = 30;
    const auto bill = bill_for(metered, false, 400, &p);
    CHECK_FALSE(bill.reported);
    CHECK_FALSE(bill.estimated);
    CHECK(sum(bill.tokens) == 0);
    CHECK_FALSE(bill.cost_pico_usd);
}

TEST_CASE("The service tier that the answer names decides the price") {
    auto p = price();
    p.priority.input = 2;
    p.priority.output = 20;
    auto metered = with({100, 20, 0, 0, 0, {}});
    metered.service_tier = "priority";
    CHECK(bill_for(metered, false, 0, &p).cost_pico_usd == 600);
    metered.service_tier = "whatever";
    CHECK(bill_for(metered, false, 0, &p).cost_pico_usd == 300);
}
