#include "proxy/prompt_excess.hpp"

#include <catch2/catch.hpp>

using understudy::proxy::PromptExcess;

TEST_CASE("What prompts went beyond their bound by is remembered, and fades") {
    PromptExcess excess;
    constexpr std::int64_t second = 1'000'000;
    CHECK(excess.percent("a", "m", second) == 100);
    excess.note("a", "m", second, 2000, 2000);
    excess.note("a", "m", second, 2000, 0);
    excess.note("a", "m", second, 0, 5000);
    CHECK(excess.percent("a", "m", second) == 100);
    excess.note("a", "m", second, 2000, 6000);
    CHECK(excess.percent("a", "m", second) == 301);  // never less than it was
    excess.note("a", "m", second + 1, 2000, 3000);   // less than is known
    CHECK(excess.percent("a", "m", second + 1) == 301);
    CHECK(excess.percent("a", "m", second + 599) == 301);
    CHECK(excess.percent("a", "m", second + 600) == 200);
    CHECK(excess.percent("a", "m", second + 1200) == 150);
    CHECK(excess.percent("a", "m", second + 6000) == 100);
    CHECK(excess.percent("a", "m", second + 1'000'000) == 100);
    excess.note("a", "m", second + 1200, 2000, 3200);  // more than is left of it
    CHECK(excess.percent("a", "m", second + 1200) == 161);
}

TEST_CASE("What was learned of one model at one upstream is not another's") {
    PromptExcess excess;
    excess.note("a", "m", 5, 10, 40);
    CHECK(excess.percent("a", "m", 5) == 401);
    CHECK(excess.percent("b", "m", 5) == 100);
    CHECK(excess.percent("a", "n", 5) == 100);
    CHECK(excess.percent("m", "a", 5) == 100);
    excess.note("a", "m", 5, 1, UINT64_MAX);
    CHECK(excess.percent("a", "m", 5) == PromptExcess::kMost);
}
