#include "config/aws_credentials.hpp"

#include "config/text.hpp"

#include <algorithm>

namespace understudy::config {
namespace {

constexpr std::string_view kSpace = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(kSpace), text.size());
    const auto end = text.find_last_not_of(kSpace);
    return end == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

/// The profile that a section's head names: "[a]", "[ profile a ]"; comments may stand behind it.
std::string_view profile_of(std::string_view head) {
    auto name = trimmed(head.substr(1, std::min(head.find(']'), head.size()) - 1));
    constexpr std::string_view kWord = "profile";
    if (name.size() > kWord.size() && name.starts_with(kWord) &&
        kSpace.find(name[kWord.size()]) != std::string_view::npos) {
        name = trimmed(name.substr(kWord.size()));
    }
    if (name.size() > 1 && name.front() == '"' && name.back() == '"') {
        name = name.substr(1, name.size() - 2);
    }
    return name;
}

/// A value without the comment behind it, which has white space in front: a secret may have a '#'.
std::string_view without_comment(std::string_view value) {
    for (std::size_t i = 1; i < value.size(); ++i) {
        const bool sign = value[i] == '#' || value[i] == ';';
        if (sign && kSpace.find(value[i - 1]) != std::string_view::npos) {
            return trimmed(value.substr(0, i));
        }
    }
    return trimmed(value);
}

std::optional<std::string> value_of(const Environment& env, std::string_view name) {
    auto value = env(name);
    if (value && value->empty()) value.reset();
    return value;
}

std::string profile_name(const Environment& env) {
    if (auto name = value_of(env, "AWS_PROFILE")) return *name;
    if (auto name = value_of(env, "AWS_DEFAULT_PROFILE")) return *name;
    return "default";
}

/// The place of one of the shared files; empty: there is no home directory.
std::string place_of(const Environment& env, std::string_view variable, const char* usual) {
    const auto home = value_of(env, "HOME");
    auto named = value_of(env, variable);
    if (!named) return home ? *home + "/.aws/" + usual : std::string();
    if (named->starts_with("~/") && home) return *home + named->substr(1);
    return *named;
}

/// Nothing: the file does not have the key's id.
std::optional<FoundAws> in_file(const std::string& path, const std::string& profile,
                                const FileReader& read) {
    if (path.empty()) return std::nullopt;
    const auto file = read(path);
    if (!file.text) return std::nullopt;
    auto id = aws_setting(*file.text, profile, "aws_access_key_id");
    if (!id) return std::nullopt;
    FoundAws found;
    auto source = path + " [" + profile + "]";
    auto secret = aws_setting(*file.text, profile, "aws_secret_access_key");
    if (!secret) {
        found.problem = source + " has aws_access_key_id without aws_secret_access_key";
        return found;
    }
    auto token = aws_setting(*file.text, profile, "aws_session_token");
    found.credentials.emplace(AwsCredentials{std::move(*id), Secret(std::move(*secret)),
                                             Secret(token ? std::move(*token) : std::string()),
                                             std::move(source)});
    return found;
}

/// `instead`: what may be done beside writing into a file.
FoundAws in_files(const std::string& profile, const Environment& env, const FileReader& read,
                  std::string_view instead) {
    const auto credentials = place_of(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    const auto configuration = place_of(env, "AWS_CONFIG_FILE", "config");
    for (const auto& path : {credentials, configuration}) {
        if (auto in = in_file(path, profile, read)) return std::move(*in);
    }
    FoundAws found;
    found.problem.append("no AWS credentials: ").append(instead);
    found.problem +=
        "write aws_access_key_id and aws_secret_access_key for the profile " + profile + " into " +
        (credentials.empty() ? "the file that AWS_SHARED_CREDENTIALS_FILE names" : credentials);
    return found;
}

}  // namespace

std::optional<std::string> aws_setting(std::string_view text, std::string_view profile,
                                       std::string_view key) {
    std::optional<std::string> found;
    bool here = false;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto said = trimmed(line);
        if (said.empty() || said.front() == '#' || said.front() == ';') continue;
        if (said.front() == '[') {
            here = profile_of(said) == profile;
            continue;
        }
        // An indented line belongs to the setting above it.
        const bool nested = kSpace.find(line.front()) != std::string_view::npos;
        const auto equals = said.find('=');
        if (!here || nested || equals == std::string_view::npos) continue;
        if (lower(trimmed(said.substr(0, equals))) != key) continue;
        found.emplace(without_comment(said.substr(equals + 1)));
    }
    if (found && found->empty()) found.reset();
    return found;
}

FoundAws find_aws_credentials(const Environment& env, const FileReader& read) {
    FoundAws found;
    const auto id = value_of(env, "AWS_ACCESS_KEY_ID");
    const auto secret = value_of(env, "AWS_SECRET_ACCESS_KEY");
    if (id.has_value() != secret.has_value()) {
        found.problem = id ? "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"
                           : "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not";
        return found;
    }
    if (id) {
        found.credentials.emplace(AwsCredentials{
            *id, Secret(*secret), Secret(value_of(env, "AWS_SESSION_TOKEN").value_or("")),
            "AWS_ACCESS_KEY_ID"});
        return found;
    }
    return in_files(profile_name(env), env, read,
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ");
}

FoundAws find_aws_profile(const std::string& profile, const Environment& env,
                          const FileReader& read) {
    return in_files(profile, env, read, "");
}

std::optional<FoundRegion> find_aws_region(const Environment& env, const FileReader& read,
                                           const std::optional<std::string>& profile) {
    for (const auto* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
        if (auto region = value_of(env, name)) return FoundRegion{std::move(*region), name};
    }
    const auto path = place_of(env, "AWS_CONFIG_FILE", "config");
    if (path.empty()) return std::nullopt;
    const auto file = read(path);
    if (!file.text) return std::nullopt;
    const auto whose = profile ? *profile : profile_name(env);
    auto region = aws_setting(*file.text, whose, "region");
    if (!region) return std::nullopt;
    return FoundRegion{std::move(*region), path + " [" + whose + "]"};
}

}  // namespace understudy::config
