#include "wire/utf8.hpp"

#include "wire/byte_search.hpp"

#include <cstdint>
#include <cstring>

namespace understudy::wire {
namespace {

bool is_tail(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Where the run of ASCII that begins at `at` ends.
std::size_t end_of_ascii(std::string_view text, std::size_t at) noexcept {
    constexpr std::uint64_t kTops = 0x8080808080808080U;
#if UNDERSTUDY_SSE2
    // Four blocks per turn, for what is ASCII from end to end.
    for (; text.size() - at >= 64; at += 64) {
        const char* const p = text.data() + at;
        const __m128i first = _mm_or_si128(detail::load_block(p), detail::load_block(p + 16));
        const __m128i second = _mm_or_si128(detail::load_block(p + 32), detail::load_block(p + 48));
        if (_mm_movemask_epi8(_mm_or_si128(first, second)) != 0) break;
    }
#endif
    for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, text.data() + at, sizeof word);
        if ((word & kTops) != 0) break;
    }
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
    return at;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_tail(text[i])) return 0;
    }
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return overlong || outside ? 0 : length;
}

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t at = end_of_ascii(text, 0); at < text.size(); at = end_of_ascii(text, at)) {
        const auto length = utf8_sequence(text.substr(at));
        if (length == 0) return false;
        at += length;
    }
    return true;
}

std::string repaired_utf8(std::string_view text) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    std::string out;
    out.reserve(text.size() + kReplacement.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto end = end_of_ascii(text, at);
        out += text.substr(at, end - at);
        if (end == text.size()) break;
        const auto length = utf8_sequence(text.substr(end));
        out += length == 0 ? kReplacement : text.substr(end, length);
        at = end + (length == 0 ? 1 : length);
    }
    return out;
}

}  // namespace understudy::wire
