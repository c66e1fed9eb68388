#include "dialects/steps.hpp"

#include <algorithm>
#include <bit>

namespace understudy::dialects {

namespace {

/// Behind the brackets that open before `p`, `depth` of them, one byte at a time.
const char* close_slowly(const char* p, const char* end, std::size_t depth) {
    while (p != end) {
        const char c = *p++;
        if (c == '"') {
            p = step_over_string(p, end);
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return p;
        }
    }
    return end;
}

#if UNDERSTUDY_SSE2
/// The bytes of a block that decide, one bit each.
struct Marks {
    unsigned quotes, opening, escapes, all;
};

inline Marks marks_at(const char* p) {
    const auto bits = [](__m128i bytes) { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); };
    const __m128i block = wire::detail::load_block(p);
    const __m128i quotes = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i escapes = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    // '[' and ']' are '{' and '}' without this bit.
    const __m128i folded = _mm_or_si128(block, _mm_set1_epi8(0x20));
    const __m128i opening = _mm_cmpeq_epi8(folded, _mm_set1_epi8('{'));
    const __m128i closing = _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'));
    return {bits(quotes), bits(opening), bits(escapes),
            bits(_mm_or_si128(quotes, _mm_or_si128(opening, closing)))};
}

constexpr unsigned up_to(unsigned bit) {
    return (2U << bit) - 1;
}

/// At an opening bracket.
const char* step_over_nested(const char* p, const char* end) {
    std::size_t depth = 0;
    while (end - p >= 16) {
        const auto marks = marks_at(p);
        const char* next = p + 16;
        for (unsigned left = marks.all; left != 0;) {
            const auto at = static_cast<unsigned>(std::countr_zero(left));
            left &= left - 1;
            if (((marks.quotes >> at) & 1U) != 0) {
                const unsigned closing = marks.quotes & ~up_to(at);
                if (closing == 0 || marks.escapes != 0) {
                    next = step_over_string(p + at + 1, end);
                    break;
                }
                left &= ~up_to(static_cast<unsigned>(std::countr_zero(closing)));
            } else if (((marks.opening >> at) & 1U) != 0) {
                ++depth;
            } else if (--depth == 0) {
                return p + at + 1;
            }
        }
        p = next;
    }
    return close_slowly(p, end, depth);
}
#else
const char* step_over_nested(const char* p, const char* end) {
    return close_slowly(p, end, 0);
}
#endif

}  // namespace

wire::JsonKind kind_at(char first) {
    switch (first) {
        case '"':
            return wire::JsonKind::string;
        case '{':
            return wire::JsonKind::object;
        case '[':
            return wire::JsonKind::array;
        case 't':
        case 'f':
            return wire::JsonKind::boolean;
        case 'n':
            return wire::JsonKind::null;
        default:
            return wire::JsonKind::number;
    }
}

const char* step_over_string(const char* p, const char* end) {
    const char* const text = p;
    while (p != end) {
        const char* stop = wire::detail::find_near_string_stop(p, end);
        if (stop == nullptr) stop = wire::detail::find_string_stop(p, end, text);
        if (stop == end) return end;
        if (*stop == '"') return stop + 1;
        p = stop + std::min<std::ptrdiff_t>(*stop == '\\' ? 2 : 1, end - stop);
    }
    return end;
}

const char* step_over(const char* p, const char* end) {
    if (*p == '"') return step_over_string(p + 1, end);
    if (*p == '{' || *p == '[') return step_over_nested(p, end);
    while (p != end && *p != ',' && *p != '}' && *p != ']' && static_cast<unsigned char>(*p) > ' ')
        ++p;
    return p;
}

bool step_to_element(const char* p, const char* end, Step& step) {
    p = step_over_space(p, end);
    if (p != end && *p == ',') p = step_over_space(p + 1, end);
    if (p == end || *p == ']') return false;
    step.value = p;
    step.behind = step_over(p, end);
    return step.behind != p;
}

bool step_to_member(const char* p, const char* end, Step& step) {
    p = step_over_space(p, end);
    if (p != end && *p == ',') p = step_over_space(p + 1, end);
    if (p == end || *p != '"') return false;
    const char* const key = p + 1;
    const char* stop = wire::detail::find_near_string_stop(key, end);
    step.escaped_key = stop == nullptr || *stop != '"';
    if (!step.escaped_key) [[likely]] {
        p = stop + 1;
    } else {
        p = step_over_string(key, end);
    }
    step.key = {key, static_cast<std::size_t>(p - key) - 1};
    p = step_over_space(p, end);
    if (p == end || *p != ':') return false;
    p = step_over_space(p + 1, end);
    if (p == end) return false;
    step.value = p;
    step.behind = step_over(p, end);
    return step.behind != p;
}

}  // namespace understudy::dialects
