#include "config/describe.hpp"

#include "config/prices.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

constexpr const char* kYaml = R"(
workers: 2
upstreams:
  - name: openai
    base_url: https://api.openai.com/v1
    api_key: sk-hunter2
    headers: { X-Team: hunter2 }
    body: { set: { user: hunter2 }, drop: [logit_bias], rename: { a: b } }
    tls: { verify: false }
  - { name: backup, base_url: "http://10.0.0.1:8080/v1", model: llama }
routes:
  - { model: "gpt-*", chain: [openai, backup, backup/other] }
keys:
  - { name: team-a, key: hunter2hunter2hunter2, routes: ["gpt-4*"] }
  - { name: team-b, key: hunter2hunter2hunter3 }
)";

}  // namespace

TEST_CASE("A description names what would run and no secret") {
    const Config config = *load_yaml(kYaml).config;
    const std::string text = describe(config, false);
    CAPTURE(text);
    REQUIRE(text.starts_with(
        "u.yaml is valid\n\n"
        "  listen     127.0.0.1:8080\n"
        "  admin      on the same address\n"
        "  workers    2\n"
        "  keys       team-a (gpt-4*); team-b (every model)\n"
        "\nupstreams\n"
        "  openai  https://api.openai.com/v1  own key\n"
        "  backup  http://10.0.0.1:8080/v1    client's key, model llama\n"
        "\nroutes\n"
        "  gpt-*  openai -> backup (llama) -> backup/other  deadline 5m, 0 retries per entry\n"
        "\nwarnings\n"));
    REQUIRE(text.find("hunter2") == std::string::npos);
    REQUIRE(text.find('\x1b') == std::string::npos);
    REQUIRE(describe(config, true).find("\x1b[1m") != std::string::npos);
}

TEST_CASE("An explanation walks the chain of one model") {
    const Config config = *load_yaml(kYaml).config;
    const std::string text = *explain(config, "gpt-4o", false);
    CAPTURE(text);
    REQUIRE(text ==
            "gpt-4o takes the route \"gpt-*\"\n\n"
            "  deadline   5m over all attempts\n"
            "  retries    0 per entry, 250ms to 5s apart; a retry-after of up to 5s is waited for\n"
            "  falls back connection, timeout, rate_limit, quota, server_error, malformed\n"
            "  allowed    team-a, team-b\n"
            "\n1. openai\n"
            "  sends      model gpt-4o to https://api.openai.com/v1\n"
            "  key        its own\n"
            "  headers    X-Team\n"
            "  body       set user; drop logit_bias; rename a to b\n"
            "  tls        not verified\n"
            "  context    128000 tokens; what is surely longer passes it over\n"
            "  max output 16384 tokens\n"
            "  timeouts   connect 5s, first_token 1m, response 5m, idle 1m, total 15m\n"
            "  price      input $2.5, output $10, cache_read $1.25 per million tokens (built-in "
            "table, built-in " +
                std::string(builtin_price_digest()) +
                ")\n"
                "             service tier priority: input $4.25, output $17, cache_read $2.125\n"
                "             service tier batch: input $1.25, output $5\n"
                "\n2. backup\n"
                "  sends      model llama to http://10.0.0.1:8080/v1\n"
                "  key        the client's, passed through\n"
                "  timeouts   connect 5s, first_token 1m, response 5m, idle 1m, total 15m\n"
                "  price      unknown: tokens are counted, cost is not; set `price` or `prices`\n"
                "\n3. backup/other\n"
                "  sends      model other to http://10.0.0.1:8080/v1\n"
                "  key        the client's, passed through\n"
                "  timeouts   connect 5s, first_token 1m, response 5m, idle 1m, total 15m\n"
                "  price      unknown: tokens are counted, cost is not; set `price` or `prices`\n");
    REQUIRE_FALSE(explain(config, "o3", false));
    REQUIRE(
        no_route(config, "o3") ==
        "no route matches \"o3\", a client would get 404 model_not_found; the routes are gpt-*");
}

TEST_CASE("A credential that is written as a header is told as a key of its own") {
    const Config config =
        *load_yaml(
             "upstreams: [{ name: one, base_url: 'https://a.example/v1', headers: { Authorization: "
             "hunter2 } }]\nroutes: [{ model: \"*\", chain: [one] }]\n")
             .config;
    const std::string text = describe(config, false) + *explain(config, "m", false);
    CAPTURE(text);
    CHECK(text.find("https://a.example/v1  own key in a header\n") != std::string::npos);
    CHECK(text.find("  key        its own, in a header\n") != std::string::npos);
    CHECK(text.find("hunter2") == std::string::npos);
}

TEST_CASE("A key is described with what it may do") {
    const auto config =
        load_yaml(
            "upstreams: [{ name: one, base_url: 'https://a.example/v1' }]\n"
            "keys: [{ name: a, key: hunter2hunter2hunter2, expires: 2030-01-31, limits: { "
            "requests_per_minute: 60, tokens_per_minute: 9000, requests_in_flight: 4, "
            "budget_usd_per_day: 2.50, budget_usd_per_month: 50 } }]\n")
            .config;
    REQUIRE(config);
    const std::string text = describe(*config, false);
    CAPTURE(text);
    REQUIRE(text.find("keys       a (every model, 60 requests a minute, 9000 tokens a minute, 4 "
                      "requests at once, 2.5 USD a day, 50 USD a month, until "
                      "2030-02-01T00:00:00Z)\n") != std::string::npos);
}
