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
