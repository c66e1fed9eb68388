#include "upstreams/key_mask.hpp"

#include "upstreams/echoed_letter.hpp"
#include "wire/byte_search.hpp"  // UNDERSTUDY_SSE2
#include "wire/head.hpp"

#include <openssl/evp.h>

#if UNDERSTUDY_SSE2
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace understudy::upstreams {

namespace {

// What documentation of local servers puts where a key is demanded and none is checked. Words below
// kShortest ("ollama", "EMPTY", "none") need no entry; whatever else is given as a key is one.
constexpr std::array<std::string_view, 9> kNoSecrets{
    "lm-studio",    "not-needed",    "notneeded", "no-key-required", "sk-no-key-required",
    "not-required", "no-key-needed", "anything",  "placeholder"};

// How common a byte is in English, in JSON and in identifiers, roughly.
int commonness(char c) {
    if (c >= 'A' && c <= 'Z') return std::string_view("JKQVWXYZ").find(c) < 8 ? 0 : 1;
    if (c >= '0' && c <= '9') return 2;
    if (c >= 'a' && c <= 'z') return std::string_view("jkqvwxz").find(c) < 7 ? 3 : 5;
    return 4;
}

std::size_t rarest_in(std::string_view text, std::size_t begin, std::size_t end,
                      std::size_t besides) {
    std::size_t rarest = begin == besides && begin + 1 < end ? begin + 1 : begin;
    for (std::size_t at = begin; at < end; ++at) {
        if (at != besides && commonness(text[at]) < commonness(text[rarest])) rarest = at;
    }
    return rarest;
}

std::string password_of(std::string_view base64) {
    std::string decoded(base64.size() / 4 * 3 + 3, '\0');
    const auto* const from = reinterpret_cast<const unsigned char*>(base64.data());
    auto* const to = reinterpret_cast<unsigned char*>(decoded.data());
    const int size = ::EVP_DecodeBlock(to, from, static_cast<int>(base64.size()));
    const auto padding = static_cast<int>(std::count(base64.begin(), base64.end(), '='));
    if (size < padding) return {};
    decoded.resize(static_cast<std::size_t>(size - padding));
    const auto colon = decoded.find(':');
    return colon == std::string::npos ? std::string() : decoded.substr(colon + 1);
}

// Every search returns the first place in [at, end) with `first` there and `second` `gap` bytes
// behind it, or null. So much may be read behind `end`.
struct Pair {
    char first;
    char second;
    std::size_t gap;
};

char* find_pair_near(char* at, char* end, const Pair& pair) {
    for (; at < end; ++at) {
        at = static_cast<char*>(std::memchr(at, pair.first, static_cast<std::size_t>(end - at)));
        if (at == nullptr) return nullptr;
        if (at[pair.gap] == pair.second) return at;
    }
    return nullptr;
}

#if UNDERSTUDY_SSE2
#define UNDERSTUDY_AVX2 __attribute__((target("avx2")))

// Where `first` stands in the 32 bytes at `at` with `second` behind it.
UNDERSTUDY_AVX2 inline __m256i pairs_at(const char* at, std::size_t gap, __m256i first,
                                        __m256i second) {
    const auto* here = reinterpret_cast<const __m256i*>(at);
    const auto* there = reinterpret_cast<const __m256i*>(at + gap);
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(here), first),
                            _mm256_cmpeq_epi8(_mm256_loadu_si256(there), second));
}

UNDERSTUDY_AVX2 char* find_pair_avx2(char* at, char* end, const Pair& pair) {
    constexpr std::ptrdiff_t kBlock = 32;
    if (end - at < kBlock) return find_pair_near(at, end, pair);
    const std::size_t gap = pair.gap;
    const __m256i first = _mm256_set1_epi8(pair.first);
    const __m256i second = _mm256_set1_epi8(pair.second);
    for (; end - at >= 4 * kBlock; at += 4 * kBlock) {
        const __m256i any =
            _mm256_or_si256(_mm256_or_si256(pairs_at(at, gap, first, second),
                                            pairs_at(at + kBlock, gap, first, second)),
                            _mm256_or_si256(pairs_at(at + 2 * kBlock, gap, first, second),
                                            pairs_at(at + 3 * kBlock, gap, first, second)));
        if (_mm256_testz_si256(any, any) == 0) break;
    }
    if (at == end) return nullptr;
    for (char* const last = end - kBlock;; at = std::min(at + kBlock, last)) {
        at = std::min(at, last);  // what was looked at before is looked at again
        const auto found =
            static_cast<unsigned>(_mm256_movemask_epi8(pairs_at(at, gap, first, second)));
        if (found != 0) return at + std::countr_zero(found);
        if (at == last) return nullptr;
    }
}
#undef UNDERSTUDY_AVX2
#endif

char* find_pair(char* at, char* end, const Pair& pair) {
#if UNDERSTUDY_SSE2
    if (__builtin_cpu_supports("avx2")) return find_pair_avx2(at, end, pair);
#endif
    return find_pair_near(at, end, pair);
}

}  // namespace

void KeyMask::add(std::string_view secret) {
    if (secret.size() < kShortest) return;
    if (std::find(kNoSecrets.begin(), kNoSecrets.end(), secret) != kNoSecrets.end()) return;
    Secret best;
    int cost = 0;
    const auto consider = [&](std::size_t begin, std::size_t end) {
        const auto one = rarest_in(secret, begin, end, secret.size());
        const auto other = rarest_in(secret, begin, end, one);
        // Of two letters one alone is worth as much as two of the most common.
        const int found = one == other ? 10 : commonness(secret[one]) + commonness(secret[other]);
        if (best.run_end != 0 && found >= cost) return;
        cost = found;
        best = {{}, begin, end, std::min(one, other), std::max(one, other)};
    };
    std::size_t longest = 0;
    for (std::size_t at = 0; at < secret.size();) {
        const auto begin = at;
        while (at < secret.size() && is_plain_letter(secret[at])) ++at;
        longest += at - begin;
        if (at > begin) consider(begin, at);
        if (at == secret.size()) break;
        ++at;
        longest += kLongestLetter;
    }
    if (best.run_end == 0) consider(0, secret.size());  // found as it is, and only so
    best.text = secret;
    secrets_.push_back(std::move(best));
    longest_ = std::max(longest_, longest);
    shortest_ = std::min(shortest_, secret.size());
}

void KeyMask::add_credentials(std::string_view field) {
    const auto space = field.rfind(' ');
    const auto last = space == std::string_view::npos ? field : field.substr(space + 1);
    add(last);
    if (wire::istarts_with(field, "basic ")) add(password_of(last));
}

// The secret in `text` whose run of letters stands at `run`; nothing when other things are around.
std::string_view KeyMask::around(const Secret& secret, std::string_view text, std::size_t run) {
    const std::string_view letters = secret.text;
    std::size_t begin = run;
    for (std::size_t i = secret.run_begin; i-- > 0;) {
        const auto size = letter_before(text.substr(0, begin), letters[i]);
        if (size == 0) return {};
        begin -= size;
    }
    std::size_t end = run + (secret.run_end - secret.run_begin);
    for (std::size_t i = secret.run_end; i < letters.size(); ++i) {
        const auto size = letter_at(text.substr(end), letters[i]);
        if (size == 0) return {};
        end += size;
    }
    return text.substr(begin, end - begin);
}

bool KeyMask::search(char* text, std::size_t size) const {
    bool found = false;
    for (const auto& secret : secrets_) {
        const auto run = std::string_view(secret.text)
                             .substr(secret.run_begin, secret.run_end - secret.run_begin);
        const std::size_t into = secret.first - secret.run_begin;
        if (size < secret.text.size()) continue;
        const Pair pair{secret.text[secret.first], secret.text[secret.second],
                        secret.second - secret.first};
        char* at = text + into;
        // Where a run begins that still has room.
        char* const end = text + into + (size - run.size()) + 1;
        while (at < end) {
            at = find_pair(at, end, pair);
            if (at == nullptr) break;
            const auto begin = static_cast<std::size_t>(at++ - text) - into;
            if (std::memcmp(text + begin, run.data(), run.size()) != 0) continue;
            const auto whole = around(secret, {text, size}, begin);
            if (whole.empty()) continue;
            char* const from = text + (whole.data() - text);
            std::memset(from, '*', whole.size());
            found = true;
        }
    }
    return found;
}

}  // namespace understudy::upstreams
