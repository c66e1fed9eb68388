// Signatures of requests to AWS's services, version 4: what its services recognise a caller by, and
// that nothing of the request was changed on the way. Pure.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct evp_md_ctx_st;  // OpenSSL's

namespace understudy::wire {

/// Who asks; `token` of credentials that are valid for a while, else empty.
struct AwsKey {
    std::string_view id;
    std::string_view secret;
    std::string_view token;
};

/// What is signed, as it will be sent. Further headers may be sent beside those that are signed.
struct AwsRequest {
    std::string_view method;
    std::string_view host;   // with its port where that is sent
    std::string_view path;   // of the request's target, encoded; without the query
    std::string_view query;  // behind the '?', encoded
    /// Name (in lower case) and value; host, x-amz-date and x-amz-security-token are added.
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    std::string_view body;
    std::string_view body_hash = {};  // its Sha256, where `body` is not given; else empty
};

struct AwsScope {
    std::string_view region;   // "us-east-1"
    std::string_view service;  // "bedrock"
    std::int64_t time = 0;     // Unix time; a service refuses what is minutes off
};

/// Headers to be sent.
struct AwsSignature {
    std::string date;           // x-amz-date
    std::string authorization;  // authorization
    /// In hex, for who wants to compare: of the canonical request and of the body.
    std::string request_hash;
    std::string body_hash;
};

/// Of pieces that follow each other, which may be added whenever it suits.
class Sha256 {
  public:
    Sha256();
    void add(std::string_view piece);
    /// In hex. Nothing is added behind it.
    std::string hex();

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

AwsSignature sign(const AwsRequest& request, const AwsKey& key, const AwsScope& scope);

}  // namespace understudy::wire
