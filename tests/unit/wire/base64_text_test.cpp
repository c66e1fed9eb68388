#include "wire/base64_text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

using understudy::wire::base64_at_front;
using understudy::wire::is_base64;
using understudy::wire::detail::base64_at_front_anywhere;
using understudy::wire::detail::is_base64_anywhere;

namespace {

constexpr std::size_t kLooked = 512;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\";

std::string usual(std::size_t size) {
    std::string text;
    while (text.size() < size) text += kAlphabet[text.size() * 7 % kAlphabet.size()];
    return text;
}

bool both(std::string_view text) {
    const bool found = is_base64(text);
    CHECK(is_base64_anywhere(text) == found);
    return found;
}

}  // namespace

TEST_CASE("Base64 is known by its first 512 characters") {
    CHECK(both(usual(kLooked)));
    CHECK_FALSE(both(usual(kLooked - 1)));
    CHECK_FALSE(both(""));
    CHECK(both(usual(kLooked) + " and text"));
    for (std::size_t at = 0; at < kLooked; ++at) {
        auto text = usual(kLooked + 8);
        text[at] = ' ';
        CAPTURE(at);
        CHECK_FALSE(both(text));
    }
}

TEST_CASE("Characters of base64 are those of both alphabets and of their escapes") {
    for (int c = 0; c < 256; ++c) {
        auto text = usual(kLooked);
        text[200] = static_cast<char>(c);
        CAPTURE(c);
        const bool one = c != 0 && kAlphabet.find(static_cast<char>(c)) != std::string_view::npos;
        CHECK(both(text) == one);
    }
}

TEST_CASE("Base64 has small letters, capitals and digits") {
    for (const char small : {'a', 'o', 'p', 'z'}) {
        for (const char capital : {'A', 'O', 'P', 'Z'}) {
            for (const char digit : {'0', '9'}) {
                std::string text(kLooked, small);
                text[17] = capital;
                CHECK_FALSE(both(text));
                text[500] = digit;
                CHECK(both(text));
                text[17] = '_';
                CHECK_FALSE(both(text));
                text[17] = capital;
                text[500] = '=';
                CHECK_FALSE(both(text));
                CHECK_FALSE(both(std::string(kLooked - 1, capital) + digit));
                CHECK_FALSE(both(std::string(kLooked, digit)));
            }
        }
    }
}

TEST_CASE("Both ways to look for base64 say the same of any text") {
    std::mt19937 random(7);
    for (int i = 0; i < 3000; ++i) {
        const auto letters = 1 + random() % kAlphabet.size();
        const auto from = random() % (kAlphabet.size() - letters + 1);
        std::string text;
        for (std::size_t n = 0; n < kLooked; ++n) text += kAlphabet[from + random() % letters];
        if (random() % 4 == 0) text[random() % kLooked] = static_cast<char>(random());
        both(text);
    }
}

TEST_CASE("Both ways to find the end of base64 find it in the same place") {
    std::mt19937 random(11);
    for (int i = 0; i < 3000; ++i) {
        const auto all = usual(kLooked + random() % 4000);
        CHECK(base64_at_front(all) == all.size());
        auto text = all;
        // One character, or all from somewhere on.
        const auto at = kLooked + random() % (text.size() - kLooked + 1);
        const auto n = random() % 2 == 0 ? 1 : text.size() - at;
        for (auto j = at; j < std::min(at + n, text.size()); ++j) text[j] = ' ';
        CAPTURE(text.size(), at, n);
        CHECK(base64_at_front(text) == base64_at_front_anywhere(text));
        if (n > 1) CHECK(base64_at_front(text) == at);
    }
}
