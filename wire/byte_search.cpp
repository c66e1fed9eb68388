// The long strings: prompts, base64. Their search is most of what a large body costs.
#include "wire/byte_search.hpp"

#if UNDERSTUDY_SSE2
#include <immintrin.h>

namespace understudy::wire::detail {
namespace {

#define UNDERSTUDY_AVX2 __attribute__((target("avx2")))

UNDERSTUDY_AVX2 inline __m256i load_wide(const char* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

/// The same three comparisons as StringStop, 32 bytes wide; control characters of several blocks
/// are looked for at once, in the least byte of each column.
UNDERSTUDY_AVX2 inline __m256i quotes_in(__m256i block) noexcept {
    return _mm256_or_si256(_mm256_cmpeq_epi8(block, _mm256_set1_epi8('"')),
                           _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\')));
}
UNDERSTUDY_AVX2 inline __m256i controls_in(__m256i least) noexcept {
    const __m256i top_control = _mm256_set1_epi8(0x1f);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(least, top_control), top_control);
}

UNDERSTUDY_AVX2 const char* find_string_stop_avx2(const char* p, const char* end,
                                                  const char* text) noexcept {
    while (end - p >= 128) {
        const __m256i a = load_wide(p);
        const __m256i b = load_wide(p + 32);
        const __m256i c = load_wide(p + 64);
        const __m256i d = load_wide(p + 96);
        const __m256i least = _mm256_min_epu8(_mm256_min_epu8(a, b), _mm256_min_epu8(c, d));
        const __m256i quotes = _mm256_or_si256(_mm256_or_si256(quotes_in(a), quotes_in(b)),
                                               _mm256_or_si256(quotes_in(c), quotes_in(d)));
        const __m256i any = _mm256_or_si256(quotes, controls_in(least));
        if (_mm256_testz_si256(any, any) == 0) break;
        p += 128;
    }
    for (; end - p >= 32; p += 32) {
        const __m256i block = load_wide(p);
        const auto stops = static_cast<unsigned>(
            _mm256_movemask_epi8(_mm256_or_si256(quotes_in(block), controls_in(block))));
        if (stops != 0) return p + std::countr_zero(stops);
    }
    return find_stop_far<StringStop>(p, end, text);
}

#undef UNDERSTUDY_AVX2

}  // namespace

const char* find_string_stop_far(const char* p, const char* end, const char* text) noexcept {
    // What one build runs on is known at run time only.
    if (__builtin_cpu_supports("avx2")) return find_string_stop_avx2(p, end, text);
    return find_stop_far<StringStop>(p, end, text);
}

}  // namespace understudy::wire::detail
#endif
