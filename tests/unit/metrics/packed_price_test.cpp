// Prices as lines: what is packed comes out again, and a name is found in any text of them.
#include "metrics/packed_price.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace understudy::metrics;

namespace {

ModelPrice full() {
    ModelPrice price;
    price.provider = "acme";
    price.max_prompt = 1'000'000;
    price.max_output = 64'000;
    price.standard = {3'000'000, 15'000'000, 300'000, 3'750'000, 130};
    price.standard.cache_write_1h = 6'000'000;
    price.standard.audio_input = 1;
    price.standard.image_output = 40'000'000;
    price.priority.input = 6'000'000;
    price.batch.output = 7'500'000;
    price.per_request = 5'000'000'000;
    price.per_image = 40'000'000'000;
    ModelPrice::Tier tier;
    tier.above = 200'000;
    tier.standard.input = 6'000'000;
    tier.flex.input = 0;
    price.tiers.push_back(tier);
    return price;
}

std::string line_of(const char* key) {
    return pack_price(key, full());
}

}  // namespace

TEST_CASE("A price is a line, and the line the same price") {
    const auto line = pack_price("acme/large", full());
    CHECK(line ==
          "acme/large\tacme\t1000000\t64000\t"
          "i3o15r.3w3.75h6t.00013a.000001n40q5000g40000|p:i6|b:o7.5|>200000:i6|>200000f:i0");
    CHECK(key_of_line(line) == "acme/large");
    auto price = unpack_price(line);
    CHECK(price == full());
    CHECK(pack_price("acme/large", price) == line);
    CHECK(unpack_price(pack_price("free", ModelPrice())) == ModelPrice());
}

TEST_CASE("A name that would end a line is none") {
    CHECK(pack_price("two\nlines", full()).empty());
    CHECK(pack_price("two\tparts", full()).empty());
    CHECK(pack_price("", full()).empty());
    auto price = full();
    price.provider = "a\nb";
    CHECK(pack_price("model", price).empty());
}

TEST_CASE("What cannot be read in a line is left out, whatever it is") {
    struct Row {
        const char* rates;
        std::optional<std::int64_t> input, output;
    };
    for (const Row& row : std::initializer_list<Row>{{"i2o8", 2'000'000, 8'000'000},
                                                     {"i.5", 500'000, {}},
                                                     {"i2x7o8", 2'000'000, 8'000'000},
                                                     {"i2o", 2'000'000, {}},
                                                     {"i.o8", {}, {}},
                                                     {"i1.2345678", {}, {}},
                                                     {"i99999999999999999999", {}, {}},
                                                     {"", {}, {}}}) {
        INFO(row.rates);
        const auto price = unpack_price(std::string("m\tacme\t1\t2\t") + row.rates);
        CHECK(price.standard.input == row.input);
        CHECK(price.standard.output == row.output);
        CHECK(price.max_output == 2);
    }
    CHECK(unpack_price("m\tacme\t1\t2\ti1|>0:i5|z:i6|>9q:i7|:o5").tiers.empty());
    CHECK(unpack_price("m") == ModelPrice());
}

TEST_CASE("Every name is found in a text of any size, and no other") {
    std::mt19937 random(7);
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<std::string> lines;
        for (std::size_t i = 0; i < size; ++i) {
            lines.push_back(line_of(std::to_string(random() % 1000 * 2).c_str()));
        }
        const auto text = join_price_lines(lines);
        for (const auto& line : lines) CHECK(find_price_line(text, key_of_line(line)) == line);
        for (int i = 1; i < 2000; i += 2) {
            if (!find_price_line(text, std::to_string(i)).empty()) FAIL(i);
        }
        CHECK(find_price_line(text, "").empty());
    }
}

TEST_CASE("Of lines with one name the last stays") {
    auto cheaper = full();
    cheaper.standard.input = 1'000'000;
    const auto text =
        join_price_lines({line_of("b"), line_of("a"), pack_price("b", cheaper), std::string()});
    CHECK(text == line_of("a") + "\n" + pack_price("b", cheaper) + "\n");
}
