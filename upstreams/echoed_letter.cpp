#include "upstreams/echoed_letter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace understudy::upstreams {

namespace {

// JSON: PHP escapes the slash, .NET's default encoder + & < > ' " and `, Go's & < >. A body that is
// quoted in another one is escaped again, so several backslashes may stand for one.
constexpr std::size_t kMostBackslashes = 4;
constexpr std::size_t kHexDigits = 4;  // of \u002B, and at most of &#x2B;
constexpr std::size_t kDecimals = 5;   // at most of &#43;

// HTML: the names that escapers write. The others (&sol;) are for people.
struct Entity {
    char letter;
    std::string_view name;
};
constexpr std::array<Entity, 5> kEntities{
    {{'&', "amp;"}, {'<', "lt;"}, {'>', "gt;"}, {'"', "quot;"}, {'\'', "apos;"}}};

// Whether the first `digits` of `text` are the number of the letter.
bool is_number_of(std::string_view text, std::size_t digits, int base, char letter) {
    std::uint32_t number = 0;
    if (text.size() < digits || digits == 0) return false;
    const char* const end = text.data() + digits;
    const auto read = std::from_chars(text.data(), end, number, base);
    return read.ec == std::errc() && read.ptr == end &&
           number == static_cast<unsigned char>(letter);
}

std::size_t as_json(std::string_view text, char letter) {
    const auto slashes = std::min(text.find_first_not_of('\\'), text.size());
    if (slashes == 0 || slashes > kMostBackslashes) return 0;
    if (letter == '\\') return slashes % 2 == 0 ? slashes : 1;
    const auto rest = text.substr(slashes);
    const bool simple = letter == '/' || letter == '"' || letter == '\'';
    if (simple && rest.starts_with(letter)) return slashes + 1;
    const bool unicode =
        rest.starts_with('u') && is_number_of(rest.substr(1), kHexDigits, 16, letter);
    return unicode ? slashes + 1 + kHexDigits : 0;
}

// "%2B", and "%252B" of an URL in an URL.
std::size_t as_percent(std::string_view text, char letter) {
    if (!text.starts_with('%')) return 0;
    const std::size_t sign = text.starts_with("%25") && letter != '%' ? 3 : 1;
    return is_number_of(text.substr(sign), 2, 16, letter) ? sign + 2 : 0;
}

std::size_t numbered(std::string_view text, int base, std::size_t most, char letter) {
    const auto digits = text.find(';');
    if (digits == std::string_view::npos || digits > most) return 0;
    return is_number_of(text, digits, base, letter) ? digits + 1 : 0;
}

// Behind the ampersand: "quot;", "#43;", "#x2B;".
std::size_t entity(std::string_view text, char letter) {
    for (const auto& known : kEntities) {
        if (known.letter == letter && text.starts_with(known.name)) return known.name.size();
    }
    if (!text.starts_with('#')) return 0;
    text.remove_prefix(1);
    const bool hex = text.starts_with('x') || text.starts_with('X');
    const std::size_t size = hex ? numbered(text.substr(1), 16, kHexDigits, letter)
                                 : numbered(text, 10, kDecimals, letter);
    if (size == 0) return 0;
    return size + (hex ? 2 : 1);
}

// "&#43;", and "&amp;#43;" of a page in a page.
std::size_t as_entity(std::string_view text, char letter) {
    constexpr std::string_view kAgain = "amp;";
    if (!text.starts_with('&')) return 0;
    text.remove_prefix(1);
    const auto twice = text.starts_with(kAgain) ? entity(text.substr(kAgain.size()), letter) : 0;
    if (twice != 0) return 1 + kAgain.size() + twice;
    const auto once = entity(text, letter);
    return once == 0 ? 0 : 1 + once;
}

}  // namespace

std::size_t letter_at(std::string_view text, char letter) noexcept {
    if (text.empty()) return 0;
    text = text.substr(0, kLongestLetter);
    const std::size_t plain = text.front() == letter ? 1 : 0;
    if (is_plain_letter(letter)) return plain;
    return std::max(
        {plain, as_json(text, letter), as_percent(text, letter), as_entity(text, letter)});
}

std::size_t letter_before(std::string_view text, char letter) noexcept {
    if (is_plain_letter(letter)) return text.ends_with(letter) ? 1 : 0;
    for (std::size_t size = std::min(text.size(), kLongestLetter); size > 0; --size) {
        if (letter_at(text.substr(text.size() - size), letter) != size) continue;
        // Half an escape must not be left in front of it.
        const auto before = text.substr(0, text.size() - size);
        const auto last = before.find_last_not_of('\\');
        const auto slashes = before.size() - (last == std::string_view::npos ? 0 : last + 1);
        const bool splits = slashes % 2 != 0 && text[before.size()] == '\\';
        if (!splits) return size;
    }
    return 0;
}

}  // namespace understudy::upstreams
