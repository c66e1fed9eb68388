#include "wire/aws_signature.hpp"

#include "wire/octets.hpp"
#include "wire/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <memory>

namespace understudy::wire {
namespace {

using Digest = Sha256Digest;
using Field = std::pair<std::string, std::string>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view text_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string hex(const Digest& digest) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const auto byte : digest) out.append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
    return out;
}

std::string hash(std::string_view text) {
    return hex(sha256(text));
}

Digest keyed_hash(std::string_view key, std::string_view text) {
    Digest digest;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
         digest.data(), nullptr);
    return digest;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void append_encoded_byte(std::string& out, char c) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, '%').append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
}

// What is encoded already is encoded once more: the services' side decodes a path once before it
// compares.
std::string canonical_path(std::string_view path) {
    if (path.empty()) return "/";
    std::string out;
    for (const char c : path) {
        if (is_unreserved(c) || c == '/') {
            out += c;
        } else {
            append_encoded_byte(out, c);
        }
    }
    return out;
}

// Escapes as they are; whatever else has a meaning of its own becomes one.
std::string canonical_piece(std::string_view piece) {
    std::string out;
    for (const char c : piece) {
        if (is_unreserved(c) || c == '%') {
            out += c;
        } else {
            append_encoded_byte(out, c);
        }
    }
    return out;
}

std::string canonical_query(std::string_view query) {
    std::vector<Field> pairs;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = pair.substr(std::min(equals + 1, pair.size()));
        pairs.emplace_back(canonical_piece(pair.substr(0, equals)), canonical_piece(value));
    }
    std::sort(pairs.begin(), pairs.end());
    std::string out;
    for (const auto& [name, value] : pairs) {
        if (!out.empty()) out += '&';
        out.append(name).append(1, '=').append(value);
    }
    return out;
}

/// Without white space around it, and with one space for several inside.
std::string trimmed(std::string_view value) {
    std::string out;
    for (const char c : trim(value)) {
        if (c == ' ' && out.ends_with(' ')) continue;
        out += c;
    }
    return out;
}

/// Sorted by name; fields of one name are one, their values in the order in which they were sent.
std::vector<Field> fields_of(const AwsRequest& request, std::string_view token,
                             const std::string& date) {
    std::vector<Field> fields;
    for (const auto& [name, value] : request.headers) fields.emplace_back(name, trimmed(value));
    fields.emplace_back("host", trimmed(request.host));
    fields.emplace_back("x-amz-date", date);
    if (!token.empty()) fields.emplace_back("x-amz-security-token", token);
    std::stable_sort(fields.begin(), fields.end(),
                     [](const Field& a, const Field& b) { return a.first < b.first; });
    std::vector<Field> joined;
    for (auto& field : fields) {
        if (!joined.empty() && joined.back().first == field.first) {
            joined.back().second.append(1, ',').append(field.second);
        } else {
            joined.push_back(std::move(field));
        }
    }
    return joined;
}

/// 20150830T123600Z
std::string date_of(std::int64_t time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
    return {text.data(), size};
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

void Sha256::add(std::string_view piece) {
    EVP_DigestUpdate(context_.get(), piece.data(), piece.size());
}

std::string Sha256::hex() {
    Digest digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    return wire::hex(digest);
}

AwsSignature sign(const AwsRequest& request, const AwsKey& key, const AwsScope& scope) {
    AwsSignature signature;
    signature.date = date_of(scope.time);
    signature.body_hash =
        request.body_hash.empty() ? hash(request.body) : std::string(request.body_hash);
    const auto fields = fields_of(request, key.token, signature.date);
    std::string names;
    std::string canonical(request.method);
    canonical.append(1, '\n').append(canonical_path(request.path));
    canonical.append(1, '\n').append(canonical_query(request.query)).append(1, '\n');
    for (const auto& [name, value] : fields) {
        canonical.append(name).append(1, ':').append(value).append(1, '\n');
        if (!names.empty()) names += ';';
        names += name;
    }
    canonical.append(1, '\n').append(names).append(1, '\n').append(signature.body_hash);
    signature.request_hash = hash(canonical);

    const auto day = signature.date.substr(0, signature.date.find('T'));
    std::string credential(day);
    credential.append(1, '/').append(scope.region).append(1, '/').append(scope.service);
    credential += "/aws4_request";
    std::string text(kAlgorithm);
    text.append(1, '\n').append(signature.date).append(1, '\n').append(credential);
    text.append(1, '\n').append(signature.request_hash);

    auto derived = keyed_hash("AWS4" + std::string(key.secret), day);
    for (const auto part : {scope.region, scope.service, std::string_view("aws4_request")}) {
        derived = keyed_hash(text_of(derived), part);
    }
    signature.authorization.append(kAlgorithm).append(" Credential=").append(key.id);
    signature.authorization.append(1, '/').append(credential).append(", SignedHeaders=");
    signature.authorization.append(names).append(", Signature=");
    signature.authorization += hex(keyed_hash(text_of(derived), text));
    return signature;
}

}  // namespace understudy::wire
