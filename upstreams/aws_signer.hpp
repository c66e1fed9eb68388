// Signs heads of requests for AWS: a signature is about the head as it stands, and about the body.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace understudy::upstreams {

/// Holds one upstream's keys in the clear. Immutable, so any thread may use it.
class AwsSigner {
  public:
    AwsSigner(config::AwsCredentials credentials, std::string region)
        : credentials_(std::move(credentials)), region_(std::move(region)) {}

    /// Puts the fields of a signature to the end of `head`, which is whole but for them: request
    /// line, field lines, and an empty line. Signed are its Host, Content-Type and x-amz-* fields.
    /// `body_hash`: wire::Sha256 of the body as it will be sent.
    void sign(std::string& head, std::string_view body_hash,
              std::chrono::system_clock::time_point now) const;

  private:
    config::AwsCredentials credentials_;
    std::string region_;
};

}  // namespace understudy::upstreams
