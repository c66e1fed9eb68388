// The two searches that every body and every stream goes through. 16 bytes at a time with SSE2, 32
// where a long string meets a machine with AVX2, 8 elsewhere (or with UNDERSTUDY_PORTABLE_SCAN, so
// that tests can cover that path anywhere). Nothing is read outside [text, end).
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
unsigned stops_in_block(const char* p) noexcept {
    return static_cast<unsigned>(_mm_movemask_epi8(Stop::matches(load_block(p))));
}

/// Fewer than 16 bytes: the last block of the text, without those of it that stand before `p`.
template <class Stop>
const char* find_stop_in_tail(const char* p, const char* end, const char* text) noexcept {
    if (end - text >= 16) {
        const unsigned stops = stops_in_block<Stop>(end - 16) >> (16 - (end - p));
        return stops != 0 ? p + std::countr_zero(stops) : end;
    }
    while (p != end && !Stop::matches(*p)) ++p;
    return p;
}

template <class Stop>
const char* find_stop_far(const char* p, const char* end, const char* text) noexcept {
    // Four blocks per turn pay off in base64.
    while (end - p >= 64) {
        const __m128i a = Stop::matches(load_block(p));
        const __m128i b = Stop::matches(load_block(p + 16));
        const __m128i c = Stop::matches(load_block(p + 32));
        const __m128i d = Stop::matches(load_block(p + 48));
        if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0) break;
        p += 64;
    }
    for (; end - p >= 16; p += 16) {
        const unsigned stops = stops_in_block<Stop>(p);
        if (stops != 0) return p + std::countr_zero(stops);
    }
    return find_stop_in_tail<Stop>(p, end, text);
}

/// By what the machine does best.
const char* find_string_stop_far(const char* p, const char* end, const char* text) noexcept;

/// The first byte that ends or interrupts a JSON string, or end. Reads from `text` on, which is
/// where the buffer begins: [p, end) is the end of it.
inline const char* find_string_stop(const char* p, const char* end, const char* text) noexcept {
    return find_string_stop_far(p, end, text);
}

/// That byte when it is near, as it is for keys and short values; nullptr when it takes more than
/// one look to find it.
inline const char* find_near_string_stop(const char* p, const char* end) noexcept {
    if (end - p < 16) return nullptr;
    const unsigned stops = stops_in_block<StringStop>(p);
    return stops != 0 ? p + std::countr_zero(stops) : nullptr;
}

/// The first CR or LF, or end; reads as find_string_stop does.
inline const char* find_line_end(const char* p, const char* end, const char* text) noexcept {
    return find_stop_far<LineStop>(p, end, text);
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

inline const char* find_string_stop(const char* p, const char* end, const char*) noexcept {
    return find_stop<StringStop>(p, end);
}

inline const char* find_near_string_stop(const char* p, const char* end) noexcept {
    const char* const stop = find_stop<StringStop>(p, end);
    return stop != end ? stop : nullptr;
}

inline const char* find_line_end(const char* p, const char* end, const char*) noexcept {
    return find_stop<LineStop>(p, end);
}
#endif

}  // namespace understudy::wire::detail
