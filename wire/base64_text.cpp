#include "wire/base64_text.hpp"

#include "wire/byte_search.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if UNDERSTUDY_SSE2
#include <immintrin.h>
#endif

namespace understudy::wire {
namespace {

constexpr std::size_t kLooked = 512;

// Of both alphabets, and the escapes of line breaks and slashes.
constexpr auto kBase64 = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789+/-_=\\")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

// Sixteen characters at a time: of a comparison each is all ones or nothing.
constexpr std::size_t kBlock = 16;
static_assert(kLooked % kBlock == 0);
using Block = unsigned char __attribute__((vector_size(kBlock)));

Block load(const char* at) noexcept {
    Block block;
    std::memcpy(&block, at, sizeof block);
    return block;
}

bool any(const Block& block) noexcept {
    std::uint64_t halves[2];
    std::memcpy(halves, &block, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

Block between(const Block& c, unsigned char from, unsigned char to) noexcept {
    return reinterpret_cast<Block>((c - from) <= (Block{} + static_cast<unsigned char>(to - from)));
}

Block is(const Block& c, char one) noexcept {
    return reinterpret_cast<Block>(c == static_cast<unsigned char>(one));
}

Block is_sign(const Block& c) noexcept {
    return is(c, '+') | is(c, '/') | is(c, '-') | is(c, '_') | is(c, '=') | is(c, '\\');
}

// Of a sample: long enough that prose and code have a space or a dot in it.
constexpr std::size_t kSample = 3 * kBlock;
constexpr std::size_t kSamples = 16;
static_assert(kSample < kLooked);

// Where one of the kSamples stands, from 1 on, of a text whose last one begins at `last`.
constexpr std::size_t place_of(std::size_t sample, std::size_t last) noexcept {
    return last / kSamples * sample + last % kSamples * sample / kSamples;
}

bool may_be_base64(const char* sample) noexcept {
    for (std::size_t at = 0; at < kSample; at += kBlock) {
        const auto c = load(sample + at);
        const auto known = between(c, 'a', 'z') | between(c, 'A', 'Z') | between(c, '0', '9');
        if (any(static_cast<Block>(~(known | is_sign(c))))) return false;
    }
    return true;
}

// Base64 may have + and / written so, and no others.
bool has_escaped_words(std::string_view content) noexcept {
    constexpr std::string_view kEscape = "\\u", kAscii = "00";
    for (auto at = content.find(kEscape); at != std::string_view::npos;
         at = content.find(kEscape, at + 1)) {
        const auto high = content.substr(at + kEscape.size(), kAscii.size());
        if (high.size() == kAscii.size() && high != kAscii) return true;
    }
    return false;
}

#if UNDERSTUDY_SSE2
// What a character is, a bit for each kind, which its two halves have in common in the tables.
constexpr char kMark = 1, kDigit = 2, kCapital = 4, kLateCapital = 8, kLateSmall = 16,
               kLateMark = 32, kPadding = 64;
constexpr char kSmall = -128;
constexpr std::array<char, 16> kOfHigh{
    0, 0, kMark, kDigit | kPadding, kCapital, kLateCapital | kLateMark, kSmall, kLateSmall};
constexpr auto kOfLow = [] {
    std::array<char, 16> table{};
    for (std::size_t low = 0; low < table.size(); ++low) {
        const auto put = [&](char kind) { table[low] = static_cast<char>(table[low] | kind); };
        if (low <= 0x9) put(kDigit);
        if (low == 0xD) put(kPadding);                           // =
        if (low >= 0x1) put(kCapital);                           // A to O
        if (low <= 0xA) put(kLateCapital);                       // P to Z
        if (low == 0xC || low == 0xF) put(kLateMark);            // \ and _
        if (low >= 0x1) put(kSmall);                             // a to o
        if (low <= 0xA) put(kLateSmall);                         // p to z
        if (low == 0xB || low == 0xD || low == 0xF) put(kMark);  // + - /
    }
    return table;
}();

#define UNDERSTUDY_AVX2 __attribute__((target("avx2")))

UNDERSTUDY_AVX2 inline __m256i twice(const std::array<char, 16>& table) noexcept {
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

UNDERSTUDY_AVX2 inline bool holds(__m256i kinds, char any_of) noexcept {
    return _mm256_testz_si256(kinds, _mm256_set1_epi8(any_of)) == 0;
}

/// What each of the 32 characters from `p` on is; nothing: none of base64, which is so of all that
/// is not ASCII, for it has no kind in either table.
UNDERSTUDY_AVX2 inline __m256i kinds_at(const char* p) noexcept {
    const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(c, 4), _mm256_set1_epi8(0x0f));
    return _mm256_and_si256(_mm256_shuffle_epi8(twice(kOfHigh), high),
                            _mm256_shuffle_epi8(twice(kOfLow), c));
}

UNDERSTUDY_AVX2 inline bool any_without(__m256i kinds) noexcept {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(kinds, _mm256_setzero_si256())) != 0;
}

UNDERSTUDY_AVX2 bool is_base64_avx2(const char* const begin) noexcept {
    __m256i seen = _mm256_setzero_si256();
    for (const char* p = begin; p != begin + kLooked; p += sizeof seen) {
        const __m256i kinds = kinds_at(p);
        if (any_without(kinds)) return false;
        seen = _mm256_or_si256(seen, kinds);
    }
    const bool all = holds(seen, kDigit) && holds(seen, kCapital | kLateCapital) &&
                     holds(seen, kSmall | kLateSmall);
    // There may be a backslash.
    return all && !(holds(seen, kLateMark) && has_escaped_words({begin, kLooked}));
}

/// Every sample may be base64. Two looks, which overlap, see one.
UNDERSTUDY_AVX2 bool samples_may_be_base64_avx2(std::string_view content) noexcept {
    constexpr std::size_t look = sizeof(__m256i);
    static_assert(kSample > look && kSample <= 2 * look);
    const auto last = content.size() - kSample;
    __m256i least = _mm256_set1_epi8(-1);
    for (std::size_t i = 1; i <= kSamples; ++i) {
        const char* const at = content.data() + place_of(i, last);
        least = _mm256_min_epu8(least, kinds_at(at));
        least = _mm256_min_epu8(least, kinds_at(at + kSample - look));
    }
    return !any_without(least);
}

#undef UNDERSTUDY_AVX2
#endif

}  // namespace

bool detail::is_base64_anywhere(std::string_view content) noexcept {
    if (content.size() < kLooked) return false;
    Block small{}, capital{}, digit{};
    for (std::size_t at = 0; at < kLooked; at += kBlock) {
        const auto c = load(content.data() + at);
        const auto a = between(c, 'a', 'z'), b = between(c, 'A', 'Z'), d = between(c, '0', '9');
        if (any(static_cast<Block>(~(a | b | d | is_sign(c))))) return false;
        small |= a;
        capital |= b;
        digit |= d;
    }
    return any(small) && any(capital) && any(digit) &&
           !has_escaped_words(content.substr(0, kLooked));
}

bool is_base64(std::string_view content) noexcept {
#if UNDERSTUDY_SSE2
    // What one build runs on is known at run time only.
    if (__builtin_cpu_supports("avx2")) {
        return content.size() >= kLooked && is_base64_avx2(content.data());
    }
#endif
    return detail::is_base64_anywhere(content);
}

std::size_t base64_run(std::string_view text) noexcept {
    std::size_t n = 0;
    while (n < text.size() && kBase64[static_cast<unsigned char>(text[n])]) ++n;
    return n;
}

// A body of megabytes is mostly one such string, so it is looked at in some places, spread evenly,
// and only where one of them is something else is the end of the run looked for, by halves.
std::size_t base64_at_front(std::string_view content) noexcept {
    if (!is_base64(content)) return 0;
#if UNDERSTUDY_SSE2
    if (__builtin_cpu_supports("avx2") && samples_may_be_base64_avx2(content)) {
        return content.size();
    }
#endif
    return detail::base64_at_front_anywhere(content);
}

// Of a text that begins as base64.
std::size_t detail::base64_at_front_anywhere(std::string_view content) noexcept {
    const auto last = content.size() - kSample;
    std::size_t good = kLooked - kSample, bad = content.size();
    for (std::size_t i = 1; i <= kSamples && bad == content.size(); ++i) {
        const auto at = place_of(i, last);
        if (at > good) (may_be_base64(content.data() + at) ? good : bad) = at;
    }
    if (bad == content.size()) return bad;
    while (bad - good > kSample) {
        const auto middle = good + (bad - good) / 2;
        (may_be_base64(content.data() + middle) ? good : bad) = middle;
    }
    return good + base64_run(content.substr(good));
}

// Samples so far apart that one lies whole in each run that has to be found; prose and code say by
// their first space or dot that they are none. What is before a sample is looked at once.
std::size_t find_base64(std::string_view text) noexcept {
    constexpr auto kApart = kFoundBase64 - kSample;
    std::size_t looked = 0;
    for (auto at = kApart; at + kSample <= text.size(); at += kApart) {
        if (!may_be_base64(text.data() + at)) continue;
        auto begin = at;
        while (begin > looked && kBase64[static_cast<unsigned char>(text[begin - 1])]) --begin;
        if (is_base64(text.substr(begin))) return begin;
        looked = at;
    }
    return std::string_view::npos;
}

}  // namespace understudy::wire
