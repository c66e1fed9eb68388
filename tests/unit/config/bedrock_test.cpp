// Where Bedrock is and who asks it, in a file, in chains and in profiles.
#include "config/bedrock.hpp"

#include "config/address.hpp"
#include "config/profile.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

const Variables kKeys{{"AWS_ACCESS_KEY_ID", "AKIDENV"}, {"AWS_SECRET_ACCESS_KEY", "hush-hush"}};

Variables with(const Variables& more) {
    Variables all = kKeys;
    all.insert(more.begin(), more.end());
    return all;
}

/// "base_url dialect key region", the key as "Bearer X", the id that signs, or "-".
std::string shown(const Upstream& u) {
    return u.base_url.text() + " " + std::string(understudy::wire::name_of(u.dialect)) + " " +
           (u.api_key ? "Bearer " + u.api_key->reveal()
            : u.aws   ? u.aws->key_id
                      : "-") +
           " " + u.region + " " + u.price_provider;
}

/// What these settings make, or the problem.
std::string made(const std::string& settings, const Variables& variables = kKeys) {
    const Loaded loaded =
        load_yaml("upstreams: [{ name: one, provider: bedrock, " + settings + " }]\n", variables);
    if (loaded.config) return shown(loaded.config->upstreams[0]);
    CHECK(loaded.problems.size() == 1);
    return loaded.problems.at(0).path + ": " + loaded.problems.at(0).message;
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A host of Bedrock's names its region, and nobody else's does") {
    CHECK(region_of_bedrock("bedrock-runtime.us-east-1.amazonaws.com") == "us-east-1");
    CHECK(region_of_bedrock("bedrock-runtime-fips.us-gov-west-1.amazonaws.com") == "us-gov-west-1");
    CHECK(region_of_bedrock("bedrock-runtime.cn-north-1.amazonaws.com.cn") == "cn-north-1");
    CHECK(region_of_bedrock("vpce-1-a.bedrock-runtime.eu-west-1.vpce.amazonaws.com") ==
          "eu-west-1");
    for (const auto* host :
         {"", "amazonaws.com", "bedrock-runtime.amazonaws.com", "bedrock.us-east-1.amazonaws.com",
          "bedrock-runtime.x.s3.amazonaws.com", "x.us-east-1.elb.amazonaws.com",
          ".vpce.amazonaws.com", "bedrock-runtime.us-east-1.amazonaws.com.evil.example",
          "vpce-.vpce.amazonaws.com", "evil-bedrock-runtime.us-east-1.amazonaws.com",
          "bedrock-runtime.us_east.amazonaws.com"}) {
        CAPTURE(host);
        CHECK(region_of_bedrock(host).empty());
    }
    CHECK(provider_of_host("bedrock-runtime.us-east-1.amazonaws.com") == "bedrock");
}

TEST_CASE("Bedrock needs a region and a key, which may be one that signs") {
    const std::string at_east = "https://bedrock-runtime.us-east-1.amazonaws.com";
    CHECK(made("region: us-east-1") == at_east + " converse AKIDENV us-east-1 bedrock");
    CHECK(made("model: m", with({{"AWS_REGION", "us-east-1"}})) ==
          at_east + " converse AKIDENV us-east-1 bedrock");
    CHECK(
        made("region: cn-north-1") ==
        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn converse AKIDENV cn-north-1 bedrock");
    // Keys of its own go first: what is written, then its variable, at its own addresses alone.
    CHECK(made("region: us-east-1, api_key: k") ==
          at_east + " converse Bearer k us-east-1 bedrock");
    const auto bearer = with({{"AWS_BEARER_TOKEN_BEDROCK", "b"}});
    CHECK(made("region: us-east-1", bearer) == at_east + " converse Bearer b us-east-1 bedrock");
    CHECK(made("base_url: 'https://bedrock-runtime.eu-west-1.amazonaws.com'", bearer) ==
          "https://bedrock-runtime.eu-west-1.amazonaws.com converse Bearer b eu-west-1 bedrock");
    CHECK(made("region: us-east-1, base_url: 'https://gateway.example'", bearer) ==
          "https://gateway.example converse AKIDENV us-east-1 bedrock");
    CHECK(made("region: us-east-1, headers: { Authorization: x }") ==
          at_east + " converse - us-east-1 bedrock");
    CHECK(made("base_url: 'https://gateway.example', api_key: k", {}) ==
          "https://gateway.example converse Bearer k  bedrock");
    // Where it speaks OpenAI's API it takes keys of its own alone.
    CHECK(made("region: us-east-1, dialect: chat, api_key: k") ==
          at_east + "/openai/v1 chat Bearer k us-east-1 bedrock");
    CHECK(made("region: us-east-1, dialect: chat") ==
          at_east + "/openai/v1 chat - us-east-1 bedrock");
}

TEST_CASE("What Bedrock lacks is told with what to do") {
    CHECK(made("model: m") ==
          "upstreams[0]: region is missing: name one, such as us-east-1, or set "
          "AWS_REGION");
    CHECK(holds(made("base_url: 'https://gateway.example'"), "region is missing"));
    CHECK(holds(made("region: 'us east'"), "upstreams[0].region: \"us east\" is not a region"));
    CHECK(holds(made("model: m", with({{"AWS_REGION", "US East"}})),
                "upstreams[0]: region of AWS_REGION: \"US East\" is not a region such as"));
    CHECK(holds(made("region: 5"), "is not a region such as us-east-1"));
    const auto none = made("region: us-east-1", {});
    CHECK(holds(none, "upstreams[0].provider: no AWS credentials: set AWS_ACCESS_KEY_ID and"));
    CHECK(holds(none, "or set AWS_BEARER_TOKEN_BEDROCK, or write an `api_key`"));
    CHECK(holds(made("region: us-east-1", {{"AWS_ACCESS_KEY_ID", "AKID"}}),
                "AWS_SECRET_ACCESS_KEY is not"));
    CHECK(holds(made("region: us-east-1, dialect: gemini"), "upstreams[0].dialect: is not spoken"));
    CHECK(holds(made("region: us-east-1, headers: { X-Amz-Date: x }"), "part of the signature"));
    CHECK(holds(made("region: us-east-1, headers: { X-Amz-Security-Token: x }"),
                "x-amz-security-token is a part of the signature"));
}

TEST_CASE("Of Bedrock in OpenAI's API it is told that AWS's keys do not sign there") {
    const auto warned = [](const std::string& more, const Variables& variables) {
        const auto loaded = load_yaml(
            "upstreams: [{ name: one, provider: bedrock, region: us-east-1" + more + " }]\n",
            variables);
        REQUIRE(loaded.config);
        return loaded.config->warnings.empty() ? "" : loaded.config->warnings[0];
    };
    const auto said = warned(", dialect: chat", kKeys);
    CHECK(holds(said, "upstreams[0].dialect"));
    CHECK(holds(said, "not signed"));
    CHECK(warned(", dialect: chat, api_key: k", kKeys).empty());
    CHECK(warned(", dialect: chat, headers: { Authorization: x }", kKeys).empty());
    CHECK(warned(", dialect: chat", {}).empty());  // the client's key is all there is
    CHECK(warned("", kKeys).empty());
}

TEST_CASE("A chain may name Bedrock's models where the environment says the rest") {
    const std::string yaml = "routes: [{ model: \"*\", chain: [bedrock/amazon.nova-lite-v1:0] }]\n";
    const auto loaded = load_yaml(yaml, with({{"AWS_REGION", "us-east-1"}}));
    REQUIRE(loaded.config);
    CHECK(shown(loaded.config->upstreams[0]) ==
          "https://bedrock-runtime.us-east-1.amazonaws.com converse AKIDENV us-east-1 bedrock");
    CHECK(loaded.config->routes[0].chain[0].model == "amazon.nova-lite-v1:0");
    CHECK(holds(load_yaml(yaml, {{"AWS_REGION", "us-east-1"}}).problems.at(0).message,
                "names `bedrock`: no AWS credentials"));
}

TEST_CASE("A profile of OpenHands that names one of AWS's takes its keys and its region") {
    const TemporaryFolder home;
    const auto config =
        home.write("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = us-west-2\n");
    const auto keys = home.write(
        "credentials", "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n");
    const auto reading = read_profile(
        R"({"model":"bedrock/m","aws_profile_name":"work"})", "p",
        environment({{"AWS_CONFIG_FILE", config}, {"AWS_SHARED_CREDENTIALS_FILE", keys}}));
    REQUIRE(reading.profile);
    CHECK(shown(reading.profile->upstream) ==
          "https://bedrock-runtime.us-west-2.amazonaws.com converse AKIDWORK us-west-2 bedrock");
}

TEST_CASE("A profile of OpenHands brings keys, region and address of Bedrock") {
    const auto read = [](const std::string& members, const Variables& variables = {}) {
        auto reading = read_profile("{" + members + "}", "p", environment(variables));
        std::string out;
        for (const auto& problem : reading.problems) out += problem.member + " ";
        if (!reading.profile) return out;
        const auto& upstream = reading.profile->upstream;
        return shown(upstream) + " " + *upstream.model;
    };
    const std::string keys = R"("aws_access_key_id":"AKIDPROFILE","aws_secret_access_key":"s")";
    const std::string at = " converse AKIDPROFILE us-west-2 bedrock m-v1:0";
    CHECK(read(R"("model":"bedrock/m-v1:0","aws_region_name":"us-west-2",)" + keys) ==
          "https://bedrock-runtime.us-west-2.amazonaws.com" + at);
    CHECK(read(R"("model":"bedrock/us-west-2/m-v1:0","aws_region_name":"eu-west-1",)" + keys) ==
          "https://bedrock-runtime.us-west-2.amazonaws.com" + at);
    CHECK(read(R"("model":"bedrock/converse/m-v1:0","aws_region_name":"us-west-2",)"
               R"("aws_bedrock_runtime_endpoint":"https://vpc.example",)" +
               keys) == "https://vpc.example" + at);
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"us-west-2","api_key":"b")") ==
          "https://bedrock-runtime.us-west-2.amazonaws.com converse Bearer b us-west-2 bedrock m");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"us-west-2")", kKeys) ==
          "https://bedrock-runtime.us-west-2.amazonaws.com converse AKIDENV us-west-2 bedrock m");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"us-west-2")") == "aws_access_key_id ");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"x","aws_access_key_id":"A")") ==
          "aws_secret_access_key ");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"x","aws_role_name":"r",)" + keys) ==
          "aws_role_name ");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"us-west-2","aws_profile_name":"none")",
               kKeys) == "aws_access_key_id ");
    CHECK(read(R"("model":"bedrock/m","aws_region_name":"x",)"
               R"("aws_access_key_id":"AKID","aws_secret_access_key":"********")") ==
          "aws_secret_access_key aws_secret_access_key ");
}
