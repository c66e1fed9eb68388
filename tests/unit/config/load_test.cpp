#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace understudy::config;
using namespace understudy::config::test;
using Texts = std::vector<std::string>;

TEST_CASE("The smallest file has every default") {
    const Loaded loaded = load_yaml(upstream_with(""));
    REQUIRE(texts(loaded.problems).empty());
    const Config& config = *loaded.config;
    REQUIRE(config.listen == std::vector{Endpoint{"127.0.0.1", 8080}});
    REQUIRE_FALSE(config.admin);
    REQUIRE(config.workers == 0);
    REQUIRE(config.upstreams.size() == 1);
    REQUIRE_FALSE(config.upstreams[0].api_key);
    REQUIRE(config.routes.size() == 1);
    REQUIRE_FALSE(config.routes_given);
    REQUIRE(config.routes[0].model == "*");
    REQUIRE(config.routes[0].chain.size() == 1);
    REQUIRE(config.routes[0].chain[0].text == "one");
    REQUIRE(config.routes[0].retries == 2);
    REQUIRE(config.source == "u.yaml");
    REQUIRE(config.prices->size() > 100);
    REQUIRE(config.warnings.empty());
}

TEST_CASE("A chain of several entries is not retried unless it says so") {
    const auto routes = load_yaml(route_with("{ model: a, chain: [one, two] }\n"
                                             "  - { model: b, chain: [one] }\n"
                                             "  - { model: c, chain: [one], retries: 0 }\n"
                                             "  - { model: d, chain: [one, two], retries: 3 }"))
                            .config->routes;
    REQUIRE(routes[0].retries == 0);
    REQUIRE(routes[1].retries == 2);
    REQUIRE(routes[2].retries == 0);
    REQUIRE(routes[3].retries == 3);
}

TEST_CASE("A chain entry splits at the first slash, and its model goes before the upstream's own") {
    const auto loaded =
        load_yaml(route_with("{ model: '*', chain: [one, two, two/openai/gpt-4o] }"));
    REQUIRE(texts(loaded.problems).empty());
    const auto& chain = loaded.config->routes[0].chain;
    REQUIRE(chain[0].upstream == 0);
    REQUIRE_FALSE(chain[0].model);
    REQUIRE(chain[1].upstream == 1);
    REQUIRE(chain[1].model == "own");
    REQUIRE(chain[2].model == "openai/gpt-4o");
    REQUIRE(chain[2].text == "two/openai/gpt-4o");
}

TEST_CASE("Everything of section 3 arrives where it belongs") {
    TemporaryFolder folder;
    const auto loaded = load_yaml(R"(
listen: [127.0.0.1:1, "[::1]:2"]
admin: 127.0.0.1:3
workers: 4
upstreams:
  - name: one
    base_url: https://api.openai.com/v1
    api_key: ${KEY}
    model: gpt-4o
    timeouts: { connect: 1s, first_token: 2s, response: 3s, idle: 4s, total: 5s }
    headers: { OpenAI-Organization: org-1 }
    body:
      set: { tier: default, n: 1, f: 1.50, b: true, s: "1", z: null, l: [1, x], m: { k: "v" } }
      drop: [logit_bias]
      rename: { max_tokens: max_completion_tokens }
    tls: { verify: false, sni: Other.Example }
    max_connections: 7
    price: { input: 2.50, output: 10.00, cache_read: 1.25, cache_write: 0 }
    continuation: none
routes:
  - model: "gpt*"
    chain: [one]
    fallback_on: [connection, auth]
    retries: 1
    retry: { base: 1ms, max: 2ms, max_retry_after: 0s }
    deadline: 6s
    midstream: error
keys:
  - { name: k, key: 0123456789abcdef, routes: ["gpt*"] }
limits: { header: 1KiB, header_count: 9, body: 2KiB, memory: 1MiB, connections: 3,
          header_timeout: 4s, body_timeout: 5s, keepalive: 6s, buffer_response: 7KiB }
drain: 0s
log: { level: debug, format: json }
ledger: off
)",
                                  {{"KEY", "sk-1"}});
    REQUIRE(texts(loaded.problems).empty());
    const Config& c = *loaded.config;
    REQUIRE(c.listen == std::vector{Endpoint{"127.0.0.1", 1}, Endpoint{"::1", 2}});
    REQUIRE(c.admin == Endpoint{"127.0.0.1", 3});
    REQUIRE(c.workers == 4);
    const Upstream& u = c.upstreams[0];
    REQUIRE(u.api_key->reveal() == "sk-1");
    REQUIRE(u.price_provider == "openai");
    REQUIRE(u.model == "gpt-4o");
    REQUIRE(u.timeouts.connect == Duration{1'000});
    REQUIRE(u.timeouts.first_token == Duration{2'000});
    REQUIRE(u.timeouts.response == Duration{3'000});
    REQUIRE(u.timeouts.idle == Duration{4'000});
    REQUIRE(u.timeouts.total == Duration{5'000});
    REQUIRE(u.headers.size() == 1);
    REQUIRE(u.headers[0].name == "OpenAI-Organization");
    REQUIRE(u.headers[0].value.reveal() == "org-1");
    const std::vector<std::pair<std::string, std::string>> set{
        {"tier", "\"default\""}, {"n", "1"},    {"f", "1.50"},      {"b", "true"},
        {"s", "\"1\""},          {"z", "null"}, {"l", "[1,\"x\"]"}, {"m", "{\"k\":\"v\"}"}};
    REQUIRE(u.body.set == set);
    REQUIRE(u.body.drop == Texts{"logit_bias"});
    REQUIRE(u.body.rename[0].second == "max_completion_tokens");
    REQUIRE_FALSE(u.tls.verify);
    REQUIRE(u.tls.sni == "other.example");
    REQUIRE(u.max_connections == 7);
    REQUIRE(u.price->standard.input == 2'500'000);
    REQUIRE(u.price->standard.output == 10'000'000);
    REQUIRE(u.price->standard.cache_read == 1'250'000);
    REQUIRE(u.price->standard.cache_write == 0);
    REQUIRE(u.continuation == Continuation::none);
    const Route& r = c.routes[0];
    using understudy::wire::FailureClass;
    REQUIRE(r.fallback_on ==
            understudy::wire::FailureSet{FailureClass::connection, FailureClass::auth});
    REQUIRE(r.retries == 1);
    REQUIRE(r.retry.base == Duration{1});
    REQUIRE(r.retry.max == Duration{2});
    REQUIRE(r.retry.max_retry_after == Duration{0});
    REQUIRE(r.deadline == Duration{6'000});
    REQUIRE(c.route_for("gpt-9") == &r);
    REQUIRE(c.route_for("o3") == nullptr);
    // printf 0123456789abcdef | sha256sum
    REQUIRE(c.keys[0].sha256[0] == 0x9f);
    REQUIRE(c.keys[0].sha256[31] == 0x9f);
    REQUIRE(c.keys[0].routes == Texts{"gpt*"});
    REQUIRE(c.limits.header_bytes == 1'024);
    REQUIRE(c.limits.header_count == 9);
    REQUIRE(c.limits.body_bytes == 2'048);
    REQUIRE(c.limits.memory_bytes == 1'048'576);
    REQUIRE(c.limits.connections == 3);
    REQUIRE(c.limits.header_timeout == Duration{4'000});
    REQUIRE(c.limits.body_timeout == Duration{5'000});
    REQUIRE(c.limits.keepalive == Duration{6'000});
    REQUIRE(c.limits.buffer_response_bytes == 7'168);
    REQUIRE(c.drain == Duration{0});
    REQUIRE(c.log.level == LogLevel::debug);
    REQUIRE(c.log.json);
    REQUIRE_FALSE(c.ledger);
}

TEST_CASE("JSON is YAML") {
    const auto loaded = load_yaml(
        "{\"upstreams\": [\n\t{\"name\": \"one\", \"base_url\": \"https:\\/\\/a.example\\/v1\"}\n]}");
    REQUIRE(texts(loaded.problems).empty());
    REQUIRE(loaded.config->upstreams[0].base_url.host == "a.example");
}

TEST_CASE("All problems are reported at once, in the order of the file") {
    REQUIRE(problems_of(R"(listen: 8080
upstreams:
  - name: one
    base_ulr: https://a.example
    timeouts: { connect: 5 }
  - name: one
    base_url: https://b.example
    max_connections: 0
routes:
  - model: "*"
    chain: [one, oen]
    fallback_on: [ratelimit]
log: { level: verbose }
nonsense: 1
)") == Texts{"u.yaml:1:9: listen: \"8080\" has no address; write ADDRESS:PORT, as in "
             "127.0.0.1:8080 or [::1]:8080",
             "u.yaml:3:5: upstreams[0].base_url: is missing; expected a URL such as "
             "https://api.openai.com/v1",
             "u.yaml:4:5: upstreams[0].base_ulr: unknown key; did you mean \"base_url\"?",
             "u.yaml:5:26: upstreams[0].timeouts.connect: \"5\" has no unit; write 5s for "
             "seconds (or 5ms, 5m, 5h)",
             "u.yaml:6:11: upstreams[1].name: another upstream is already named \"one\"",
             "u.yaml:8:22: upstreams[1].max_connections: \"0\" is out of range; it must be 1 "
             "to 100000",
             "u.yaml:11:18: routes[0].chain[1]: there is no upstream for \"oen\"; did you mean "
             "\"one\"?",
             "u.yaml:12:19: routes[0].fallback_on[0]: \"ratelimit\" is not one of connection, "
             "timeout, rate_limit, quota, server_error, malformed, auth, not_found, "
             "context_length, content_filter, bad_request, empty, length, refusal, invalid_json "
             "or invalid_tool_call; did you mean \"rate_limit\"?",
             "u.yaml:13:15: log.level: \"verbose\" is not one of trace, debug, info, warn, "
             "error or off",
             "u.yaml:14:1: nonsense: unknown key; known here: listen, admin, workers, "
             "upstreams, routes, breaker, retry_budget, keys, cors, hosts, limits, drain, log, "
             "ledger, profiles or prices"});
}

TEST_CASE("A door open to other machines needs keys or an explicit word") {
    const std::string open = "listen: 0.0.0.0:8080\n" + upstream_with("");
    REQUIRE(problems_of(open) ==
            Texts{"u.yaml:1:9: listen: 0.0.0.0:8080 can be reached from other machines and there "
                  "are no `keys`, so anyone could spend your money; add `keys`, listen on "
                  "127.0.0.1, or pass --insecure if the network protects it"});
    REQUIRE(problems_of("admin: '[::]:9090'\n" + upstream_with("")).size() == 1);
    REQUIRE(problems_of(open + "keys: [{ name: a, key: 0123456789abcdef }]").empty());

    Overrides insecure;
    insecure.insecure = true;
    const Loaded loaded = load_yaml(open, {}, insecure);
    REQUIRE(loaded.config);
    REQUIRE(loaded.config->warnings ==
            Texts{"u.yaml:1:9: listen: 0.0.0.0:8080 serves everyone who can reach it (--insecure, "
                  "no `keys`)"});

    Overrides moved;
    moved.listen = {"0.0.0.0:1", "nowhere"};
    const auto problems = problems_of(upstream_with(""), {}, moved);
    REQUIRE(problems.size() == 2);
    REQUIRE(problems[0].rfind("command line: --listen: \"nowhere\" is not an address", 0) == 0);
    REQUIRE(problems[1].rfind("command line: --listen: 0.0.0.0:1 can be reached", 0) == 0);
    moved.listen = {"127.0.0.1:1", "[::1]:0"};
    REQUIRE(load_yaml(open, {}, moved).config->listen.size() == 2);
}

TEST_CASE("A key's glob that no route takes anything of is doubted, with the key's name") {
    struct Row {
        const char *routes, *globs, *said;
    };
    for (const auto& [routes, globs, said] :
         {Row{"gpt-4*", "gpt-5*",
              "keys[0].routes[0]: no route takes a model like \"gpt-5*\", which "
              "the key \"team\" may ask for"},
          Row{"gpt-4*", "gpt-4o", ""}, Row{"gpt-4o", "gpt-*", ""}, Row{"*-mini", "gpt-*", ""},
          Row{"*", "anything", ""}, Row{"gpt-4?", "gpt-4o-mini", "no route takes"},
          Row{"a*c", "*b*", ""}, Row{"a?", "?b", ""}, Row{"a?", "b*", "no route takes"}}) {
        CAPTURE(routes, globs);
        const auto config = load_yaml(
                                "upstreams: [{ name: one, base_url: 'https://a.example' }]\n"
                                "routes: [{ model: '" +
                                std::string(routes) +
                                "', chain: [one] }]\n"
                                "keys: [{ name: team, key: 0123456789abcdefgh, routes: ['" +
                                globs + "'] }]\n")
                                .config;
        REQUIRE(config);
        REQUIRE(config->warnings.size() == (*said == '\0' ? 0 : 1));
        if (*said != '\0') CHECK(config->warnings[0].find(said) != std::string::npos);
    }
}

TEST_CASE("A template of another program is told from a value, quoted or not") {
    const auto said = [](const std::string& settings) {
        std::string all;
        for (const auto& one :
             problems_of("upstreams:\n  - { name: one, base_url: 'https://a.example', " + settings +
                         " }\n"))
            all += one + '\n';
        return all;
    };
    for (const char* key : {"'{{ env.MY_KEY }}'", "'{{env(\"MY_KEY\")}}'", "'%MY_KEY%'",
                            "'{{ .Values.MY_KEY }}'", "'{{ lookup(\"env\", \"MY_KEY\") }}'"}) {
        CAPTURE(key);
        const auto problems = said("api_key: " + std::string(key));
        CHECK(problems.find("write ${MY_KEY}") != std::string::npos);
    }
    const auto bare = said("api_key: {{ env.MY_KEY }}");
    CHECK(bare.find("it is a template that nothing fills in") != std::string::npos);
    CHECK(std::count(bare.begin(), bare.end(), '\n') == 1);
    CHECK(said("api_key: %MY_KEY%").find("write ${MY_KEY}") != std::string::npos);
    CHECK(said("headers: { x-team: '{{ env.TEAM }}' }").find("write ${TEAM}") != std::string::npos);
    CHECK(said("headers: { x-team: '%TEAM%' }").find("write ${TEAM}") != std::string::npos);
    CHECK(said("headers: { x-team: '100%', x-json: '{\"a\":{}}' }").empty());
    const auto url =
        problems_of("upstreams: [{ name: one, base_url: 'https://{{ env.HOST }}/v1' }]");
    REQUIRE(url.size() == 1);
    CHECK(url[0].find("write ${HOST}") != std::string::npos);
}

TEST_CASE("A budget that a restart would forget is doubted") {
    struct Row {
        std::string limits, ledger, said;
    };
    for (const auto& [limits, ledger, said] :
         {Row{"budget_usd_per_day: 5", "off", "begins anew at each start"},
          Row{"requests_per_minute: 5", "off", ""},
          Row{"budget_usd_per_day: 5", "{ path: /x/l.db, keep: 24h }", ""},
          Row{"budget_usd_per_day: 5", "{ path: /x/l.db, keep: 12h }", "keep at least 24h"},
          Row{"budget_usd_per_month: 5", "{ path: /x/l.db, keep: 30d }", "keep at least 31d"},
          Row{"budget_usd_per_month: 5", "{ path: /x/l.db, keep: 31d }", ""},
          Row{"budget_usd_per_month: 5", "{ path: /x/l.db, keep: forever }", ""}}) {
        CAPTURE(limits, ledger);
        const auto config = load_yaml(
                                "upstreams: [{ name: one, base_url: 'https://a.example' }]\n"
                                "keys: [{ name: k, key: 0123456789abcdefgh, limits: { " +
                                limits + " } }]\nledger: " + ledger + "\n")
                                .config;
        REQUIRE(config);
        REQUIRE(config->warnings.size() == (said.empty() ? 0 : 1));
        if (said.empty()) continue;
        CHECK(config->warnings[0].find("keys[0].limits: has a budget") != std::string::npos);
        CHECK(config->warnings[0].find(said) != std::string::npos);
    }
}

TEST_CASE("Breakers are inherited, and what an upstream's own leaves out is as at the top") {
    const auto config = load_yaml(R"(upstreams:
  - { name: one, base_url: "https://a.example/v1" }
  - { name: two, base_url: "https://b.example/v1", breaker: { cooldown: 1s },
      health: { path: "/v1/models?limit=1", interval: 2s },
      api_key: [0123456789abcdef, "${SECOND}"] }
breaker: { failures: 3 }
retry_budget: { percent: 12.5, min: 0, failovers: true }
)",
                                  {{"SECOND", "fedcba9876543210"}})
                            .config;
    REQUIRE(config);
    const auto& [one, two] = std::tie(config->upstreams[0], config->upstreams[1]);
    CHECK(one.breaker == Breaker{3, Duration{60'000}, Duration{3'000}});
    CHECK(two.breaker == Breaker{3, Duration{60'000}, Duration{1'000}});
    CHECK_FALSE(one.health);
    CHECK(two.health == HealthCheck{"/v1/models?limit=1", Duration{2'000}});
    CHECK(one.key_count() == 0);
    REQUIRE(two.key_count() == 2);
    CHECK(two.key(0).reveal() == "0123456789abcdef");
    CHECK(two.key(1).reveal() == "fedcba9876543210");
    CHECK(config->retry_budget == RetryBudget{12.5, 0, true});
    CHECK_FALSE(load_yaml(upstream_with("")).config->upstreams[0].breaker);
}

TEST_CASE("What probably is not meant is a warning with its place") {
    const auto warnings = load_yaml(R"(upstreams:
  - { name: one, base_url: "http://10.0.0.1:8080/v1", api_key: k, model: gpt-4o }
  - { name: two, base_url: "https://api.openai.com", model: gpt-unheard-of,
      tls: { verify: false } }
  - { name: spare, base_url: "http://127.0.0.1:1/v1", api_key: k }
routes:
  - { model: "gpt-*", chain: [one, two], deadline: 60s }
  - { model: "gpt-4o*", chain: [one] }
keys: [{ name: k, key: short }]
)")
                              .config->warnings;
    REQUIRE(warnings ==
            Texts{"u.yaml:2:28: upstreams[0].base_url: is http://, so the api_key crosses the "
                  "network unencrypted; use https:// unless that network is private",
                  "u.yaml:3:5: upstreams[1]: no price is known for the model \"gpt-unheard-of\" at "
                  "\"two\": its tokens are counted, its cost is not; set `price` there",
                  "u.yaml:3:28: upstreams[1].base_url: has no path; the API of api.openai.com is "
                  "usually at https://api.openai.com/v1",
                  "u.yaml:4:22: upstreams[1].tls.verify: is false: anyone between here and "
                  "api.openai.com can read and change this traffic; use tls.ca for a private "
                  "authority",
                  "u.yaml:5:5: upstreams[2]: no route uses the upstream \"spare\"; add it to a "
                  "chain or remove it",
                  "u.yaml:7:52: routes[0].deadline: leaves no time for the second entry of the "
                  "chain when the first one stays silent for its whole first_token timeout; raise "
                  "it, or lower that timeout",
                  "u.yaml:8:14: routes[1].model: never matches: \"gpt-*\" of routes[0] comes first "
                  "and takes every model that \"gpt-4o*\" names; put the narrower route first",
                  "u.yaml:9:24: keys[0].key: is shorter than 16 characters and could be guessed; "
                  "`understudy key new` makes a good one"});
}
