#include "config/scalars.hpp"

#include "config/text.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace understudy::config;

TEST_CASE("Durations need a unit and whole milliseconds") {
    struct Row {
        const char* text;
        std::int64_t ms;
    };
    for (const Row row : {Row{"250ms", 250},
                          {"5s", 5'000},
                          {"2m", 120'000},
                          {"1h", 3'600'000},
                          {"1.5s", 1'500},
                          {"0s", 0},
                          {"0.25h", 900'000},
                          {"007s", 7'000}}) {
        CAPTURE(row.text);
        REQUIRE(parse_duration(row.text).value == Duration{row.ms});
    }
    REQUIRE(parse_duration("5").error ==
            "\"5\" has no unit; write 5s for seconds (or 5ms, 5m, 5h)");
    REQUIRE(parse_duration("5 s").error ==
            "\"5 s\" is not a duration; write it as 250ms, 5s, 2m or 1h");
    REQUIRE(parse_duration("0.5ms").error == "\"0.5ms\" is not a whole number of milliseconds");
    for (const char* text : {"", "s", "-5s", "5S", "5sec", "1m30s", ".5s", "1.s", "1e3s", "5d",
                             "9999999999999s", "1.0000001s", "0x5s", "5s "}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_duration(text));
    }
}

TEST_CASE("Durations are written back in their shortest form") {
    for (const char* text : {"250ms", "5s", "90s", "2m", "1h", "0s", "1500ms"}) {
        CAPTURE(text);
        REQUIRE(format_duration(*parse_duration(text).value) == text);
    }
}

TEST_CASE("Sizes are powers of 1024 or plain bytes") {
    REQUIRE(parse_size("64KiB").value == 65'536U);
    REQUIRE(parse_size("8MiB").value == 8'388'608U);
    REQUIRE(parse_size("1.5GiB").value == 1'610'612'736U);
    REQUIRE(parse_size("4096").value == 4'096U);
    REQUIRE(parse_size("512B").value == 512U);
    REQUIRE(parse_size("64KB").error ==
            "\"64KB\" is not a size; write it as 64KiB, 8MiB, 1GiB or as a number of bytes");
    for (const char* text : {"", "KiB", "-1", "1 KiB", "1kib", "1.3", "0.3B", "999999999999GiB"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_size(text));
    }
    REQUIRE(format_size(65'536) == "64KiB");
    REQUIRE(format_size(1'000) == "1000B");
}

TEST_CASE("Numbers, percentages and booleans take one form each") {
    REQUIRE(parse_integer("0600").value == 600U);
    REQUIRE_FALSE(parse_integer("+1"));
    REQUIRE_FALSE(parse_integer("1.0"));
    REQUIRE_FALSE(parse_integer("1000000000000000000000"));
    REQUIRE(parse_number("2.50").value == 2.5);
    REQUIRE(parse_number("0").value == 0.0);
    for (const char* text : {"", "-1", "1e3", ".5", "5.", "nan", "inf", "0x1", "1,5"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_number(text));
    }
    REQUIRE(parse_percent("5%").value == 5.0);
    REQUIRE(parse_percent("0.5%").value == 0.5);
    REQUIRE_FALSE(parse_percent("5"));
    REQUIRE_FALSE(parse_percent("%"));
    REQUIRE(parse_boolean("true").value == true);
    REQUIRE_FALSE(parse_boolean("yes"));
}

TEST_CASE("A misspelled word suggests the nearest known one, a different word none") {
    constexpr std::array<std::string_view, 4> kWords{"base_url", "api_key", "timeouts", "model"};
    REQUIRE(nearest("base-url", kWords) == std::string_view("base_url"));
    REQUIRE(nearest("apikey", kWords) == std::string_view("api_key"));
    REQUIRE(nearest("timeuots", kWords) == std::string_view("timeouts"));
    REQUIRE(nearest("Model", kWords) == std::string_view("model"));
    REQUIRE_FALSE(nearest("weight", kWords));
    REQUIRE_FALSE(nearest("", kWords));
    REQUIRE_FALSE(nearest(std::string(1000, 'm'), kWords));
}

TEST_CASE("Quoting for messages escapes controls and cuts long text between characters") {
    REQUIRE(in_quotes("a\nb\x1b") == "\"a\\x0ab\\x1b\"");
    const std::string cut = in_quotes(std::string(59, 'x').append("\xc3\xa9").append("tail"));
    REQUIRE(cut == "\"" + std::string(59, 'x') + "...\"");
}

TEST_CASE("UTF-8 is told from what only looks like it") {
    REQUIRE(is_utf8("plain"));
    REQUIRE(is_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    for (const char* text : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                             "\xf4\x90\x80\x80", "\xc3", "\xff"}) {
        REQUIRE_FALSE(is_utf8(text));
    }
}
