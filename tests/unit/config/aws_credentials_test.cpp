#include "config/aws_credentials.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace understudy::config;
using Texts = std::map<std::string, std::string, std::less<>>;

namespace {

Environment environment(const Texts& variables) {
    return [variables](std::string_view name) -> std::optional<std::string> {
        const auto at = variables.find(name);
        return at == variables.end() ? std::nullopt : std::optional(at->second);
    };
}

FileReader files(const Texts& texts) {
    return [texts](const std::string& path) -> FileText {
        const auto at = texts.find(path);
        if (at == texts.end()) return {std::nullopt, "cannot be read: No such file or directory"};
        return {at->second, ""};
    };
}

constexpr const char* kFile =
    "# keys\n"
    "[default]\n"
    "aws_access_key_id = AKIDDEFAULT\n"
    "aws_secret_access_key=a/b+c#d ; the old one\r\n"
    "\n"
    "[ work ] ; comments may stand here\n"
    "AWS_ACCESS_KEY_ID\t=\tAKIDWORK\n"
    "aws_secret_access_key = s=ecret==\n"
    "aws_session_token = tok\n"
    "s3 =\n"
    "  aws_access_key_id = not this one\n"
    "[half]\n"
    "aws_access_key_id = AKIDHALF\n"
    "[empty]\n"
    "aws_access_key_id =\n";

}  // namespace

TEST_CASE("A profile's keys are read as AWS's tools write them") {
    CHECK(aws_setting(kFile, "default", "aws_access_key_id") == "AKIDDEFAULT");
    CHECK(aws_setting(kFile, "default", "aws_secret_access_key") == "a/b+c#d");
    CHECK(aws_setting(kFile, "work", "aws_access_key_id") == "AKIDWORK");
    CHECK(aws_setting(kFile, "work", "aws_secret_access_key") == "s=ecret==");
    CHECK_FALSE(aws_setting(kFile, "default", "aws_session_token"));
    CHECK_FALSE(aws_setting(kFile, "none", "aws_access_key_id"));
    CHECK_FALSE(aws_setting(kFile, "empty", "aws_access_key_id"));
    CHECK_FALSE(aws_setting("aws_access_key_id = x", "default", "aws_access_key_id"));
    CHECK(aws_setting("[profile a b]\nregion=eu\n[profile \"c\"]\nregion = us", "a b", "region") ==
          "eu");
    CHECK(aws_setting("[profile \"c\"]\nregion = us", "c", "region") == "us");
    for (const auto* odd : {"[", "]", "[]", "=", "[a]\n=x", "[a", "\n\n", "[a]\nx"}) {
        CHECK_FALSE(aws_setting(odd, "a", "x"));
    }
}

TEST_CASE("Credentials are looked for in the order of AWS's tools") {
    const auto file = files({{"/home/u/.aws/credentials", kFile},
                             {"/home/u/.aws/config",
                              "[profile sso]\nregion = eu-west-1\n[profile own]\n"
                              "aws_access_key_id = AKIDOWN\naws_secret_access_key = s\n"},
                             {"/other",
                              "[default]\naws_access_key_id=AKIDOTHER\n"
                              "aws_secret_access_key=o\n"}});
    struct Case {
        Texts variables;
        const char* id;       // "": none
        const char* problem;  // a part of it
    };
    const Case cases[] = {
        {{{"HOME", "/home/u"}}, "AKIDDEFAULT", ""},
        {{{"HOME", "/home/u"}, {"AWS_PROFILE", "work"}}, "AKIDWORK", ""},
        {{{"HOME", "/home/u"}, {"AWS_DEFAULT_PROFILE", "work"}}, "AKIDWORK", ""},
        {{{"HOME", "/home/u"}, {"AWS_PROFILE", "own"}}, "AKIDOWN", ""},
        {{{"HOME", "/home/u"}, {"AWS_ACCESS_KEY_ID", "AKIDENV"}, {"AWS_SECRET_ACCESS_KEY", "e"}},
         "AKIDENV",
         ""},
        {{{"HOME", "/home/u"}, {"AWS_SHARED_CREDENTIALS_FILE", "/other"}}, "AKIDOTHER", ""},
        {{{"HOME", "/home"}, {"AWS_SHARED_CREDENTIALS_FILE", "~/u/.aws/credentials"}},
         "AKIDDEFAULT",
         ""},
        {{{"AWS_ACCESS_KEY_ID", "AKIDENV"}}, "", "AWS_SECRET_ACCESS_KEY is not"},
        {{{"AWS_SECRET_ACCESS_KEY", "e"}}, "", "AWS_ACCESS_KEY_ID is not"},
        {{{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}}, "", "no AWS credentials"},
        {{{"HOME", "/home/u"}, {"AWS_PROFILE", "half"}}, "", "without aws_secret_access_key"},
        {{{"HOME", "/home/u"}, {"AWS_PROFILE", "sso"}}, "", "for the profile sso into /home/u"},
        {{{"HOME", "/nowhere"}}, "", "/nowhere/.aws/credentials"},
    };
    for (const auto& c : cases) {
        const auto found = find_aws_credentials(environment(c.variables), file);
        CAPTURE(c.id, c.problem, found.problem);
        CHECK(found.credentials.has_value() == (*c.id != '\0'));
        if (found.credentials) CHECK(found.credentials->key_id == c.id);
        CHECK(found.problem.find(c.problem) != std::string::npos);
        CHECK(found.problem.empty() == found.credentials.has_value());
    }
    const auto work =
        find_aws_credentials(environment({{"HOME", "/home/u"}, {"AWS_PROFILE", "work"}}), file);
    REQUIRE(work.credentials);
    CHECK(work.credentials->secret.reveal() == "s=ecret==");
    CHECK(work.credentials->token.reveal() == "tok");
    CHECK(work.credentials->source == "/home/u/.aws/credentials [work]");
}

TEST_CASE("The region is looked for where AWS's tools look") {
    const auto file = files({{"/home/u/.aws/config",
                              "[default]\nregion = eu-central-1\n"
                              "[profile work]\nregion = us-west-2\n"}});
    const auto found = [&](const Texts& variables, const std::optional<std::string>& profile = {}) {
        const auto region = find_aws_region(environment(variables), file, profile);
        return region ? region->name + " of " + region->source : "";
    };
    CHECK(found({{"HOME", "/home/u"}}) == "eu-central-1 of /home/u/.aws/config [default]");
    CHECK(found({{"AWS_REGION", "a"}, {"AWS_DEFAULT_REGION", "b"}}) == "a of AWS_REGION");
    CHECK(found({{"AWS_DEFAULT_REGION", "b"}}) == "b of AWS_DEFAULT_REGION");
    CHECK(found({}).empty());
    CHECK(found({{"HOME", "/x"}}).empty());
    // A profile that is named is that one, whatever AWS_PROFILE says.
    CHECK(found({{"HOME", "/home/u"}}, "work") == "us-west-2 of /home/u/.aws/config [work]");
    CHECK(found({{"HOME", "/home/u"}, {"AWS_PROFILE", "default"}}, "work") ==
          "us-west-2 of /home/u/.aws/config [work]");
    CHECK(found({{"HOME", "/home/u"}}, "none").empty());
}
