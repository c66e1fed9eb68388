#include "upstreams/key_mask.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using understudy::upstreams::KeyMask;

namespace {

const std::string kKey = "sk-proj-A1b2C3d4E5f6";
const std::string kStars(kKey.size(), '*');

std::string masked(const KeyMask& mask, std::string text, bool expected = true) {
    CHECK(mask.apply(text) == expected);
    return text;
}

}  // namespace

TEST_CASE("A key is masked wherever it stands, as often as it does, and nothing else changes") {
    KeyMask mask;
    mask.add(kKey);
    CHECK(masked(mask, kKey) == kStars);
    for (std::size_t before = 0; before < 70; ++before) {
        for (std::size_t behind = 0; behind < 70; behind += 23) {
            const std::string left(before, 'C');
            const std::string right(behind, 'A');
            CHECK(masked(mask, left + kKey + right) == left + kStars + right);
        }
    }
    CHECK(masked(mask, kKey + kKey + "x" + kKey) == kStars + kStars + "x" + kStars);
    for (std::size_t length = 0; length < kKey.size(); ++length) {
        const auto part = kKey.substr(0, length);
        CHECK(masked(mask, part, false) == part);
        CHECK(masked(mask, part + kKey) == part + kStars);
    }
    const auto other = "sk-proj-A1b2C3d4E5f7 " + kKey.substr(1);
    CHECK(masked(mask, other, false) == other);
}

TEST_CASE("Several secrets are all masked") {
    KeyMask mask;
    mask.add(kKey);
    mask.add("0123456789abcdef");
    CHECK(mask.longest() == kKey.size());
    CHECK(masked(mask, "0123456789abcdef " + kKey) == std::string(16, '*') + ' ' + kStars);
}

TEST_CASE("Short words and the words of servers without keys are no secrets") {
    KeyMask mask;
    for (const char* word : {"", "none", "EMPTY", "ollama", "sk-1234", "lm-studio", "not-needed",
                             "sk-no-key-required"}) {
        mask.add(word);
    }
    CHECK(mask.empty());
    CHECK(mask.longest() == 0);
}
