#include "wire/append.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

using understudy::wire::append_number;
using understudy::wire::HeadWriter;

TEST_CASE("A head written in pieces is what the pieces are, whatever their sizes") {
    for (const std::size_t size : {0U, 1U, 7U, 100U, 511U, 512U, 513U, 2000U}) {
        CAPTURE(size);
        const std::string piece(size, 'x');
        std::string out = "front ", expected = out;
        {
            HeadWriter head(out);
            for (int i = 0; i < 12; ++i) {
                head.add({}).add(piece).add_number(18'446'744'073'709'551'615U);
                head.add_field("name", piece).add_field("n", 7);
                expected += piece + "18446744073709551615name: " + piece + "\r\nn: 7\r\n";
                if (i != 5) continue;
                head.flush();
                out += "between";
                expected += "between";
            }
        }
        CHECK(out == expected);
    }
}

TEST_CASE("Numbers are written as they are said, of any size") {
    const auto check = [](std::uint64_t number) {
        CAPTURE(number);
        std::string out = "n ";
        append_number(out, number);
        CHECK(out == "n " + std::to_string(number));
    };
    std::uint64_t power = 1;
    for (int digits = 1; digits <= 20; ++digits, power *= 10) {
        for (const std::uint64_t number : {power - 1, power, power + 1, power * 9, power / 7}) {
            check(number);
        }
    }
    for (std::uint64_t number = 0; number < 12'000; ++number) check(number);
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) check(random() >> random() % 64);
    check(std::numeric_limits<std::uint64_t>::max());
}
