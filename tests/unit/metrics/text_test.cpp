// The syntax of the exposition formats.
#include "metrics/text.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace understudy::metrics;

TEST_CASE("label values are escaped as both formats demand") {
    CHECK(label_block({{"a", "plain"}, {"b", ""}}) == R"(a="plain",b="")");
    CHECK(label_block({{"a", "q\"b\\s\nn"}}) == R"(a="q\"b\\s\nn")");
    CHECK(label_block({{"a", "\\n"}}) == R"(a="\\n")");
    CHECK(label_block({{"a", "{},=# \t\r\xC3\xA9"}}) == "a=\"{},=# \t\r\xC3\xA9\"");
    CHECK(label_block({}).empty());
}

TEST_CASE("what is not UTF-8 is replaced, byte by byte, and the rest stays") {
    struct Row {
        std::string in, out;
    };
    const std::string bad = "\xEF\xBF\xBD";
    const auto row = GENERATE_COPY(values<Row>({
        {"", ""},
        {"gpt-4o", "gpt-4o"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\xFFz", "a" + bad + "z"},
        {"\x80", bad},                                // a tail without a lead
        {"\xC3", bad},                                // a lead without a tail
        {"\xC0\x80", bad + bad},                      // overlong
        {"\xE0\x80\x80", bad + bad + bad},            // overlong
        {"\xED\xA0\x80", bad + bad + bad},            // surrogate
        {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // above U+10FFFF
        {"\xF0\x9F\x98", bad + bad + bad},            // cut
        {std::string("\0x", 2), std::string("\0x", 2)},
    }));
    CHECK(clean_utf8(row.in) == row.out);
}

TEST_CASE("integers become exact decimals") {
    const auto decimal = [](Wide value, unsigned scale) {
        std::string out;
        append_decimal(out, value, scale);
        return out;
    };
    CHECK(decimal(0, 0) == "0");
    CHECK(decimal(0, 9) == "0");
    CHECK(decimal(1, 9) == "0.000000001");
    CHECK(decimal(1'000'000'000, 9) == "1");
    CHECK(decimal(1'230'000'000, 9) == "1.23");
    CHECK(decimal(100, 0) == "100");
    CHECK(decimal(1'234'567, 3) == "1234.567");
    const Wide most = std::numeric_limits<std::uint64_t>::max();
    CHECK(decimal(most * 1000, 9) == "18446744073709.551615");
}

TEST_CASE("bounds are written in the canonical form of OpenMetrics") {
    struct Row {
        std::uint64_t value;
        unsigned scale;
        const char* text;
    };
    const auto row = GENERATE(
        Row{1'000'000'000, 9, "1.0"}, Row{10'000'000, 9, "0.01"}, Row{2'500'000'000, 9, "2.5"},
        Row{100'000, 9, "0.0001"}, Row{75'000, 9, "7.5e-05"}, Row{10'000, 9, "1e-05"},
        Row{655'360'000'000, 9, "655.36"}, Row{1, 0, "1.0"}, Row{262'144, 0, "262144.0"},
        Row{1'000'000, 0, "1e+06"}, Row{1'048'576, 0, "1.048576e+06"},
        Row{67'108'864, 0, "6.7108864e+07"}, Row{0, 0, "0.0"}, Row{10'000'000'000, 0, "1e+10"});
    CHECK(bound_text(row.value, row.scale) == row.text);
}

TEST_CASE("a family without samples leaves no trace, and its head comes once") {
    static constexpr Family kFamily{"x_usd_total", FamilyType::counter, "usd", "Help."};
    std::string out;
    FamilyWriter writer(out, kFamily, Format::openmetrics);
    CHECK(out.empty());
    writer.sample("", 1);
    writer.sample("a=\"b\"", 25, 1);
    CHECK(out ==
          "# HELP x_usd Help.\n# TYPE x_usd counter\n# UNIT x_usd usd\n"
          "x_usd_total 1\nx_usd_total{a=\"b\"} 2.5\n");
}

TEST_CASE("the two formats name counters and infos differently") {
    static constexpr Family kInfo{"x_build_info", FamilyType::info, "", "Help."};
    static constexpr Family kCount{"x_total", FamilyType::counter, "", "Help."};
    const auto page = [](const Family& family, Format format) {
        std::string out;
        FamilyWriter(out, family, format).sample("", 1);
        return out;
    };
    CHECK(page(kInfo, Format::prometheus) ==
          "# HELP x_build_info Help.\n# TYPE x_build_info gauge\nx_build_info 1\n");
    CHECK(page(kInfo, Format::openmetrics) ==
          "# HELP x_build Help.\n# TYPE x_build info\nx_build_info 1\n");
    CHECK(page(kCount, Format::prometheus) ==
          "# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n");
    CHECK(page(kCount, Format::openmetrics) == "# HELP x Help.\n# TYPE x counter\nx_total 1\n");
}
