// Profiles of OpenHands: what each member becomes, how secrets are read, what is refused.
#include "config/profile.hpp"
#include "config/fernet.hpp"
#include "config/profile_store.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace understudy::config;
using namespace understudy::config::test;
using Texts = std::vector<std::string>;

namespace {

constexpr const char* kSecretKey = "understudy-example-key";
constexpr const char* kToken =
    "gAAAAABqsTuAAAECAwQFBgcICQoLDA0OD6vnJdPf_l888c-2BkV1_BWazxDKgJRAak_"
    "ouBPrS3THCHfFDXPu5HtQkeHD0liKUQ==";

std::string json_with(const std::string& members) {
    return R"({"model":"openai/m","base_url":"http://127.0.0.1:9/v1",)" + members + "}";
}

ProfileReading reading(const std::string& json, const Variables& variables = {}) {
    return read_profile(json, "p", environment(variables));
}

Upstream upstream_of(const std::string& members) {
    const auto read = reading(json_with(members));
    REQUIRE(read.problems.empty());
    return read.profile->upstream;
}

std::string set_of(const Upstream& upstream) {
    std::string out;
    for (const auto& [member, value] : upstream.body.set) out += member + "=" + value + " ";
    return out;
}

Texts problems_of_profile(const std::string& json, const Variables& variables = {}) {
    Texts out;
    for (const auto& p : reading(json, variables).problems) out.push_back(p.member);
    return out;
}

}  // namespace

TEST_CASE("A profile's prefix chooses provider, address and model as LiteLLM does") {
    const auto place = [](const std::string& json) {
        const auto read = reading(json);
        REQUIRE(read.profile);
        return read.profile->upstream.base_url.text() + " " + *read.profile->upstream.model;
    };
    CHECK(place(R"({"model":"groq/llama"})") == "https://api.groq.com/openai/v1 llama");
    CHECK(place(R"({"model":"openrouter/openai/gpt-4o"})") ==
          "https://openrouter.ai/api/v1 openai/gpt-4o");
    CHECK(place(R"({"model":"openai/a/b","base_url":"http://h.example:1/x"})") ==
          "http://h.example:1/x a/b");
    CHECK(place(R"({"model":"own-name","base_url":"http://h.example:1/v1"})") ==
          "http://h.example:1/v1 own-name");
    CHECK(problems_of_profile(R"({"model":"own-name"})") == Texts{"model"});
    CHECK(problems_of_profile(R"({"model":"bedrock/x"})") == Texts{"aws_region_name"});
    CHECK(problems_of_profile(R"({"api_key":"k"})") == Texts{"model"});
}

TEST_CASE("Members of a profile become those of the request under the provider's names") {
    CHECK(set_of(upstream_of(R"("temperature":0.5,"top_p":1.0,"seed":7)")) ==
          "temperature=0.5 top_p=1.0 seed=7 ");
    CHECK(set_of(upstream_of(R"("top_k":40.0)")) == "top_k=40 ");
    const Upstream bounded = upstream_of(R"("max_output_tokens":9)");
    CHECK(set_of(bounded) == "max_completion_tokens=9 ");
    CHECK(bounded.body.drop == Texts{"max_tokens"});
    CHECK(
        set_of(upstream_of(R"("model":"openai/gpt-5","reasoning_effort":"low","temperature":0)")) ==
        "reasoning_effort=\"low\" ");
    CHECK(set_of(upstream_of(R"("litellm_extra_body":{"x":{"y":[1]}})")) == "x={\"y\":[1]} ");
}

TEST_CASE("An effort goes to models that take one, and the client's to no other") {
    struct Row {
        std::string model, members, effort;  // effort: "" the client's stays, "-" none is sent
    };
    const std::string base = R"(,"base_url":"http://127.0.0.1:9/v1")";
    const std::vector<Row> rows{
        {"openai/own", base, "\"low\""},  // any server, as the SDK
        {"own", base, "\"low\""},
        {"hosted_vllm/x", base, "\"low\""},
        {"openai/gpt-4o", "", "-"},
        {"gpt-4o-mini", "", "-"},
        {"openai/o3-mini", "", "\"low\""},
        {"openai/gpt-6-sol", "", "\"low\""},
        {"openrouter/meta-llama/x", "", "\"low\""},
        {"groq/llama-3.3-70b-versatile", "", "-"},
        {"groq/openai/gpt-oss-120b", "", "\"low\""},
        {"xai/grok-4", "", "-"},
        {"xai/grok-4.3", "", "\"low\""},
        {"xai/grok-4.20-non-reasoning", "", "-"},
        {"mistral/magistral-medium-latest", "", "-"},
        {"zai/glm-4.6", "", "-"},
        {"fireworks_ai/accounts/fireworks/models/glm-4.6", "", "\"low\""},
        {"litellm_proxy/alias", base, "-"},
        {"litellm_proxy/alias", base + R"(,"model_canonical_name":"openai/o3")", "\"low\""},
        {"groq/llama", R"(,"drop_params":false)", ""},
        {"ollama/llama3", "", "-"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.model, row.members);
        const auto read = reading(R"({"reasoning_effort":"low","model":")" + row.model + "\"" +
                                  row.members + "}");
        REQUIRE(read.profile);
        const auto& body = read.profile->upstream.body;
        std::string effort = std::count(body.drop.begin(), body.drop.end(), "reasoning_effort") > 0
                                 ? "-"
                                 : std::string();
        for (const auto& [member, value] : body.set) {
            if (member == "reasoning_effort") effort = value;
        }
        CHECK(effort == row.effort);
        const bool noted =
            !read.profile->notes.empty() && read.profile->notes[0].member == "reasoning_effort";
        CHECK(noted == (row.effort.empty() || row.effort == "-"));
    }
}

TEST_CASE("Numbers of a profile go out under the names and within the bounds of the provider") {
    const auto made = [](const std::string& members) {
        const auto read = reading("{" + members + "}");
        REQUIRE(read.profile);
        return read.profile->upstream;
    };
    const Upstream mistral = made(R"("model":"mistral/x","seed":7,"temperature":1.8,"top_k":4)");
    CHECK(set_of(mistral) == "temperature=1.5 random_seed=7 ");
    CHECK(std::count(mistral.body.drop.begin(), mistral.body.drop.end(), "seed") == 1);
    CHECK(set_of(made(R"("model":"moonshot/x","temperature":1.2)")) == "temperature=1.0 ");
    CHECK(set_of(made(R"("model":"moonshot/x","temperature":1.2,"drop_params":false)")) ==
          "temperature=1.2 ");
    // Gemini's models reason and take these; of top_k its endpoint knows nothing.
    CHECK(set_of(made(R"("model":"gemini/gemini-2.5-pro","temperature":0.5,"top_k":4)")) ==
          "temperature=0.5 ");
    for (const char* service : {"groq", "mistral", "gemini", "cerebras", "openai"}) {
        CAPTURE(service);
        CHECK(set_of(made(R"("model":")" + std::string(service) + R"(/x","top_k":4)")).empty());
    }
}

TEST_CASE("Who asks is told to OpenRouter, and to others where the profile says it itself") {
    const auto headers = [](const std::string& model, const std::string& members) {
        const auto read = reading(R"({"base_url":"http://127.0.0.1:9/v1","model":")" + model +
                                  "\"," + members + "}");
        REQUIRE(read.profile);
        std::string out;
        for (const auto& header : read.profile->upstream.headers) {
            out += header.name + "=" + header.value.reveal() + " ";
        }
        return out;
    };
    const std::string defaults =
        R"("openrouter_site_url":"https://docs.all-hands.dev/","openrouter_app_name":"OpenHands")";
    CHECK(headers("openai/x", defaults).empty());
    CHECK(headers("openrouter/x", defaults) ==
          "HTTP-Referer=https://docs.all-hands.dev/ X-Title=OpenHands ");
    CHECK(headers("openai/x", R"("openrouter_app_name":"Mine")") == "X-Title=Mine ");
    CHECK(headers("openai/x", R"("openrouter_app_name":"Mine","extra_headers":{"x-title":"a"})") ==
          "x-title=a ");
}

TEST_CASE("An address of a profile becomes that of the OpenAI-compatible API") {
    const auto place = [](const std::string& model, const std::string& url,
                          const std::string& more = "") {
        const auto read =
            reading(R"({"model":")" + model + R"(","base_url":")" + url + "\"" + more + "}");
        REQUIRE(read.profile);
        const Upstream& upstream = read.profile->upstream;
        return upstream.base_url.text() + (upstream.model_in_path ? " by deployment" : "");
    };
    const std::string gemini = "https://generativelanguage.googleapis.com";
    CHECK(place("gemini/x", gemini) == gemini + "/v1beta/openai");
    CHECK(place("gemini/x", gemini + "/v1beta") == gemini + "/v1beta/openai");
    CHECK(place("gemini/x", "http://127.0.0.1:9/v1") == "http://127.0.0.1:9/v1");
    CHECK(place("anthropic/x", "https://api.anthropic.com") == "https://api.anthropic.com/v1");
    CHECK(place("cohere_chat/x", "https://api.cohere.ai/v2/chat") ==
          "https://api.cohere.ai/compatibility/v1");
    CHECK(place("openai/x", "https://api.openai.com/") == "https://api.openai.com/v1");
    const std::string azure = "https://r.openai.azure.com";
    CHECK(place("azure/x", azure) == azure + "/openai by deployment");
    CHECK(place("azure/x", azure + "/openai") == azure + "/openai by deployment");
    CHECK(place("azure/x", "https://gateway.example/team") ==
          "https://gateway.example/team/openai by deployment");
    CHECK(place("azure/x", "https://gateway.example/team", R"(,"api_version":"preview")") ==
          "https://gateway.example/team/openai/v1");
}

TEST_CASE("A key of the environment goes to its service's own hosts and to no other") {
    const Variables keys{{"GROQ_API_KEY", "g"}, {"AZURE_API_KEY", "a"}, {"LM_STUDIO_API_KEY", "l"}};
    const auto key = [&](const std::string& model, const std::string& url) {
        const auto read =
            reading(R"({"model":")" + model + R"(","base_url":")" + url + "\"}", keys);
        REQUIRE(read.profile);
        const auto& found = read.profile->upstream.api_key;
        return found ? found->reveal() : std::string();
    };
    CHECK(key("groq/x", "https://api.groq.com/openai/v1") == "g");
    CHECK(key("groq/x", "http://api.groq.com/openai/v1").empty());  // in the clear
    CHECK(key("groq/x", "https://elsewhere.example/v1").empty());
    CHECK(key("azure/x", "https://r.openai.azure.com") == "a");
    CHECK(key("azure/x", "https://r.services.ai.azure.com") == "a");
    CHECK(key("azure/x", "https://gateway.example").empty());
    CHECK(key("lm_studio/x", "https://api.openai.com/v1").empty());
}

TEST_CASE("Times, retries and prices of a profile are taken over") {
    const auto read = reading(
        json_with(R"("timeout":7,"stream_idle_timeout":3,"num_retries":4,"retry_min_wait":1,)"
                  R"("retry_multiplier":2.0,"retry_max_wait":9,"input_cost_per_token":2e-07,)"
                  R"("output_cost_per_token":8e-07,"extra_headers":{"x-team":"infra"})"));
    REQUIRE(read.profile);
    const Profile& profile = *read.profile;
    CHECK(profile.upstream.timeouts.response == Duration{7000});
    CHECK(profile.upstream.timeouts.idle == Duration{3000});
    CHECK(profile.retries == 3);
    CHECK(profile.retry.base == Duration{2000});
    CHECK(profile.retry.max == Duration{9000});
    CHECK(profile.upstream.price->standard.input == 200'000);
    CHECK(profile.upstream.headers.at(0).value.reveal() == "infra");
}

TEST_CASE("A secret is read in the clear and encrypted, and refused where it is not there") {
    CHECK(upstream_of(R"("api_key":"sk-1")").api_key->reveal() == "sk-1");
    const std::string encrypted = json_with(R"("api_key":")" + std::string(kToken) + "\"");
    const auto read = reading(encrypted, {{"OH_SECRET_KEY", kSecretKey}});
    REQUIRE(read.profile);
    CHECK(read.profile->upstream.api_key->reveal() == "sk-local-123");
    CHECK(problems_of_profile(encrypted) == Texts{"api_key"});
    CHECK(problems_of_profile(encrypted, {{"OH_SECRET_KEY", "other"}}) == Texts{"api_key"});
    CHECK(problems_of_profile(json_with(R"("api_key":"**********")")) == Texts{"api_key"});
}

TEST_CASE("A secret that was saved under an earlier key is read after a rotation") {
    const std::string encrypted = json_with(R"("api_key":")" + std::string(kToken) + "\"");
    const auto key = [&](const Variables& variables) {
        const auto read = reading(encrypted, variables);
        return read.profile ? read.profile->upstream.api_key->reveal() : read.problems[0].message;
    };
    const std::string list = "[\"older\", \"" + std::string(kSecretKey) + "\"]";
    CHECK(key({{"OH_SECRET_KEY", "new"}, {"OH_PREVIOUS_SECRET_KEYS", list}}) == "sk-local-123");
    CHECK(key({{"OH_SECRET_KEY", "new"},
               {"OH_PREVIOUS_SECRET_KEYS_0", "older"},
               {"OH_PREVIOUS_SECRET_KEYS_1", kSecretKey}}) == "sk-local-123");
    CHECK(key({{"OH_SECRET_KEY", "new"}, {"OH_PREVIOUS_SECRET_KEYS", "[\"older\"]"}})
              .find("nor among OH_PREVIOUS_SECRET_KEYS") != std::string::npos);
    const std::string wrong = key({{"OH_SECRET_KEY", "new"}, {"OH_PREVIOUS_SECRET_KEYS", "hush"}});
    CHECK(wrong.find("is not a JSON list of texts") != std::string::npos);
    CHECK(wrong.find("hush") == std::string::npos);
}

TEST_CASE("A token that was changed anywhere is not decrypted") {
    const std::string token = kToken;
    REQUIRE(decrypt_fernet(token, kSecretKey) == "sk-local-123");
    for (std::size_t i = 0; i + 3 < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        INFO(i);
        CHECK_FALSE(decrypt_fernet(changed, kSecretKey));
        CHECK_FALSE(decrypt_fernet(token.substr(0, i), kSecretKey));
    }
}

TEST_CASE("What a profile says wrongly is a problem at its member") {
    CHECK(problems_of_profile(json_with(R"("temperature":"warm")")) == Texts{"temperature"});
    CHECK(problems_of_profile(json_with(R"("num_retries":-1)")) == Texts{"num_retries"});
    CHECK(problems_of_profile(json_with(R"("schema_version":2)")) == Texts{"schema_version"});
    CHECK(problems_of_profile(json_with(R"("auth_type":"subscription")")) == Texts{"auth_type"});
    CHECK(problems_of_profile(json_with(R"("provider_connection_id":"c")")) ==
          Texts{"provider_connection_id"});
    CHECK(problems_of_profile(json_with(R"("extra_headers":{"host":"x"})")) ==
          Texts{"extra_headers.host"});
    CHECK(problems_of_profile(json_with(R"("litellm_extra_body":{"model":"x"})")) ==
          Texts{"litellm_extra_body.model"});
    CHECK(problems_of_profile("[1]") == Texts{""});
    CHECK(problems_of_profile("{") == Texts{""});
    const auto unknown = reading(json_with(R"("temprature":1)"));
    REQUIRE(unknown.profile);
    CHECK(unknown.profile->notes.at(0).member == "temprature");
}

TEST_CASE("A broken profile is left out, and a chain that names it does not start") {
    TemporaryFolder folder;
    const auto good = [](const char* model) {
        return R"({"model":"openai/)" + std::string(model) +
               R"(","base_url":"http://127.0.0.1:9/v1","api_key":"k"})";
    };
    folder.write("good.json", good("a"));
    folder.write("broken.json", "{");
    folder.write("half.json.tmp", "{");
    folder.write(".profiles.lock", "");
    const std::string store = "profiles: " + folder.path() + "\n";
    const Loaded loaded = load_yaml(store);
    REQUIRE(loaded.config);
    REQUIRE(loaded.config->upstreams.size() == 1);
    CHECK(loaded.config->route_for("good") != nullptr);
    CHECK(loaded.config->route_for("other") == nullptr);
    const auto& warnings = loaded.config->warnings;
    CHECK(std::count_if(warnings.begin(), warnings.end(), [](const std::string& warning) {
              return warning.find("broken.json") != std::string::npos;
          }) == 1);
    const auto refused = problems_of(store + "routes: [{ model: '*', chain: [good, broken] }]\n");
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].find(folder.path() + "/broken.json: is not JSON") != std::string::npos);
}

TEST_CASE("A chain on the command line is one route for every model") {
    TemporaryFolder folder;
    for (const char* name : {"a", "b"}) {
        folder.write(std::string(name) + ".json",
                     R"({"model":"openai/m","base_url":"http://127.0.0.1:9/v1"})");
    }
    Overrides overrides;
    overrides.profiles = folder.path();
    overrides.chain = {"b", "a/other", "groq/llama"};
    const Loaded loaded = load_overrides(environment({{"GROQ_API_KEY", "g"}}), overrides);
    REQUIRE(loaded.config);
    REQUIRE(loaded.config->routes.size() == 1);
    Texts models;
    for (const auto& entry : loaded.config->routes[0].chain) models.push_back(*entry.model);
    CHECK(models == Texts{"m", "other", "llama"});
    overrides.chain = {"b", "nowhere"};
    CHECK(texts(load_overrides(environment({}), overrides).problems).at(0).find("nowhere") !=
          std::string::npos);
}
