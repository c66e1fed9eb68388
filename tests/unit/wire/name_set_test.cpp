#include "wire/name_set.hpp"

#include <catch2/catch.hpp>

#include <string>

using understudy::wire::NameSet;

TEST_CASE("A set of names has these and no others") {
    constexpr NameSet names{"role", "id", "x", "encrypted_content"};
    static_assert(names.contains("role") && names.contains("x"));
    for (const std::string name : {"role", "id", "x", "encrypted_content"}) {
        CAPTURE(name);
        CHECK(names.contains(name));
        CHECK_FALSE(names.contains(name + 'x'));
        CHECK_FALSE(names.contains('x' + name));
        CHECK_FALSE(names.contains(name.substr(1)));
    }
    // The same bit, by length and ends.
    CHECK_FALSE(names.contains("rule"));
    CHECK_FALSE(names.contains(""));
    CHECK_FALSE(names.contains("Role"));
    for (int c = 0; c < 256; ++c) {
        CHECK(names.contains(std::string(1, static_cast<char>(c))) == (c == 'x'));
    }
}
