// Bedrock of AWS: where it is, and by which keys it knows who asks.
// https://docs.aws.amazon.com/general/latest/gr/bedrock.html
#pragma once

#include "config/aws_credentials.hpp"
#include "config/config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

bool is_bedrock(const Upstream& upstream);

/// Whether a header of its own is a credential, which goes before any other.
bool carries_key(const Upstream& upstream);

/// The region of one of its own hosts ("bedrock-runtime.us-east-1.amazonaws.com", and endpoints of
/// a private network); empty for any other host.
std::string_view region_of_bedrock(std::string_view host);

/// A name of a region as far as characters go: it becomes a part of a host's name.
bool is_region(std::string_view text);

/// What is missing, and at which setting to say so.
struct BedrockProblem {
    std::string setting;
    std::string what;
};

/// What follows from the rest, for an upstream of bedrock whose keys of another form are known: its
/// region, its address where it has none, and the keys of AWS that sign its requests where it has
/// no other key. `profile`: whose keys, of AWS's own files; absent: as its tools choose.
std::optional<BedrockProblem> settle_bedrock(Upstream& upstream, const Environment& env,
                                             const std::optional<std::string>& profile = {});

}  // namespace understudy::config
