#include "dialects/ids.hpp"

#include "wire/sha256.hpp"

#include <algorithm>
#include <cstdint>

namespace understudy::dialects {
namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool is_legal(std::string_view text, const Alphabet& alphabet) {
    if (text.empty() || text.size() > alphabet.most) return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return is_plain(c) || alphabet.others.find(c) != std::string_view::npos;
    });
}

std::string hex_digest(std::string_view text, std::size_t digits) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto digest = wire::sha256(text);
    std::string out;
    out.reserve(digits);
    for (std::size_t i = 0; i < digits / 2; ++i) {
        out += kHex[digest[i] >> 4U];
        out += kHex[digest[i] & 15U];
    }
    return out;
}

constexpr std::size_t kIdDigits = 24;

}  // namespace

std::string legal_id(std::string_view id, const Alphabet& alphabet) {
    if (id.empty() || is_legal(id, alphabet)) return std::string(id);
    return "us_" + hex_digest(id, kIdDigits);
}

std::string nine_letters(std::string_view id) {
    constexpr std::size_t kLetters = 9;
    constexpr std::string_view kAlphabet =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const auto is_letter = [&](char c) { return kAlphabet.find(c) != std::string_view::npos; };
    const bool fits = id.size() == kLetters && std::all_of(id.begin(), id.end(), is_letter);
    if (id.empty() || fits) return std::string(id);
    const auto digest = wire::sha256(id);
    // 62 to the ninth are 53 bits and some: of 64 no letter is more frequent by a thousandth.
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8U | digest[i];
    std::string out;
    for (std::size_t i = 0; i < kLetters; ++i, number /= kAlphabet.size()) {
        out += kAlphabet[number % kAlphabet.size()];
    }
    return out;
}

std::string minted_id(std::string_view prefix, std::string_view seed, std::size_t number) {
    std::string text(seed);
    text.append(1, '\n').append(std::to_string(number));
    return std::string(prefix) + hex_digest(text, kIdDigits);
}

std::string short_user(std::string_view user) {
    constexpr std::size_t kMost = 64;
    return user.size() <= kMost ? std::string(user) : hex_digest(user, kMost);
}

std::string ToolNames::sent(std::string_view name) {
    if (is_legal(name, alphabet_)) return std::string(name);
    constexpr std::size_t kKept = 55;
    constexpr std::size_t kDigits = 8;
    std::string sent;
    for (const char c : name.substr(0, kKept)) sent += is_plain(c) ? c : '_';
    sent.append(1, '_').append(hex_digest(name, kDigits));
    remember(sent, name);
    return sent;
}

std::string_view ToolNames::original(std::string_view sent) const {
    const auto at = originals_.find(sent);
    return at == originals_.end() ? sent : std::string_view(at->second);
}

void ToolNames::remember(std::string_view sent, std::string_view name) {
    originals_.insert_or_assign(std::string(sent), std::string(name));
}

}  // namespace understudy::dialects
