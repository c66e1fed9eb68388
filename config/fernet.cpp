#include "config/fernet.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

namespace understudy::config {
namespace {

constexpr std::string_view kPrefix = "gAAAAA";  // the version byte and the head of any sane time
constexpr char kVersion = '\x80';
constexpr std::size_t kIvAt = 1 + 8;  // version, time
constexpr std::size_t kBlock = 16;
constexpr std::size_t kSignature = SHA256_DIGEST_LENGTH;
constexpr std::size_t kKeyHalf = SHA256_DIGEST_LENGTH / 2;
constexpr std::size_t kMaxToken = 64 << 10;  // a secret is a line, not a file

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    if (c == '_') return 63;
    return -1;
}

// RFC 4648 section 5, padding optional.
std::optional<std::string> decode_base64url(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const int value = value_of(c);
        if (value < 0) return std::nullopt;
        bits = (bits << 6U | static_cast<unsigned>(value)) & 0xffffU;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU);
    }
    return out;
}

bool is_signed(std::string_view token, const unsigned char* key) {
    std::array<unsigned char, kSignature> expected{};
    const std::string_view body = token.substr(0, token.size() - kSignature);
    if (HMAC(EVP_sha256(), key, kKeyHalf, octets(body), body.size(), expected.data(), nullptr) ==
        nullptr) {
        return false;
    }
    return CRYPTO_memcmp(expected.data(), octets(token) + body.size(), kSignature) == 0;
}

std::optional<std::string> decrypt(std::string_view text, std::string_view iv,
                                   const unsigned char* key) {
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> ctx(EVP_CIPHER_CTX_new(),
                                                                              &EVP_CIPHER_CTX_free);
    std::string out(text.size() + kBlock, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    int got = 0, rest = 0;
    const bool good =
        ctx && EVP_DecryptInit_ex(ctx.get(), EVP_aes_128_cbc(), nullptr, key, octets(iv)) == 1 &&
        EVP_DecryptUpdate(ctx.get(), to, &got, octets(text), static_cast<int>(text.size())) == 1 &&
        EVP_DecryptFinal_ex(ctx.get(), to + got, &rest) == 1;
    if (!good) return std::nullopt;
    out.resize(static_cast<std::size_t>(got + rest));
    return out;
}

}  // namespace

bool looks_encrypted(std::string_view value) {
    return value.starts_with(kPrefix);
}

std::optional<std::string> decrypt_fernet(std::string_view token, std::string_view secret_key) {
    if (token.size() > kMaxToken) return std::nullopt;
    const auto bytes = decode_base64url(token);
    if (!bytes || bytes->size() < kIvAt + 2 * kBlock + kSignature) return std::nullopt;
    const std::string_view whole = *bytes;
    const std::size_t cipher_bytes = whole.size() - kIvAt - kBlock - kSignature;
    if (whole.front() != kVersion || cipher_bytes % kBlock != 0) return std::nullopt;

    std::array<unsigned char, SHA256_DIGEST_LENGTH> key{};
    SHA256(octets(secret_key), secret_key.size(), key.data());
    std::optional<std::string> text;
    if (is_signed(whole, key.data())) {
        text = decrypt(whole.substr(kIvAt + kBlock, cipher_bytes), whole.substr(kIvAt, kBlock),
                       key.data() + kKeyHalf);
    }
    OPENSSL_cleanse(key.data(), key.size());
    return text;
}

}  // namespace understudy::config
