// A folder of LLM profiles as OpenHands keeps it: NAME.json each, written to a temporary file and
// renamed, so that every file seen under its own name is whole. The writer's lock guards writers
// from each other; a reader needs none and takes none.
#pragma once

#include "config/profile.hpp"
#include "config/value.hpp"

#include <string>
#include <vector>

namespace understudy::config {

struct StoredProfile {
    std::string name;
    std::string file;  // path
    ProfileReading reading;
};

/// The profiles of one folder, sorted by name; temporary, hidden and other files are passed over.
/// Files whose names OpenHands would not take are reported as unusable.
std::vector<StoredProfile> read_profiles(const std::string& directory, const Environment& env);

/// The paths of the files that read_profiles would read, sorted.
std::vector<std::string> profile_files(const std::string& directory);

/// "/x/fast.json: api_key: is masked ...", all problems of one profile in a line.
std::string problem_text(const StoredProfile& stored);

/// Where OpenHands keeps its profiles: $OH_PERSISTENCE_DIR/profiles or ~/.openhands/profiles.
std::string default_profile_directory(const Environment& env);

/// Appends the usable profiles of config.profiles, if any, to its upstreams; warns of the others
/// and remembers why chains cannot name them. The upstreams of the document must have been read,
/// its routes not yet.
void add_profiles(Context& context, Config& config);

}  // namespace understudy::config
