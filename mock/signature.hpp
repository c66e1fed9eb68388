// Whether a request is signed as AWS's services demand it (Signature 4), where the simulated
// upstream was given a key to tell. Written for itself, for it testifies about the daemon's.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include "mock/http.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::mock {

/// Whose signature is taken; an empty id: anything is.
struct AwsKey {
    std::string id, secret;
    std::string token;  // of a session; else empty

    /// "ID:SECRET" or "ID:SECRET:TOKEN"; nullopt for anything else.
    static std::optional<AwsKey> parse(std::string_view text);
};

/// Why a request is refused, as AWS words it. Static text.
struct SignatureProblem {
    std::string_view name;  // of the exception
    std::string_view message;
};

/// Signed by this key, for Bedrock in whatever region, within minutes of `now` (Unix time), and
/// nothing of it was changed since: then nullopt.
std::optional<SignatureProblem> check_signature(const HttpRequest& request, const AwsKey& key,
                                                std::int64_t now);

}  // namespace understudy::mock
