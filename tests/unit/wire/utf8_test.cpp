#include "wire/utf8.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

TEST_CASE("Text is UTF-8 or made so: a sign for every byte that is none") {
    struct Row {
        std::string text, repaired;
    };
    const Row rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\xFF"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xC3", "\xEF\xBF\xBD"},                                  // cut
        {"\xE2\x82z", "\xEF\xBF\xBD\xEF\xBF\xBDz"},                // cut in the middle
        {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // half of a pair
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (const auto& row : rows) {
        // Wherever it stands: behind runs that are looked at by words, and in front of some.
        for (std::size_t before = 0; before < 140; ++before) {
            const std::string front(before, 'x');
            const std::string back(70, 'y');
            CAPTURE(row.text, before);
            REQUIRE(is_utf8(front + row.text + back) == (row.text == row.repaired));
            REQUIRE(repaired_utf8(front + row.text + back) == front + row.repaired + back);
        }
        CHECK(repaired_utf8(row.text) == row.repaired);
        CHECK(is_utf8(row.repaired));
    }
}
