// Mistakes that everybody makes once, and what is said of them.
#include "config/address.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

bool first_has(const std::vector<std::string>& problems, std::string_view part) {
    CAPTURE(problems);
    return !problems.empty() && problems.front().find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Of a quote that is not closed the line that opens it is named") {
    CHECK(first_has(problems_of("upstreams:\n  - name: \"one\n    base_url: https://a.example\n"),
                    "line 2 opens a quote"));
    CHECK(first_has(problems_of("listen: '127.0.0.1:0\nupstreams:\n  - name: one\n"
                                "    base_url: https://a.example/v1\n"),
                    "line 1 opens a quote"));
}

TEST_CASE("Of indentation that does not fit the line is named") {
    CHECK(first_has(problems_of("upstreams:\n  - name: one\n   base_url: https://a.example\n"),
                    "line 3 begins in a column"));
    CHECK(first_has(problems_of("upstreams:\n  - name: one\n      base_url: https://a.example\n"),
                    "line 3 is indented further"));
    CHECK(first_has(problems_of("upstreams:\n\t- name: one\n"), "line 2 is indented with a tab"));
}

TEST_CASE("Of values that YAML reads as something else the remedy is named") {
    struct Row {
        const char* written;
        const char* remedy;
    };
    const std::string two = "upstreams:\n  - { name: one, base_url: 'https://a.example/v1' }\n";
    for (const Row row : {Row{"routes:\n  - model: *\n    chain: [one]\n", "a glob needs quotes"},
                          {"routes: [{ model: *-mini, chain: [one] }]\n", "a glob needs quotes"},
                          {"routes:\n  - model: @x\n    chain: [one]\n", "cannot begin with @"},
                          {"routes:\n  - model: `x`\n    chain: [one]\n", "cannot begin with `"},
                          {"listen: [::1]:8080\n", "in brackets needs quotes"},
                          {"ledger: a: b\n", "a colon and a space in it needs quotes"}}) {
        CAPTURE(row.written);
        CHECK(first_has(problems_of(two + row.written), row.remedy));
    }
    // What is quoted, a comment, or in the middle of a value begins none.
    for (const char* written : {"routes: [{ model: \"*\", chain: [one] }\n",
                                "drain: [30s # * and @\n", "ledger: [a*b, c@d\n"}) {
        CAPTURE(written);
        const auto problems = problems_of(two + written);
        REQUIRE_FALSE(problems.empty());
        CHECK(problems.front().find("begin") == std::string::npos);
    }
}

TEST_CASE("An address of Azure's and a local server's without their paths are warned of") {
    struct Row {
        const char* entry;
        const char* words;
    };
    for (const Row row : {Row{"base_url: 'https://r.openai.azure.com'", "`provider: azure`"},
                          {"base_url: 'http://localhost:11434'", "http://localhost:11434/v1"},
                          {"base_url: 'http://127.0.0.1:11434/api'", "http://127.0.0.1:11434/v1"},
                          {"base_url: 'http://127.0.0.1:1234'", "http://127.0.0.1:1234/v1"}}) {
        CAPTURE(row.entry);
        const auto loaded = load_yaml("upstreams: [{ name: a, " + std::string(row.entry) + " }]\n");
        REQUIRE(loaded.config);
        REQUIRE(loaded.config->warnings.size() == 1);
        CHECK(loaded.config->warnings.front().find(row.words) != std::string::npos);
    }
    for (const char* entry :
         {"base_url: 'http://127.0.0.1:11434/v1'", "base_url: 'http://127.0.0.1:8000'",
          "base_url: 'https://r.openai.azure.com/openai/v1'",
          "base_url: 'https://r.openai.azure.com', provider: azure, model: m, price: { input: 1, "
          "output: 1 }"}) {
        CAPTURE(entry);
        const auto loaded = load_yaml("upstreams: [{ name: a, " + std::string(entry) + " }]\n");
        REQUIRE(loaded.config);
        CHECK(loaded.config->warnings.empty());
    }
}

TEST_CASE("A status where a failure class belongs is answered with the class") {
    struct Row {
        const char* written;
        const char* right;
    };
    for (const Row row : {Row{"429", "rate_limit"},
                          {"500", "server_error"},
                          {"503", "server_error"},
                          {"5xx", "server_error"},
                          {"529", "server_error"},
                          {"408", "timeout"},
                          {"504", "timeout"},
                          {"402", "quota"},
                          {"401", "auth"},
                          {"404", "not_found"},
                          {"400", "bad_request"}}) {
        CAPTURE(row.written);
        std::string route = "{ model: m, chain: [one, two], fallback_on: [";
        route.append(row.written).append("] }");
        CHECK(first_has(problems_of(route_with(route)), std::string("write ") + row.right));
    }
}

TEST_CASE("A path that is only a part of the usual one is warned of with the right one") {
    struct Row {
        const char* url;
        const char* right;
    };
    for (const Row row :
         {Row{"https://api.groq.com/v1", "https://api.groq.com/openai/v1"},
          {"https://api.groq.com", "https://api.groq.com/openai/v1"},
          {"https://api.groq.com/openai", "https://api.groq.com/openai/v1"},
          {"https://openrouter.ai/v1", "https://openrouter.ai/api/v1"},
          {"https://openrouter.ai/api", "https://openrouter.ai/api/v1"},
          {"https://api.fireworks.ai/v1", "https://api.fireworks.ai/inference/v1"}}) {
        CAPTURE(row.url);
        const auto loaded =
            load_yaml("upstreams: [{ name: a, base_url: '" + std::string(row.url) + "' }]\n");
        REQUIRE(loaded.config);
        REQUIRE(loaded.config->warnings.size() == 1);
        CHECK(loaded.config->warnings.front().ends_with(row.right));
    }
    CHECK(likelier_path("api.groq.com", "/openai/v1").empty());
    CHECK(likelier_path("api.deepseek.com", "/beta").empty());
    CHECK(likelier_path("a.example", "").empty());
}
