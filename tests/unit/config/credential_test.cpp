// What stands where a key belongs and is none.
#include "config/credential.hpp"

#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

bool mentions(const std::vector<std::string>& problems, std::string_view text) {
    return problems.size() == 1 && problems.front().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("A reference in another program's form is refused with the right one") {
    struct Row {
        const char* text;
        const char* right;
    };
    for (const Row row : {Row{"$OPENAI_API_KEY", "${OPENAI_API_KEY}"},
                          {"$groq_key", "${groq_key}"},
                          {"$OPENAI_API_KEY}", "${OPENAI_API_KEY}"},
                          {"#{OPENAI_API_KEY}", "${OPENAI_API_KEY}"},
                          {"ENC[AES256_GCM,data:x,type:str]", "${file:"},
                          {"ssm:/prod/key", "${file:"},
                          {"${OPENAI_API_KEY", "${OPENAI_API_KEY}"},
                          {"$(MISTRAL_API_KEY)", "${MISTRAL_API_KEY}"},
                          {"$env:GROQ_API_KEY", "${GROQ_API_KEY}"},
                          {"%OPENAI_API_KEY%", "${OPENAI_API_KEY}"},
                          {"os.environ/AZURE_API_KEY", "${AZURE_API_KEY}"},
                          {"os.environ[\"XAI_API_KEY\"]", "${XAI_API_KEY}"},
                          {"os.getenv('XAI_API_KEY')", "${XAI_API_KEY}"},
                          {"process.env.MY_KEY", "${MY_KEY}"},
                          {"env:MY_KEY", "${MY_KEY}"},
                          {"ENV/MY_KEY", "${MY_KEY}"},
                          {"{{ openai_key }}", "${openai_key}"},
                          {"{{ .Values.key }}", "${key}"},
                          {"{{ env.MY_KEY }}", "${MY_KEY}"},
                          {"os.environ.get('XAI_API_KEY')", "${XAI_API_KEY}"},
                          {"%(MY_KEY)s", "${MY_KEY}"},
                          {"{OPENAI_API_KEY}", "${OPENAI_API_KEY}"},
                          {"<%= KEY %>", "${KEY}"},
                          {"OPENROUTER_API_KEY", "${OPENROUTER_API_KEY}"},
                          {"HF_TOKEN", "${HF_TOKEN}"},
                          {"file:/run/secrets/key", "${file:/run/secrets/key}"},
                          {"@/run/secrets/key", "${file:/run/secrets/key}"},
                          {"/run/secrets/key", "${file:/run/secrets/key}"},
                          {"op://vault/openai/key", "${file:"}}) {
        CAPTURE(row.text);
        const auto why = credential_problem(row.text);
        REQUIRE(why);
        CHECK(why->find(row.right) != std::string::npos);
    }
}

TEST_CASE("A placeholder and a value that keeps its quotes are refused and not repeated") {
    for (const char* text : {"sk-...",
                             "sk-proj-...",
                             "sk-xxxxxxxxxxxxxxxx",
                             "xxxx",
                             "xxx",
                             "sk-XXX",
                             "gsk_XXXXXXXX",
                             "YOUR_API_KEY",
                             "your-api-key-here",
                             "your_openai_api_key",
                             "<your key>",
                             "<API_KEY_HERE>",
                             "[insert key]",
                             "changeme",
                             "change-me",
                             "REPLACE_ME",
                             "replace-with-your-key",
                             "insert-your-key",
                             "sk-placeholder",
                             "TODO",
                             "sk-",
                             "sk-***",
                             "sk-ab***********yz",
                             "__KEY__",
                             "\"sk-abc123\"",
                             "'sk-abc123'",
                             "`sk-abc123`",
                             "\"sk-abc123",
                             "sk-abc123\"",
                             "Bearer sk-abc123"}) {
        CAPTURE(text);
        const auto why = credential_problem(text);
        REQUIRE(why);
        CHECK(why->find("abc123") == std::string::npos);
        CHECK(why->find("${OPENAI_API_KEY}") != std::string::npos);
    }
}

TEST_CASE("What may be a key passes, also the words that servers without keys are given") {
    for (const char* text : {"sk-proj-Ab3_x9-Zq",
                             "gsk_4hTz",
                             "0123456789abcdef",
                             "hunter2hunter2hunter2",
                             "none",
                             "EMPTY",
                             "dummy",
                             "unused",
                             "not-needed",
                             "ollama",
                             "lm-studio",
                             "sk-bench",
                             "k",
                             "a",
                             "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
                             "pa$$word-12",
                             "a{b}c",
                             "100%sure",
                             "key_live_8f7e6d",
                             "sk-ant-api03-x-AA",
                             "xai-8Zx",
                             "ABCDEF_0123456789"}) {
        CAPTURE(text);
        CHECK_FALSE(credential_problem(text));
    }
}

TEST_CASE("Every credential of the file and of the environment is judged by the same rule") {
    CHECK(mentions(problems_of(upstream_with("api_key: $OPENAI_API_KEY")), "${OPENAI_API_KEY}"));
    CHECK(mentions(problems_of("keys: [{ name: a, key: changeme }]\n" + upstream_with("")),
                   "keys[0].key: is a placeholder"));
    CHECK(
        mentions(problems_of(upstream_with("headers: { Authorization: Bearer $KEY }")), "${KEY}"));
    CHECK(mentions(problems_of(upstream_with("headers: { X-Api-Key: os.environ/KEY }")), "${KEY}"));
    CHECK(problems_of(upstream_with("headers: { X-Note: $KEY }")).empty());
    CHECK(mentions(problems_of(upstream_with("api_key: ${K}"), {{"K", "\"sk-hunter2\""}}),
                   "the value of \"${K}\" begins or ends with a quotation mark"));
    const auto loaded = load(
        std::nullopt,
        environment(
            {{"OPENAI_API_KEY", "sk-..."}, {"UNDERSTUDY_CONFIG", ""}, {"HOME", "/nonexistent"}}),
        {});
    if (!loaded.config) CHECK(loaded.problems.front().message.starts_with("is a placeholder"));
}
