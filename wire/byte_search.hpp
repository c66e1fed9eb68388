// The two searches that every body and every stream goes through. 16 bytes at a time with SSE2, 8
// at a time elsewhere (or with UNDERSTUDY_PORTABLE_SCAN, so that tests can cover that path
// anywhere). Nothing is read outside [p, end).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && !defined(UNDERSTUDY_PORTABLE_SCAN)
#define UNDERSTUDY_SSE2 1
#include <emmintrin.h>
#else
#define UNDERSTUDY_SSE2 0
#endif

namespace understudy::wire::detail {

/// What interrupts a run of plain bytes inside a JSON string: the closing quote, an escape, or a
/// control character (which is an error).
struct StringStop {
    static bool matches(char c) noexcept {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    }
#if UNDERSTUDY_SSE2
    static __m128i matches(__m128i block) noexcept {
        const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
        const __m128i escape = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
        const __m128i top_control = _mm_set1_epi8(0x1f);
        const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(block, top_control), top_control);
        return _mm_or_si128(_mm_or_si128(quote, escape), control);
    }
#endif
    static bool any(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101U;
        constexpr std::uint64_t tops = 0x8080808080808080U;
        const std::uint64_t quote = word ^ (ones * '"');
        const std::uint64_t escape = word ^ (ones * '\\');
        return ((((quote - ones) & ~quote) | ((escape - ones) & ~escape) |
                 ((word - ones * 0x20U) & ~word)) &
                tops) != 0;
    }
};

/// Either byte that can end a line.
struct LineStop {
    static bool matches(char c) noexcept { return c == '\n' || c == '\r'; }
#if UNDERSTUDY_SSE2
    static __m128i matches(__m128i block) noexcept {
        return _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n')),
                            _mm_cmpeq_epi8(block, _mm_set1_epi8('\r')));
    }
#endif
    static bool any(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101U;
        constexpr std::uint64_t tops = 0x8080808080808080U;
        const std::uint64_t lf = word ^ (ones * '\n');
        const std::uint64_t cr = word ^ (ones * '\r');
        return ((((lf - ones) & ~lf) | ((cr - ones) & ~cr)) & tops) != 0;
    }
};

#if UNDERSTUDY_SSE2
inline __m128i load_block(const char* p) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

template <class Stop>
const char* find_stop(const char* p, const char* end) noexcept {
    // Keys and short values end within the first block; four blocks per turn pay off in base64.
    if (end - p >= 16) {
        const int first = _mm_movemask_epi8(Stop::matches(load_block(p)));
        if (first != 0) return p + std::countr_zero(static_cast<unsigned>(first));
        p += 16;
        while (end - p >= 64) {
            const __m128i a = Stop::matches(load_block(p));
            const __m128i b = Stop::matches(load_block(p + 16));
            const __m128i c = Stop::matches(load_block(p + 32));
            const __m128i d = Stop::matches(load_block(p + 48));
            if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0) break;
            p += 64;
        }
        for (; end - p >= 16; p += 16) {
            const int mask = _mm_movemask_epi8(Stop::matches(load_block(p)));
            if (mask != 0) return p + std::countr_zero(static_cast<unsigned>(mask));
        }
    }
    while (p != end && !Stop::matches(*p)) ++p;
    return p;
}
#else
template <class Stop>
const char* find_stop(const char* p, const char* end) noexcept {
    while (end - p >= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, sizeof word);
        if (Stop::any(word)) break;
        p += 8;
    }
    while (p != end && !Stop::matches(*p)) ++p;
    return p;
}
#endif

/// The first byte that ends or interrupts a JSON string, or end.
inline const char* find_string_stop(const char* p, const char* end) noexcept {
    return find_stop<StringStop>(p, end);
}

/// The first CR or LF, or end.
inline const char* find_line_end(const char* p, const char* end) noexcept {
    return find_stop<LineStop>(p, end);
}

}  // namespace understudy::wire::detail
