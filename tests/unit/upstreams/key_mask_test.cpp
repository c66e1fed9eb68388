#include "upstreams/key_mask.hpp"

#include "upstreams/echoed_letter.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <functional>
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
    CHECK(mask.longest() >= kKey.size());
    CHECK(masked(mask, "0123456789abcdef " + kKey) == std::string(16, '*') + ' ' + kStars);
}

TEST_CASE("A key is found as JSON, URLs and HTML have it, and no escape is left in halves") {
    const std::string key = "/Ab+cd/EF-Zx81\"QpK&3vW==";
    KeyMask mask;
    mask.add(key);
    using Letter = std::function<std::string(char)>;
    const auto written = [&](const Letter& escaped) {
        std::string text;
        for (const char c : key)
            text += understudy::upstreams::is_plain_letter(c) ? std::string(1, c) : escaped(c);
        return text;
    };
    const auto formatted = [](const char* format, char c) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), format, c);
        return std::string(text.data());
    };
    const auto number = [&](const char* format) {
        return Letter([=](char c) { return formatted(format, c); });
    };
    const auto named = [](const std::string& amp) {
        return Letter([=](char c) {
            return c == '&' ? amp + "amp;" : c == '"' ? amp + "quot;" : std::string(1, c);
        });
    };
    const auto slashed = [](const std::string& backslash) {
        return Letter(
            [=](char c) { return c == '/' || c == '"' ? backslash + c : std::string(1, c); });
    };
    const std::vector<Letter> writers{
        [](char c) { return std::string(1, c); },
        slashed("\\"),
        slashed("\\\\\\"),
        number("\\u%04x"),
        number("\\u%04X"),
        number("\\\\u%04X"),
        number("%%%02X"),
        number("%%%02x"),
        number("%%25%02X"),
        number("&#%d;"),
        number("&#%03d;"),
        number("&#x%x;"),
        number("&#X%04X;"),
        number("&amp;#x%04X;"),
        named("&"),
        named("&amp;"),
    };
    for (const auto& writer : writers) {
        const auto text = written(writer);
        INFO(text);
        CHECK(text.size() <= mask.longest());
        const std::string stars(text.size(), '*');
        for (const std::string before : {"", "x", "key: ", "\"", "%", "&", "\\n", "==/"}) {
            CHECK(masked(mask, before + text + "\".") == before + stars + "\".");
        }
        CHECK(masked(mask, text + text) == stars + stars);
        // As far as it has come: a server that stops there has told no key.
        for (std::size_t size = 0; size < text.size(); ++size) {
            const auto part = text.substr(0, size);
            CHECK(masked(mask, part, false) == part);
        }
    }
    // Another letter, whatever it is written as, makes it another key.
    for (const char* other : {"/Ab-cd/EF-Zx81\"QpK&3vW==", "/Ab\\u002Dcd/EF-Zx81\"QpK&3vW==",
                              "/Ab%2Ccd/EF-Zx81\"QpK&3vW==", "/Ab&#44;cd/EF-Zx81\"QpK&3vW==",
                              "Ab+cd/EF-Zx81\"QpK&3vW==", "/Ab+cd/EF-Zx81\"QpK&3vW="}) {
        CHECK(masked(mask, other, false) == other);
    }
}

TEST_CASE("Keys of nothing but signs, or of single letters between them, are found as they are") {
    for (const char* key : {"!!--//++==", "a-b-c-d-e", "A/b+9=?x&"}) {
        KeyMask mask;
        mask.add(key);
        const std::string stars(std::string(key).size(), '*');
        CHECK(masked(mask, std::string("x") + key + "y") == "x" + stars + "y");
    }
}

TEST_CASE("Of a field's credentials the secret is masked, and of Basic's the password as well") {
    KeyMask bearer, basic;
    bearer.add_credentials("Bearer " + kKey);
    CHECK(masked(bearer, "Bearer " + kKey) == "Bearer " + kStars);
    basic.add_credentials("Basic bWU6b3BlbiBTZXNhbWUh");  // me:open Sesame!
    CHECK(masked(basic, "Basic bWU6b3BlbiBTZXNhbWUh") == "Basic " + std::string(20, '*'));
    CHECK(masked(basic, "no user me:open%20Sesame!") == "no user me:" + std::string(14, '*'));
    KeyMask none;
    none.add_credentials("Basic not base64 ");
    CHECK(none.empty());
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
