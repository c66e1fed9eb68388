#include "config/profile_store.hpp"

#include "config/files.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxProfileBytes = 1 << 20;
constexpr std::size_t kMaxProfiles = 1000;  // the store's own servers stop at 50
constexpr std::string_view kSuffix = ".json";

// What LLMProfileStore takes: ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$.
bool is_profile_name(std::string_view name) {
    return is_plain_name(name) && name.front() != '.' && name.front() != '-' && name.front() != '_';
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code ec;
    for (std::filesystem::directory_iterator at(directory, ec), end; !ec && at != end;
         at.increment(ec)) {
        std::string name = at->path().filename().string();
        // Hidden ones are the lock and editors' own; the store's temporary files end in .tmp.
        if (name.starts_with('.') || !name.ends_with(kSuffix)) continue;
        name.resize(name.size() - kSuffix.size());
        names.push_back(std::move(name));
        if (names.size() == kMaxProfiles) break;
    }
    std::sort(names.begin(), names.end());
    return names;
}

// Null: it is gone, which a profile that is renamed or deleted may be.
std::optional<StoredProfile> read_one(const std::string& directory, const std::string& name,
                                      const Environment& env) {
    StoredProfile stored{name, directory + "/" + name + std::string(kSuffix), {}};
    if (!is_profile_name(name)) {
        stored.reading.problems.push_back(
            {"",
             "has a name that is none of a profile: use 1 to 64 letters, digits, dots, dashes "
             "and underscores, a letter or digit first"});
        return stored;
    }
    // A second look where it was gone and came back in between.
    for (int looks = 2; looks > 0; --looks) {
        const FileText file = read_file(stored.file, kMaxProfileBytes);
        if (file.text) {
            stored.reading = read_profile(*file.text, name, env);
            return stored;
        }
        std::error_code ec;
        const auto type = std::filesystem::symlink_status(stored.file, ec).type();
        if (type == std::filesystem::file_type::not_found) return std::nullopt;
        if (looks == 1) stored.reading.problems.push_back({"", file.error});
    }
    return stored;
}

void add_usable(Context& context, StoredProfile& stored, Config& config) {
    const auto same = [&](const Upstream& other) { return other.name == stored.name; };
    if (std::any_of(config.upstreams.begin(), config.upstreams.end(), same)) {
        context.warnings.push_back({stored.file, 0, 0, "",
                                    "is left out: an upstream of the configuration has the name " +
                                        in_quotes(stored.name) + "; rename one of the two"});
        return;
    }
    Profile& profile = *stored.reading.profile;
    for (const ProfileNote& note : profile.notes) {
        context.warnings.push_back({stored.file, 0, 0, note.member, note.message});
    }
    profile.upstream.profile = stored.file;
    profile.upstream.breaker = config.breaker;
    config.profile_routes.push_back({config.upstreams.size(), profile.retries, profile.retry});
    config.upstreams.push_back(std::move(profile.upstream));
}

}  // namespace

std::vector<StoredProfile> read_profiles(const std::string& directory, const Environment& env) {
    std::vector<StoredProfile> out;
    for (const std::string& name : names_in(directory)) {
        if (auto stored = read_one(directory, name, env)) out.push_back(std::move(*stored));
    }
    return out;
}

std::vector<std::string> profile_files(const std::string& directory) {
    std::vector<std::string> out;
    for (const std::string& name : names_in(directory)) {
        out.push_back(directory + "/" + name + std::string(kSuffix));
    }
    return out;
}

std::string problem_text(const StoredProfile& stored) {
    std::string out;
    for (const ProfileNote& problem : stored.reading.problems) {
        if (!out.empty()) out += "; ";
        out += Problem{stored.file, 0, 0, problem.member, problem.message}.text();
    }
    return out;
}

std::string default_profile_directory(const Environment& env) {
    const auto persistent = env("OH_PERSISTENCE_DIR");
    if (persistent && !persistent->empty()) {
        return resolve_path(*persistent, "", env) + "/profiles";
    }
    return resolve_path("~/.openhands/profiles", "", env);
}

void add_profiles(Context& context, Config& config) {
    if (!config.profiles) return;
    const std::string& directory = *config.profiles;
    if (!is_directory(directory)) {
        context.problems.push_back(
            {context.file, 0, 0, "profiles", "names no directory that exists and can be read"});
        return;
    }
    for (StoredProfile& stored : read_profiles(directory, context.env)) {
        if (stored.reading.profile) {
            add_usable(context, stored, config);
            continue;
        }
        for (const ProfileNote& problem : stored.reading.problems) {
            context.warnings.push_back({stored.file, 0, 0, problem.member,
                                        problem.message + "; this profile is left out"});
        }
        config.unusable_profiles.push_back({stored.name, problem_text(stored)});
    }
}

}  // namespace understudy::config
