// What `provider` makes of an upstream, and provider/model in chains.
#include "config/describe.hpp"
#include "config/describe_presets.hpp"
#include "config/known_names.hpp"
#include "config/preset_upstream.hpp"
#include "config/presets.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

using namespace understudy::config;
using namespace understudy::config::test;
using Texts = std::vector<std::string>;

namespace {

std::string one(std::string_view settings) {
    return "upstreams: [{ name: one, " + std::string(settings) + " }]\n";
}

// "base_url key variable", or the problem.
std::string made(std::string_view settings, const Variables& variables = {}) {
    const Loaded loaded = load_yaml(one(settings), variables);
    if (!loaded.config) return loaded.problems.at(0).message;
    const Upstream& u = loaded.config->upstreams[0];
    return u.base_url.text() + (u.api_key ? " " + u.api_key->reveal() : "") +
           (u.key_variable.empty() ? "" : " from " + u.key_variable);
}

std::string chain(std::string_view entries) {
    return "routes: [{ model: \"*\", chain: [" + std::string(entries) + "] }]\n";
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A provider needs nothing but a key") {
    REQUIRE(made("provider: groq, api_key: k") == "https://api.groq.com/openai/v1 k");
    REQUIRE(made("provider: groq", {{"GROQ_API_KEY", "e"}}) ==
            "https://api.groq.com/openai/v1 e from GROQ_API_KEY");
    REQUIRE(made("provider: gemini", {{"GOOGLE_API_KEY", "e"}}) ==
            "https://generativelanguage.googleapis.com/v1beta e from GOOGLE_API_KEY");
    REQUIRE(made("provider: groq") == "https://api.groq.com/openai/v1");
    REQUIRE(made("provider: ollama") == "http://127.0.0.1:11434/v1");
    for (const Preset& preset : presets()) {
        if (preset.base_url.empty()) continue;
        const auto url = made("provider: " + std::string(preset.name));
        // Its own default port is ours too: a request would come back.
        const bool loop = preset.name == "llamacpp";
        const auto there = preset.base_url_of(preset.usual_dialect());
        REQUIRE((loop ? holds(url, "leads back to this daemon") : url == there));
    }
}

TEST_CASE("A key of the environment goes to the provider's own address only") {
    const Variables keys{{"GROQ_API_KEY", "e"}, {"OPENAI_API_KEY", "e"}, {"AZURE_API_KEY", "e"}};
    REQUIRE(made("provider: groq, base_url: 'https://evil.example/v1'", keys) ==
            "https://evil.example/v1");
    REQUIRE(made("provider: openai, base_url: 'https://a.example/v1'", keys) ==
            "https://a.example/v1");
    REQUIRE(made("base_url: 'https://api.openai.com/v1'", keys) == "https://api.openai.com/v1");
    REQUIRE(made("provider: groq, api_key: k", keys) == "https://api.groq.com/openai/v1 k");
    REQUIRE(made("provider: groq, headers: { Authorization: Bearer x }", keys) ==
            "https://api.groq.com/openai/v1");
    REQUIRE(made("provider: azure, base_url: 'https://r.openai.azure.com'", keys) ==
            "https://r.openai.azure.com/openai/v1 e from AZURE_API_KEY");
    REQUIRE(made("provider: azure, base_url: 'https://gateway.example/openai'", keys) ==
            "https://gateway.example/openai/v1");
    const std::string bad = made("provider: groq", {{"GROQ_API_KEY", "hunter2\n"}});
    REQUIRE(holds(bad, "GROQ_API_KEY"));
    REQUIRE_FALSE(holds(bad, "hunter2"));
}

TEST_CASE("A provider that does not exist is refused with the nearest that does") {
    REQUIRE(holds(made("provider: grok, api_key: k"), "did you mean \"groq\"?"));
    REQUIRE(holds(made("provider: together_ai, api_key: k"), "it is called `together` here"));
    REQUIRE(holds(made("api_key: k"), "is missing; expected a URL"));
    REQUIRE(holds(made("provider: bedrock"), "region is missing: name one, such as us-east-1"));
    REQUIRE(holds(made("provider: azure"), "https://NAME.openai.azure.com"));
    REQUIRE(made("provider: groq, dialect: converse, base_url: 'https://a.example'") ==
            "https://a.example");
    REQUIRE(holds(made("provider: groq, dialect: gemini"), "is missing; expected the URL"));
    REQUIRE(made("provider: groq, dialect: chat") == "https://api.groq.com/openai/v1");
    REQUIRE(holds(made("provider: groq, api_version: v1"), "`provider: azure` only"));
    REQUIRE(holds(made("provider: groq, region: x"), "`provider: bedrock` only"));
}

TEST_CASE("A provider's own API is at its own address, with the same key and without the quirks") {
    REQUIRE(made("provider: anthropic, dialect: messages", {{"ANTHROPIC_API_KEY", "e"}}) ==
            "https://api.anthropic.com/v1 e from ANTHROPIC_API_KEY");
    REQUIRE(made("provider: gemini, dialect: gemini", {{"GEMINI_API_KEY", "e"}}) ==
            "https://generativelanguage.googleapis.com/v1beta e from GEMINI_API_KEY");
    REQUIRE(made("provider: deepseek, dialect: messages") ==
            "https://api.deepseek.com/anthropic/v1");
    REQUIRE(made("provider: groq, dialect: responses") == "https://api.groq.com/openai/v1");
    REQUIRE(made("dialect: messages, base_url: 'https://a.example/v1'") == "https://a.example/v1");
    const Loaded native = load_yaml(one("provider: gemini, dialect: gemini"));
    REQUIRE(native.config);
    REQUIRE(native.config->upstreams[0].body.empty());
    REQUIRE(native.config->upstreams[0].price_provider == "gemini");
    // Where nothing else is said it is the one that is spoken; at an address of one's own,
    // OpenAI's.
    const auto dialect = [](const char* settings) {
        return load_yaml(one(settings)).config->upstreams.at(0).dialect;
    };
    CHECK(dialect("provider: anthropic") == Dialect::messages);
    CHECK(dialect("provider: gemini") == Dialect::gemini);
    CHECK(dialect("provider: deepseek") == Dialect::chat);
    CHECK(dialect("provider: anthropic, base_url: 'https://a.example/v1'") == Dialect::chat);
    const Loaded compatible = load_yaml(one("provider: gemini, dialect: chat"));
    REQUIRE(compatible.config);
    CHECK(compatible.config->upstreams[0].base_url.path == "/v1beta/openai");
    CHECK_FALSE(compatible.config->upstreams[0].body.empty());
    // An address of this API is no mistaken one of the other.
    REQUIRE(load_yaml(one("dialect: gemini, api_key: k, base_url: "
                          "'https://generativelanguage.googleapis.com/v1beta'"))
                .config->warnings.empty());
}

TEST_CASE("Azure's path follows from the version of its API") {
    struct Row {
        std::string_view path, version, expected;
        bool model_in_path;
    };
    const std::vector<Row> rows{
        {"", "", "/openai/v1", false},
        {"", "preview", "/openai/v1", false},
        {"", "2024-10-21", "/openai", true},
        {"/openai", "2024-10-21", "/openai", true},
        {"/openai/deployments", "2024-10-21", "/openai", true},
        {"/openai/deployments/d", "2024-10-21", "/openai/deployments/d", false},
        {"/openai/v1", "", "/openai/v1", false},
        {"/gateway", "2024-10-21", "/gateway", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.path, row.version);
        const std::string version = row.version.empty() ? "" : ", api_version: ";
        const Loaded loaded =
            load_yaml(one("provider: azure, base_url: 'https://r.openai.azure.com" +
                          std::string(row.path) + "'" + version + std::string(row.version)));
        REQUIRE(texts(loaded.problems) == Texts{});
        REQUIRE(loaded.config->upstreams[0].base_url.path == row.expected);
        REQUIRE(loaded.config->upstreams[0].model_in_path == row.model_in_path);
    }
    REQUIRE(holds(made("provider: azure, base_url: 'https://r.x/openai/deployments/d'"),
                  "api_version: 2024-10-21"));
}

TEST_CASE("A member that the own body names is left to it by the provider's quirks") {
    const auto body = [](std::string_view own) {
        return load_yaml(one("provider: mistral, body: { " + std::string(own) + " }"))
            .config->upstreams[0]
            .body;
    };
    const auto drops = [](const understudy::wire::BodyRewrite& rewrite, std::string_view member) {
        return std::find(rewrite.drop.begin(), rewrite.drop.end(), member) != rewrite.drop.end();
    };
    REQUIRE(drops(body("drop: [x]"), "user"));
    REQUIRE_FALSE(drops(body("set: { user: me }"), "user"));
    REQUIRE_FALSE(drops(body("rename: { metadata: user }"), "user"));
    REQUIRE(body("drop: [x]").rename.size() == 2);
    REQUIRE(body("set: { max_completion_tokens: 5 }").rename.size() == 1);
    REQUIRE(body("drop: [temperature]").bounds.empty());
    REQUIRE(body("drop: [x]").bounds.size() == 1);
}

TEST_CASE("provider/model in a chain is that provider where no upstream has the name") {
    const Variables keys{{"GROQ_API_KEY", "g"}, {"TOGETHER_API_KEY", "t"}};
    const Loaded loaded =
        load_yaml(chain("groq/llama, groq/other, together_ai/meta/x, ollama_chat/l"), keys);
    REQUIRE(texts(loaded.problems) == Texts{});
    const Config& config = *loaded.config;
    REQUIRE(config.upstreams.size() == 3);
    REQUIRE(config.upstreams[0].name == "groq");
    REQUIRE(config.upstreams[0].api_key->reveal() == "g");
    REQUIRE(config.upstreams[1].name == "together");
    REQUIRE(config.routes[0].chain[2].model == "meta/x");
    REQUIRE_FALSE(config.upstreams[2].api_key);

    // An upstream of that name goes first, whatever it is.
    const Loaded own = load_yaml(
        "upstreams: [{ name: groq, base_url: 'https://a.example' }]\n" + chain("groq/llama"), keys);
    REQUIRE(own.config->upstreams.size() == 1);
    REQUIRE_FALSE(own.config->upstreams[0].api_key);
}

TEST_CASE("provider/model that cannot work is refused with what to do") {
    const auto why = [](std::string_view entries) {
        return load_yaml(chain(entries)).problems.at(0).message;
    };
    REQUIRE(holds(why("groq/llama"), "set GROQ_API_KEY, or add an upstream with"));
    REQUIRE(holds(why("gemini/x"), "set GEMINI_API_KEY or GOOGLE_API_KEY"));
    REQUIRE(holds(why("bedrock/x"), "\"bedrock/x\" names `bedrock`: its region is missing"));
    REQUIRE(holds(why("azure/x"), "a base_url"));
    REQUIRE(holds(why("grok/x"), "did you mean \"groq\"?"));
    REQUIRE(holds(why("nobody/x"), "there is no upstream for \"nobody/x\""));
    REQUIRE(holds(why("groq"), "there is no upstream for \"groq\""));
    REQUIRE(holds(why("gpt-4o"), "there is no upstream for \"gpt-4o\""));
    REQUIRE(load_yaml("listen: 127.0.0.1:1\n").problems.at(0).path == "upstreams");
}

TEST_CASE("A well-known model is asked for by the name it has at the other service") {
    struct Row {
        std::string_view preset, asked, expected;  // "" as it is
    };
    const std::vector<Row> rows{
        {"openrouter", "gpt-4o-mini", "openai/gpt-4o-mini"},
        {"openrouter", "o3", "openai/o3"},
        {"openrouter", "claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"},
        {"openrouter", "claude-opus-4-1-20250805", "anthropic/claude-opus-4.1"},
        {"openrouter", "claude-3-5-haiku-latest", "anthropic/claude-3.5-haiku"},
        {"openrouter", "claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"},
        {"openrouter", "gemini-2.5-pro", "google/gemini-2.5-pro"},
        {"openrouter", "openai/gpt-4o", ""},
        {"openrouter", "my-model", ""},
        {"openai", "openai/gpt-4o", "gpt-4o"},
        {"openai", "openai/gpt-4o:free", ""},
        {"openai", "anthropic/claude-sonnet-4.5", ""},
        {"openai", "gpt-4o", ""},
        {"anthropic", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"},
        {"gemini", "google/gemini-2.5-pro", "gemini-2.5-pro"},
        {"groq", "gpt-4o", ""},
        {"groq", "openai/gpt-oss-120b", ""},
        {"openai", "openai/gpt-oss-120b", "gpt-oss-120b"},
        {"openrouter", "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.preset, row.asked);
        REQUIRE(known_name(*find_preset(row.preset), row.asked).value_or("") == row.expected);
    }
}

TEST_CASE("check and explain say where a key comes from") {
    const Config config = *load_yaml(one("provider: groq"), {{"GROQ_API_KEY", "hunter2"}}).config;
    REQUIRE(holds(describe(config, false), "key of GROQ_API_KEY"));
    REQUIRE(holds(*explain(config, "m", false), "GROQ_API_KEY of the environment"));
    REQUIRE_FALSE(holds(*explain(config, "m", false), "hunter2"));
}

TEST_CASE("The list of presets names every one within 80 columns") {
    const std::string text = describe_presets();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) REQUIRE(line.size() <= 80);
    for (const Preset& preset : presets()) {
        CAPTURE(preset.name);
        REQUIRE(holds("\n" + text, "\n" + std::string(preset.name) + " "));
        REQUIRE(holds(text, preset.base_url_of(preset.usual_dialect())));
        for (const auto variable : preset.key_variables) REQUIRE(holds(text, variable));
    }
}

TEST_CASE("The documentation names every preset as the table has it") {
    const std::string page = read_source("docs/providers.md");
    for (const Preset& preset : presets()) {
        CAPTURE(preset.name);
        const auto at = page.find("\n| `" + std::string(preset.name) + "` |");
        REQUIRE(at != std::string::npos);
        const std::string row = page.substr(at + 1, page.find('\n', at + 1) - at);
        if (!preset.base_url.empty())
            REQUIRE(holds(row, preset.base_url_of(preset.usual_dialect())));
        for (const auto variable : preset.key_variables) REQUIRE(holds(row, variable));
        for (const auto member : preset.quirks.drop) REQUIRE(holds(row, member));
        REQUIRE(holds(row, "max_tokens;") + holds(row, "max_tokens.") +
                    holds(row, "max_tokens |") ==
                (preset.quirks.max_tokens_from.empty() ? 0 : 1));
        REQUIRE(holds(row, "n = 1") == preset.quirks.one_choice);
        if (preset.quirks.bound) REQUIRE(holds(row, preset.quirks.bound->member));
    }
}
