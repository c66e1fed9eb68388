// Decoding and encoding of JSON strings. Both ends leave valid UTF-8 behind whatever they are
// given: names and messages go on into logs, metrics and bodies that strict parsers read.
#include "wire/json_cursor.hpp"
#include "wire/json_escape.hpp"
#include "wire/json_scan.hpp"
#include "wire/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace understudy::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Appends what stands at `at` when it is not ASCII, and returns how far that went.
std::size_t append_non_ascii(std::string& out, std::string_view text, std::size_t at) {
    const std::size_t length = utf8_sequence(text.substr(at));
    if (length == 0) {
        out += kReplacement;
        return 1;
    }
    out += text.substr(at, length);
    return length;
}

/// Appends the escape at `at` (a backslash, checked) and returns its length, both halves of a pair
/// included.
std::size_t append_escape(std::string& out, std::string_view text, std::size_t at) {
    const char c = text[at + 1];
    if (c != 'u') {
        out += escaped(c);
        return 2;
    }
    const std::uint32_t unit = code_unit(text.data() + at + 2);
    if (unit < 0xD800 || unit > 0xDFFF) {
        append_code_point(out, unit);
        return 6;
    }
    if (unit <= 0xDBFF && text.substr(at + 6, 2) == "\\u") {
        const std::uint32_t low = code_unit(text.data() + at + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            append_code_point(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
            return 12;
        }
    }
    out += kReplacement;
    return 6;
}

/// Of eight bytes: may be false for plain ones, never true for others.
bool all_plain(std::uint64_t word) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t tops = 0x8080808080808080U;
    const std::uint64_t escape = word ^ (ones * '\\');
    return (((escape - ones) | word) & tops) == 0;
}

template <class Word>
Word load(const char* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// Fewer than eight bytes behind `at`: the last eight of the text, or the first and the last four,
/// also where some of them stand twice. False: the bytes will tell.
bool rest_is_plain(std::string_view text) noexcept {
    const char* const end = text.data() + text.size();
    if (text.size() >= sizeof(std::uint64_t)) {
        return all_plain(load<std::uint64_t>(end - sizeof(std::uint64_t)));
    }
    if (text.size() < sizeof(std::uint32_t)) return false;
    const std::uint64_t last = load<std::uint32_t>(end - sizeof(std::uint32_t));
    return all_plain(last << 32 | load<std::uint32_t>(text.data()));
}

/// Where the run of plain ASCII without escapes that begins at `at` ends.
std::size_t end_of_plain(std::string_view text, std::size_t at) noexcept {
    for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        if (!all_plain(load<std::uint64_t>(text.data() + at))) break;  // maybe
    }
    if (text.size() - at < sizeof(std::uint64_t) && rest_is_plain(text)) return text.size();
    while (at < text.size() && text[at] != '\\' && static_cast<unsigned char>(text[at]) < 0x80)
        ++at;
    return at;
}

/// The rest of `content` from `at` on, where something is that is not plain.
[[gnu::noinline]] void append_decoded(std::string& out, std::string_view content, std::size_t at) {
    while (at < content.size()) {
        at += content[at] == '\\' ? append_escape(out, content, at)
                                  : append_non_ascii(out, content, at);
        const std::size_t plain_end = end_of_plain(content, at);
        out.append(content, at, plain_end - at);
        at = plain_end;
    }
}

}  // namespace

void decode_content(std::string_view content, std::string& out) {
    const std::size_t plain_end = end_of_plain(content, 0);
    out.assign(content.data(), plain_end);  // most are plain from end to end
    if (plain_end != content.size()) [[unlikely]]
        append_decoded(out, content, plain_end);
}

std::optional<std::string> decode_string(std::string_view token) {
    JsonKind kind = JsonKind::null;
    if (token.size() < 2 || token.front() != '"' || token.back() != '"' ||
        check_json(token, kind)) {
        return std::nullopt;
    }
    std::optional<std::string> out(std::in_place);
    decode_content(token.substr(1, token.size() - 2), *out);
    return out;
}

std::string encode_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    // What needs no escape is most of it: the loop below is for the rest.
    const char* const end = text.data() + text.size();
    std::size_t plain = end_of_plain(text, 0);
    plain = std::min<std::size_t>(
        plain, detail::find_string_stop(text.data(), end, text.data()) - text.data());
    out += text.substr(0, plain);
    for (std::size_t i = plain; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x80) {
            i += append_non_ascii(out, text, i);
            continue;
        }
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (c < 0x20) {
                    out += "\\u00";
                    out += hex[c >> 4];
                    out += hex[c & 0xFU];
                } else {
                    out += static_cast<char>(c);
                }
        }
        ++i;
    }
    out += '"';
    return out;
}

}  // namespace understudy::wire
