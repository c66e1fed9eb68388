#include "mock/signature.hpp"

#include "mock/text.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

namespace understudy::mock {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::int64_t kMaxSkew = 300;

constexpr SignatureProblem kMissing{"MissingAuthenticationTokenException",
                                    "Missing Authentication Token"};
constexpr SignatureProblem kIncomplete{"IncompleteSignatureException",
                                       "Authorization header requires 'Credential', "
                                       "'SignedHeaders' and 'Signature' parameters."};
constexpr SignatureProblem kUnknown{"UnrecognizedClientException",
                                    "The security token included in the request is invalid."};
constexpr SignatureProblem kExpired{"InvalidSignatureException",
                                    "Signature expired: it is not of this time."};
constexpr SignatureProblem kUnsigned{
    "InvalidSignatureException",
    "'Host' and every 'X-Amz-' header must be a 'SignedHeader' in the AWS Authorization."};
constexpr SignatureProblem kMismatch{
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method."};

/// The value behind "name=" in the authorization's list; empty: there is none.
std::string_view parameter(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        auto one = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
            return one.substr(name.size() + 1);
    }
    return {};
}

std::vector<std::string_view> split(std::string_view text, char mark) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = std::min(text.find(mark), text.size());
        parts.push_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string keyed(std::string_view key, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
    return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hex(std::string_view bytes, std::string_view digits) {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 0xF];
    }
    return out;
}

/// What is encoded already is encoded again.
std::string encoded_path(std::string_view path) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    std::string out;
    for (const char& c : path) {
        if (kPlain.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += '%' + hex({&c, 1}, "0123456789ABCDEF");
        }
    }
    return out;
}

/// Without white space around it, and one space for several.
std::string trimmed(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const char plain = c == '\t' ? ' ' : c;
        if (plain != ' ' || (!out.empty() && out.back() != ' ')) out += plain;
    }
    if (out.ends_with(' ')) out.pop_back();
    return out;
}

/// Values of a field that came several times, in their order.
std::string value_of(const HttpRequest& request, std::string_view name) {
    std::string all;
    for (const auto& [field, value] : request.fields) {
        if (same_word(field, name)) all += (all.empty() ? "" : ",") + trimmed(value);
    }
    return all;
}

std::string canonical(const HttpRequest& request, std::string_view names) {
    auto pairs =
        request.query.empty() ? std::vector<std::string_view>() : split(request.query, '&');
    std::sort(pairs.begin(), pairs.end());
    std::string query;
    for (const auto pair : pairs) query += join({query.empty() ? "" : "&", pair});
    auto text = join({request.method, "\n", encoded_path(request.path), "\n", query, "\n"});
    for (const auto name : split(names, ';')) {
        text += join({name, ":", value_of(request, name), "\n"});
    }
    return join({text, "\n", names, "\n", sha256_hex(request.body)});
}

/// Unix time of "20260102T030405Z"; nullopt: it is none.
std::optional<std::int64_t> time_of(const std::string& date) {
    std::tm parts{};
    const char* const end = strptime(date.c_str(), "%Y%m%dT%H%M%SZ", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return timegm(&parts);
}

/// All that has to be signed is.
bool signs_enough(const HttpRequest& request, std::string_view names) {
    const auto listed = split(names, ';');
    const auto is_signed = [&](std::string_view name) {
        return std::find(listed.begin(), listed.end(), name) != listed.end();
    };
    return std::is_sorted(listed.begin(), listed.end()) && is_signed("host") &&
           std::all_of(request.fields.begin(), request.fields.end(), [&](const auto& field) {
               const auto name = lower(field.first);
               return !name.starts_with("x-amz-") || is_signed(name);
           });
}

}  // namespace

std::optional<AwsKey> AwsKey::parse(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return std::nullopt;
    AwsKey key;
    key.id = parts[0];
    key.secret = parts[1];
    if (parts.size() == 3) key.token = parts[2];
    return key;
}

std::optional<SignatureProblem> check_signature(const HttpRequest& request, const AwsKey& key,
                                                std::int64_t now) {
    const auto authorization = request.field("authorization");
    if (authorization.empty()) return kMissing;
    if (!authorization.starts_with(kAlgorithm)) return kIncomplete;
    const auto list = authorization.substr(kAlgorithm.size());
    const auto credential = parameter(list, "Credential");
    const auto names = parameter(list, "SignedHeaders");
    const auto signature = parameter(list, "Signature");
    const auto scope = split(credential, '/');  // of the key, day, region, service, "aws4_request"
    if (scope.size() != 5 || names.empty() || signature.empty()) return kIncomplete;
    if (scope[0] != key.id || request.field("x-amz-security-token") != key.token) return kUnknown;
    const std::string date(request.field("x-amz-date"));
    const auto time = time_of(date);
    if (!time || std::abs(*time - now) > kMaxSkew || !date.starts_with(scope[1])) return kExpired;
    if (!signs_enough(request, names)) return kUnsigned;
    const auto text =
        join({kAlgorithm, "\n", date, "\n", credential.substr(credential.find('/') + 1), "\n",
              sha256_hex(canonical(request, names))});
    auto derived = "AWS4" + key.secret;
    for (const auto part :
         {scope[1], scope[2], std::string_view("bedrock"), std::string_view("aws4_request")}) {
        derived = keyed(derived, part);
    }
    return hex(keyed(derived, text), "0123456789abcdef") == signature
               ? std::nullopt
               : std::optional<SignatureProblem>(kMismatch);
}

}  // namespace understudy::mock
