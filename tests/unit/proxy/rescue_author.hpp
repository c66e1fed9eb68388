// Texts of any kind for the tests of the rescue, and what a second model makes of them.
#pragma once

#include "proxy/rescue/anchor.hpp"
#include "tests/unit/proxy/rescue_support.hpp"

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue::test {

/// What stands around a quotation.
struct Marks {
    std::string open, close;
};

class Author {
  public:
    explicit Author(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    bool one_in(std::size_t n) { return below(n) == 0; }

    /// Text of anything: words, code, lists, tables, scripts, emoji, runs of white space.
    std::string text() {
        std::string out;
        const std::size_t pieces = 1 + below(60);
        for (std::size_t i = 0; i < pieces; ++i) out += piece();
        return out;
    }

    /// Words of which none comes twice, with the punctuation of prose.
    std::string prose() {
        std::string out;
        const std::size_t count = 5 + below(120);
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0)
                out += one_in(12) ? pick({".\n\n", ". ", ",\n", "\n- "})
                                  : pick({" ", " ", ", ", "; "});
            std::string next = word(i);
            // A sentence begins with a capital; "example.com" is one word.
            if (out.ends_with(". ") || out.ends_with(".\n\n"))
                next[0] = static_cast<char>(next[0] & ~0x20);
            out += next;
        }
        return out + ".";
    }

    /// The text in JSON strings of some bytes each; sometimes a pair is cut in half.
    std::vector<std::string> strings(std::string_view text) {
        std::vector<std::string> out;
        while (!text.empty()) {
            std::size_t size = std::min(1 + below(one_in(4) ? 60 : 6), text.size());
            while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
                ++size;
            append_strings(out, text.substr(0, size));
            text.remove_prefix(size);
        }
        return out;
    }

    template <class T>
    const T& any(const std::vector<T>& list) {
        return list[below(list.size())];
    }
    Marks marks() {
        const std::vector<Marks> all{{"\"", "\""},
                                     {"'", "'"},
                                     {"`", "`"},
                                     {"\xE2\x80\x9C", "\xE2\x80\x9D"},
                                     {"\xE2\x80\x98", "\xE2\x80\x99"},
                                     {"\xC2\xAB", "\xC2\xBB"},
                                     {"\xE2\x80\x9E", "\xE2\x80\x9C"}};
        return any(all);
    }
    std::string pick(std::initializer_list<const char*> list) {
        return *(list.begin() + static_cast<std::ptrdiff_t>(below(list.size())));
    }

  private:
    std::string word(std::size_t number) {
        static constexpr const char* kSyllables[] = {"ba", "co", "di", "fu", "ge", "ho",
                                                     "ki", "lu", "ma", "ne", "po", "ra",
                                                     "si", "tu", "ve", "wo"};
        std::string out;
        const std::size_t name = number + 16 * (1 + below(15)) + 256;
        for (std::size_t n = name; n > 0; n /= 16) out += kSyllables[n % 16];
        if (one_in(9)) out[0] = static_cast<char>(out[0] - 32);
        return name % 15 == 0 ? out + "\xC3\xA9" : out;
    }
    std::string piece() {
        switch (below(7)) {
            case 0:
                return pick({" ", "  ", "\n", "\n\n", "\t", " \n ", "\r\n"});
            case 1:
                return pick({"\xF0\x9F\x98\x80", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
                             "\xE6\xBC\xA2\xE5\xAD\x97", "\xD0\x9F\xD1\x80", "\xC3\xA9",
                             "\xE2\x80\xA6"});
            case 2:
                return pick({"```python\n", "```\n", "    return x\n", "**", "- ", "| a | b |\n",
                             "`x`", "{\"a\":\"b\\n\"}", "\\", "\"", "</p>", "..."});
            default:
                return word(below(4000)) + pick({" ", " ", ", ", ".", ""});
        }
    }
    /// As raw bytes or as escapes, which may part the halves of a pair.
    void append_strings(std::vector<std::string>& out, std::string_view text) {
        const std::string raw = Json(std::string(text)).dump();
        const std::string escaped = Json(std::string(text)).dump(-1, ' ', true);
        const auto pair = escaped.find("\\ud83d\\u");
        if (one_in(3) && pair != std::string::npos) {
            out.push_back(escaped.substr(0, pair + 6) + '"');
            out.push_back('"' + escaped.substr(pair + 6));
        } else {
            out.push_back(one_in(3) ? escaped : raw);
        }
    }

    std::mt19937 random_;
};

inline std::string flat(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!space || (!out.empty() && out.back() != ' ')) out += space ? ' ' : c;
    }
    return out;
}

/// The text with quotations of some words in it, the last of which may end it; `stray`: one mark
/// has no other.
inline std::string quoting(Author& author, std::string_view text, const Marks& marks, bool stray) {
    std::string out;
    bool open = false;
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size() - 1) + 1;
        const auto word = text.substr(0, space);
        text.remove_prefix(space);
        if (!open && author.one_in(6)) {
            out += marks.open;
            open = true;
        }
        const auto bare = word.substr(0, word.size() - (word.ends_with(' ') ? 1 : 0));
        out += bare;
        if (open && (text.empty() || author.one_in(4))) {
            out += marks.close;
            open = false;
        } else if (stray && !open && author.one_in(8)) {
            out += marks.close;
            stray = false;
        }
        out += word.substr(bare.size());
    }
    return out;
}

/// How a model may begin when it is asked to go on behind `sent`.
inline std::string instructed(Author& author, const std::string& text, std::string_view sent) {
    const auto seen = sendable(sent);
    const std::string rest = text.substr(seen.size());
    const std::string_view anchor = anchor_of(seen);
    switch (author.below(4)) {
        case 1: {  // a few of the last words, in some dress
            auto from = anchor.rfind(' ', anchor.size() > 12 ? anchor.size() - 12 : 0);
            from = from == std::string_view::npos ? 0 : from + 1;
            const auto words = std::string(anchor.substr(from));
            return author.pick({"", "\n", "...", "\xE2\x80\xA6", "\"", " "}) + words + rest;
        }
        case 2:  // all of it
            return text;
        case 3:
            if (anchor.size() < 16) break;  // too few words to be known behind an introduction
            return "Here is the rest, as you asked: " + std::string(anchor) + rest;
        default:
            break;
    }
    return std::string(anchor) + rest;  // as it was asked to
}

}  // namespace understudy::proxy::rescue::test
