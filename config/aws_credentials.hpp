// Keys for AWS's services, as its own tools find them: in the environment, else in the file that
// they share. Keys that have to be asked for somewhere (roles, single sign-on, instances) are not
// found.  https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
#pragma once

#include "config/config.hpp"
#include "config/files.hpp"
#include "config/load.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// Credentials, or why there are none: what was looked at and what to do.
struct FoundAws {
    std::optional<AwsCredentials> credentials;
    std::string problem;
};

/// Reads a file (read_file with a bound, in the daemon).
using FileReader = std::function<FileText(const std::string& path)>;

/// The value of a key of one profile in the text of a shared file: "[name]" in the credentials,
/// "[profile name]" or "[default]" in the configuration. nullopt: it is not there, or empty.
std::optional<std::string> aws_setting(std::string_view text, std::string_view profile,
                                       std::string_view key);

/// AWS_ACCESS_KEY_ID and its companions; else the profile AWS_PROFILE ("default") of the file
/// AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), then of AWS_CONFIG_FILE (~/.aws/config).
FoundAws find_aws_credentials(const Environment& env, const FileReader& read);
/// Of this profile alone, from the same files.
FoundAws find_aws_profile(const std::string& profile, const Environment& env,
                          const FileReader& read);

struct FoundRegion {
    std::string name;
    std::string source;  // "AWS_REGION", or file and profile
};

/// AWS_REGION, AWS_DEFAULT_REGION, else the profile's region in the configuration file. `profile`:
/// this one instead of AWS_PROFILE.
std::optional<FoundRegion> find_aws_region(const Environment& env, const FileReader& read,
                                           const std::optional<std::string>& profile = {});

}  // namespace understudy::config
