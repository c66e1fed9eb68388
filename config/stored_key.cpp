#include "config/stored_key.hpp"

#include <openssl/sha.h>

namespace understudy::config {
namespace {

constexpr std::string_view kForm = "sha256:";
constexpr std::string_view kHex = "0123456789abcdef";
// base64url (RFC 4648, section 5): safe in headers, URLs, shells and YAML.
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_value(char c) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const auto at = kHex.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

KeyDigest digest_of(std::string_view key) {
    KeyDigest digest{};
    SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
    return digest;
}

std::string stored_form(std::string_view key) {
    std::string out(kForm);
    for (const auto byte : digest_of(key)) {
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

bool is_stored_form(std::string_view text) {
    return text.starts_with(kForm);
}

std::optional<KeyDigest> parse_stored_form(std::string_view text) {
    KeyDigest digest{};
    if (!is_stored_form(text)) return std::nullopt;
    text.remove_prefix(kForm.size());
    if (text.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return digest;
}

std::string key_from(const std::array<std::uint8_t, 32>& random) {
    std::string out = "sk-us-";
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const auto byte : random) {
        bits = bits << 8 | byte;
        for (count += 8; count >= 6; count -= 6) out += kAlphabet[bits >> (count - 6) & 63];
    }
    out += kAlphabet[bits << (6 - count) & 63];
    return out;
}

}  // namespace understudy::config
