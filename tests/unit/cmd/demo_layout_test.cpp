// The demo's table never is wider than the screen it is told of.
#include "cmd/demo/layout.hpp"

#include <catch2/catch.hpp>

using namespace understudy::demo;

TEST_CASE("The screen is as wide as COLUMNS says, else the terminal, else sixty") {
    CHECK(screen_columns("100", 60) == 100);
    CHECK(screen_columns(nullptr, 72) == 72);
    CHECK(screen_columns(nullptr, 0) == kNarrow);
    for (const char* nonsense : {"", "0", "-5", "wide", "80x", " 80"}) {
        CHECK(screen_columns(nonsense, 72) == 72);
    }
}

TEST_CASE("The table's cells together fit the screen") {
    for (const std::size_t columns : {60U, 79U, 80U, 200U}) {
        const auto l = layout_for(columns);
        const auto width = 2 + l.kind + l.model + l.primary + l.answer + l.time + l.tokens + l.cost;
        CHECK(width <= columns);
        CHECK(l.wide == (columns >= kWide));
    }
}

TEST_CASE("A cell keeps a blank in front of the next one") {
    CHECK(cell("ab", 4) == "ab  ");
    CHECK(cell("abcdef", 4) == "abc ");
    CHECK(cell("", 0).empty());
}
