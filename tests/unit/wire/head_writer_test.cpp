#include "wire/append.hpp"

#include <catch2/catch.hpp>

#include <string>

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
