// One LLM profile of OpenHands (github.com/OpenHands/software-agent-sdk, LLMProfileStore): a JSON
// document becomes an upstream. Pure but for the environment it is given.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

/// What is said of one member; never a secret's value.
struct ProfileNote {
    std::string member;  // "" the document as a whole
    std::string message;
};

/// What a profile asks for: the upstream, and what belongs to a chain of it alone.
struct Profile {
    Upstream upstream;          // named after the profile
    std::uint32_t retries = 0;  // `num_retries` counts calls, this counts further ones
    Retry retry;
    std::vector<ProfileNote> notes;  // worth a warning
};

/// The profile, or what is wrong with it (all of it).
struct ProfileReading {
    std::optional<Profile> profile;
    std::vector<ProfileNote> problems;
};

/// Reads `json`, the content of the file NAME.json. `env` gives OH_SECRET_KEY and, where a profile
/// has no key of its own, the key variable of its provider.
ProfileReading read_profile(std::string_view json, const std::string& name, const Environment& env);

}  // namespace understudy::config
