#include "wire/percent.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;

namespace {

std::string in_path(std::string_view name, bool keep_slashes = false) {
    std::string out = "|";
    append_name_in_path(out, name, keep_slashes);
    return out.substr(1);
}

}  // namespace

TEST_CASE("What is percent-encoded is decoded, and what only looks so stays") {
    CHECK(percent_decoded("a%2Fb%2fc") == "a/b/c");
    CHECK(percent_decoded("100%") == "100%");
    CHECK(percent_decoded("%4") == "%4");
    CHECK(percent_decoded("%zz%41") == "%zzA");
    CHECK(percent_decoded("%00x") == std::string("\0x", 2));
    CHECK(percent_decoded("a+b").find('+') == 1);
}

TEST_CASE("A name stays where it is put in a path") {
    CHECK(in_path("gpt-4o_x.1~") == "gpt-4o_x.1~");
    CHECK(in_path("a/b") == "a%2Fb");
    CHECK(in_path("a/b", true) == "a/b");
    CHECK(in_path("a//b/", true) == "a//b/");
    CHECK(in_path("../a/./b/..", true) == "_../a/_./b/_..");
    CHECK(in_path("a:b?c", true) == "a%3Ab%3Fc");
    CHECK(in_path("", true).empty());
}
