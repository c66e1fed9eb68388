// One row for each mistake that a setting can have: the text is an interface.
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

struct Row {
    std::string yaml;
    std::string problem;  // without "u.yaml:<line>:<column>: "
};

void check(const std::vector<Row>& rows, const Variables& variables = {}) {
    for (const Row& row : rows) {
        CAPTURE(row.yaml);
        const auto loaded = load_yaml(row.yaml, variables);
        CAPTURE(texts(loaded.problems));
        REQUIRE(loaded.problems.size() == 1);
        REQUIRE(loaded.config == nullptr);
        const Problem& problem = loaded.problems[0];
        REQUIRE(problem.line > 0);
        REQUIRE(problem.column > 0);
        REQUIRE(problem.path + ": " + problem.message == row.problem);
    }
}

}  // namespace

TEST_CASE("Mistakes in upstreams say what was expected") {
    const std::string u = "upstreams[0].";
    check({
        {"listen: 127.0.0.1:1", "upstreams: is missing; expected a list of at least one upstream"},
        {"upstreams: []", "upstreams: is an empty list; name at least one upstream"},
        {"upstreams:", "upstreams: is empty; give it a value or remove the key"},
        {"upstreams: { a: 1 }", "upstreams: expected a list of upstreams, found a map"},
        {"upstreams: [x]",
         "upstreams[0]: expected a map with name and base_url, found a single "
         "value"},
        {"upstreams: [{ name: a/b, base_url: 'https://a' }]",
         u + "name: \"a/b\" is not a name: use 1 to 64 letters, digits, dots, dashes and "
             "underscores"},
        {"upstreams: [{ name: a, base_url: [] }]",
         u + "base_url: expected a URL such as https://api.openai.com/v1, found a list"},
        {upstream_with("api_key: ''"),
         u + "api_key: is empty; set it, or remove the key to pass the client's own credentials "
             "through"},
        {upstream_with("api_key: 'a b'"),
         u + "api_key: has a space, a line break or another character that a key cannot have"},
        {upstream_with("api_key: { a: sk-1 }"),
         u + "api_key: expected a key, best written as ${NAME}, found a map"},
        {upstream_with("api_key: []"),
         u + "api_key: is an empty list; name at least one key, or remove it to pass the client's "
             "own credentials through"},
        {upstream_with("api_key: [0123456789abcdef, [x]]"),
         u + "api_key[1]: expected a key, best written as ${NAME}, found a list"},
        {upstream_with("api_key: [0123456789abcdef, '']"),
         u + "api_key[1]: is empty; set it, or remove it"},
        {upstream_with("api_key: [0123456789abcdef, 0123456789abcdef]"),
         u + "api_key[1]: is in this pool already"},
        {upstream_with("health: { interval: 5s }"),
         u + "health.path: is missing; expected the path to ask for, such as /health"},
        {upstream_with("health: { path: health }"),
         u + "health.path: \"health\" is not a path of the server such as /health or /v1/models"},
        {upstream_with("health: { path: /health, interval: 10ms }"),
         u + "health.interval: \"10ms\" is out of range; it must be 100ms to 24h"},
        {upstream_with("provider: open-ai"),
         u + "provider: \"open-ai\" is not one of openai, anthropic, gemini, openrouter, groq, "
             "mistral, deepseek, azure, bedrock, xai, together, fireworks, cerebras, moonshot, "
             "dashscope, zai, nvidia, perplexity, cohere, huggingface, ollama, lmstudio, "
             "llamacpp, vllm, sglang or litellm; did you mean "
             "\"openai\"?"},
        {upstream_with("model: 'a,b'"),
         u + "model: \"a,b\" is not a model name: use printable ASCII without comma and semicolon"},
        {upstream_with("timeouts: { idle: 0s }"),
         u + "timeouts.idle: \"0s\" is out of range; it must be 1ms to 24h"},
        {upstream_with("timeouts: { total: 25h }"),
         u + "timeouts.total: \"25h\" is out of range; it must be 1ms to 24h"},
        {upstream_with("timeouts: 5s"), u + "timeouts: expected a map of timeouts, found a single "
                                            "value"},
        {upstream_with("timeouts: { read: 5s }"),
         u + "timeouts.read: unknown key; known here: connect, first_token, response, idle or "
             "total"},
        {upstream_with("max_connections: many"),
         u + "max_connections: \"many\" is not a whole number; write digits only"},
        {upstream_with("continuation: prefil"),
         u + "continuation: \"prefil\" is not one of auto, prefill, instruct, restart or none; did "
             "you mean \"prefill\"?"},
        {upstream_with("price: { input: 1 }"),
         u + "price.output: is missing; expected USD per million completion tokens"},
        {upstream_with("price: { input: 1, output: 1001 }"),
         u + "price.output: \"1001\" is out of range; it must be 0 to 1000"},
        {upstream_with("price: { input: $1, output: 1 }"),
         u + "price.input: \"$1\" is not a number such as 2.50"},
        {upstream_with("tls: { verify: yes }"),
         u + "tls.verify: \"yes\" is neither true nor false"},
        {upstream_with("tls: { sni: 'a b' }"), u + "tls.sni: \"a b\" is not a host name"},
        {upstream_with("tls: { ca: /nonexistent/ca.pem }"),
         u + "tls.ca: the file \"/nonexistent/ca.pem\" cannot be read: No such file or directory"},
        {upstream_with("tls: { ca: /dev/zero }"),
         u + "tls.ca: the file \"/dev/zero\" cannot be read: it is not a regular file"},
        {upstream_with("tls: { ca: / }"),
         u + "tls.ca: the file \"/\" cannot be read: it is a directory"},
    });
}

TEST_CASE("Headers cannot break framing, and their values are never repeated") {
    const std::string h = "upstreams[0].headers";
    check({
        {upstream_with("headers: [a]"),
         h + ": expected a map of header names and values, found a list"},
        {upstream_with("headers: { 'a b': x }"), h + ".a b: is not a header name"},
        {upstream_with("headers: { a: \"x\\r\\nEvil: y\" }"),
         h + ".a: has a line break or another control character"},
        {upstream_with("headers: { a: \"x\\x00\" }"),
         h + ".a: has a line break or another control character"},
        {upstream_with("headers: { a: '' }"),
         h + ".a: must not be empty, nor begin or end with white space"},
        {upstream_with("headers: { a: ' x' }"),
         h + ".a: must not be empty, nor begin or end with white space"},
        {upstream_with("headers: { a: x, A: y }"),
         h + ".A: this header is given twice (names differ only in case)"},
        {upstream_with("headers: { a: [x] }"), h + ".a: expected the header's value, found a list"},
        {upstream_with("api_key: k\n    headers: { Authorization: x }"),
         h + ".Authorization: api_key already sets this header; remove one of the two"},
    });
    for (const std::string name :
         {"Connection", "Content-Length", "Transfer-Encoding", "Host", "TE", "Trailer", "Upgrade",
          "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Expect", "Accept-Encoding"}) {
        check({{upstream_with("headers: { " + name + ": x }"),
                h + "." + name +
                    ": cannot be set: Understudy decides this header for every request itself"}});
    }
    REQUIRE(load_yaml(upstream_with("headers: { Authorization: Basic eDp5 }")).config);
}

TEST_CASE("Body changes cannot contradict each other or the proxy") {
    const std::string b = "upstreams[0].body.";
    check({
        {upstream_with("body: { set: { model: x } }"),
         b + "set.model: \"model\" cannot be changed here: the upstream's own `model` (or "
             "upstream/model in a chain) sets it"},
        {upstream_with("body: { drop: [stream] }"),
         b + "drop[0]: \"stream\" cannot be changed here: the client decides it, and the answer "
             "must have that form"},
        {upstream_with("body: { rename: { x: model } }"),
         b + "rename.x: \"model\" cannot be changed here: the upstream's own `model` (or "
             "upstream/model in a chain) sets it"},
        {upstream_with("body: { rename: { x: x } }"), b + "rename.x: renames \"x\" to itself"},
        {upstream_with("body: { rename: { x: z, y: z } }"),
         b + "rename.y: another member is already renamed to \"z\""},
        {upstream_with("body: { drop: [x, x] }"), b + "drop[1]: \"x\" is listed twice"},
        {upstream_with("body: { drop: [x], set: { x: 1 } }"),
         b + "set.x: the same member is in `drop`; keep one of the two"},
        {upstream_with("body: { set: { x: 0x10 } }"),
         b + "set.x: \"0x10\" is not a number in JSON; write it in decimal, or quote it to send "
             "text"},
        {upstream_with("body: { set: { x: .inf } }"),
         b + "set.x: \".inf\" is not a number in JSON; write it in decimal, or quote it to send "
             "text"},
        {upstream_with("body: { sett: {} }"), b + "sett: unknown key; did you mean \"set\"?"},
    });
}

TEST_CASE("Mistakes in routes say what was expected") {
    const std::string r = "routes[0].";
    check({
        {upstream_with("") + "routes: []",
         "routes: is an empty list; remove the key to send every model through all upstreams"},
        {route_with("{ chain: [one] }"),
         r + "model: is missing; expected a glob over model names, such as \"gpt-4o*\""},
        {route_with("{ model: a }"), r + "chain: is missing; expected a list of upstreams"},
        {route_with("{ model: a, chain: one }"),
         r + "chain: expected a list of upstreams, found a single value"},
        {route_with("{ model: a, chain: [] }"),
         r + "chain: is an empty list; name at least one upstream"},
        {route_with("{ model: a, chain: [three] }"),
         r + "chain[0]: there is no upstream for \"three\"; the upstreams are one or two"},
        {route_with("{ model: a, chain: [one/] }"),
         r + "chain[0]: \"one/\" has no model behind the slash; write upstream/model"},
        {route_with("{ model: a, chain: [two, two/own] }"),
         r + "chain[1]: \"two/own\" is in this chain twice; `retries` tries the same entry again"},
        {route_with("{ model: a, chain: [one] }\n  - { model: a, chain: [two] }"),
         "routes[1].model: another route already has the glob \"a\"; the first one takes all its "
         "requests"},
        {route_with("{ model: a, chain: [one], fallback_on: [budget] }"),
         r + "fallback_on[0]: \"budget\" always ends the chain; remove it"},
        {route_with("{ model: a, chain: [one], fallback_on: [unsupported] }"),
         r + "fallback_on[0]: \"unsupported\" always moves on to the next entry; remove it"},
        {route_with("{ model: a, chain: [one], retries: 11 }"),
         r + "retries: \"11\" is out of range; it must be 0 to 10"},
        {route_with("{ model: a, chain: [one], retry: { base: 6s } }"),
         r + "retry: base (6s) is longer than max (5s)"},
        {route_with("{ model: a, chain: [one], deadline: 0s }"),
         r + "deadline: \"0s\" is out of range; it must be 1ms to 24h"},
        {route_with("{ model: a, chain: [one], midstream: on }"),
         r + "midstream: \"on\" is not one of continue or error"},
    });
    REQUIRE(load_yaml(route_with("{ model: a, chain: [one, two], fallback_on: [] }"))
                .config->routes[0]
                .fallback_on == understudy::wire::FailureSet{});
}

TEST_CASE("Hedging is understood in both forms") {
    const auto hedge_problem = [](const std::string& hedge) {
        const auto problems =
            load_yaml(route_with("{ model: a, chain: [one, two], hedge: " + hedge + " }")).problems;
        return problems.empty() ? std::string() : problems.front().message;
    };
    REQUIRE(hedge_problem("{ after: p95, budget: 5% }").empty());
    REQUIRE(hedge_problem("{ after: 1.5s }").empty());
    REQUIRE(hedge_problem("{ after: p99.9, budget: 0.5% }").empty());
    for (const char* after : {"p0", "p100", "95", "p", "0s", "soon"}) {
        CAPTURE(after);
        REQUIRE(hedge_problem("{ after: " + std::string(after) + " }") ==
                "\"" + std::string(after) +
                    "\" is neither a percentile (p95) nor a duration (1.5s)");
    }
    REQUIRE(hedge_problem("{ after: p95, budget: 5 }") == "\"5\" is not a percentage such as 5%");
    REQUIRE(hedge_problem("{ after: p95, budget: 0% }") ==
            "\"0%\" is out of range; it must be above 0% and up to 100%");
    REQUIRE(hedge_problem("{ budget: 5% }") ==
            "is missing; expected a percentile such as p95 or a duration such as 1.5s");
}

TEST_CASE("Mistakes in keys never repeat a key") {
    const auto keys = [](const std::string& list) { return upstream_with("") + "keys: " + list; };
    check(
        {
            {keys(""), "keys: is empty; give it a value or remove the key"},
            {keys("[]"),
             "keys: is an empty list; name at least one key, or remove it to need none"},
            {keys("[{ name: a }]"),
             "keys[0].key: is missing; expected what the client sends, best written as ${NAME}"},
            {keys("[{ name: a, key: '' }]"),
             "keys[0].key: is empty; anyone could use it. Set it, or remove this entry"},
            {keys("[{ name: a, key: ' ' }]"),
             "keys[0].key: has a space, a line break or another character that a key cannot have"},
            {keys("[{ name: a, key: '${EMPTY}' }]"),
             "keys[0].key: is empty; anyone could use it. Set it, or remove this entry"},
            {keys("[{ name: a, key: hunter2hunter2hunter2 }, { name: b, key: "
                  "hunter2hunter2hunter2 }]"),
             "keys[1].key: is the same as that of \"a\"; every key must be different"},
            {keys("[{ name: a, key: 0123456789abcdef }, { name: a, key: 0123456789abcdeF }]"),
             "keys[1].name: another key is already named \"a\""},
            {keys("[{ name: a, key: 0123456789abcdef, routes: [] }]"),
             "keys[0].routes: is an empty list; remove it to allow every model"},
            {keys("[{ name: a, key: 0123456789abcdef, limits: {} }]"),
             "keys[0].limits: is empty; name a limit or remove the key"},
        },
        {{"EMPTY", ""}});
}

TEST_CASE("Mistakes in the rest say what was expected") {
    const auto with = [](const std::string& rest) { return upstream_with("") + rest; };
    check({
        {with("listen: []"),
         "listen: is an empty list; name at least one address, or remove the key"},
        {with("listen: [127.0.0.1:1, localhost:1]"), "listen[1]: \"127.0.0.1:1\" is listed twice"},
        {with("admin: 127.0.0.1:8080"),
         "admin: is the same address as `listen`; remove `admin` to serve both there"},
        {with("workers: 0"), "workers: \"0\" is out of range; it must be 1 to 256, or auto"},
        {with("workers: all"), "workers: \"all\" is not a whole number; write digits only"},
        {with("drain: 30"), "drain: \"30\" has no unit; write 30s for seconds (or 30ms, 30m, 30h)"},
        {with("limits: { body: 64MB }"),
         "limits.body: \"64MB\" is not a size; write it as 64KiB, 8MiB, 1GiB or as a number of "
         "bytes"},
        {with("limits: { header: 2MiB }"),
         "limits.header: \"2MiB\" is out of range; it must be 1KiB to 1MiB"},
        {with("limits: { body: 2GiB }"),
         "limits.body: is larger than limits.memory, which bounds all buffers together (2GiB > "
         "1GiB)"},
        {with("limits: { memory: 32MiB }"),
         "limits: body is larger than limits.memory, which bounds all buffers together (64MiB > "
         "32MiB)"},
        {with("log: { format: xml }"), "log.format: \"xml\" is not one of text or json"},
        {with("ledger: nowhere"),
         "ledger: \"nowhere\" is neither off nor a path nor a map; write `ledger: off` or "
         "`ledger: { path: FILE }`"},
        {with("ledger: on"),
         "ledger: has no path, and neither HOME nor XDG_STATE_HOME says where one could be"},
        {with("ledger: { path: a.db, keep: 90 }"),
         "ledger.keep: \"90\" is not an age; write it as 90d, 12h or forever"},
    });
}

TEST_CASE("Waiting clients, slow streams and chains of their own are read, with their bounds") {
    const auto route = [](const std::string& text) {
        return load_yaml(route_with("{ model: a, chain: [one], " + text + " }"));
    };
    const auto said = [&](const std::string& text) {
        const auto problems = route(text).problems;
        return problems.empty() ? std::string() : problems.front().message;
    };
    REQUIRE(route("keepalive: 15s").config->routes[0].keepalive == Duration{15'000});
    REQUIRE_FALSE(route("retries: 0").config->routes[0].keepalive);
    REQUIRE(said("keepalive: 10ms").find("out of range") != std::string::npos);

    const auto on = route("on: { context_length: [two/big], content_filter: [two, one] }");
    const auto& chains = on.config->routes[0].on;
    REQUIRE(chains.size() == 2);
    REQUIRE(chains[0].failure == understudy::wire::FailureClass::context_length);
    REQUIRE(chains[0].chain[0].model == "big");
    REQUIRE(chains[1].chain.size() == 2);
    std::size_t entries = 0;
    on.config->routes[0].each_entry([&](const ChainEntry&) { ++entries; });
    REQUIRE(entries == 4);
    REQUIRE(said("on: { timeout: [two] }").find("unknown key") != std::string::npos);
    REQUIRE(said("on: { context_length: [] }").find("empty list") != std::string::npos);
    REQUIRE(said("on: { context_length: [nobody] }").find("no upstream") != std::string::npos);

    const auto rate = [](const std::string& text) {
        return load_yaml("upstreams: [{ name: one, base_url: 'http://127.0.0.1:1/v1', min_rate: " +
                         text + " }]\n");
    };
    REQUIRE(rate("5/10s").config->upstreams[0].min_rate == MinRate{5, Duration{10'000}});
    for (const char* wrong : {"5", "/10s", "0/10s", "5/", "5/10ms", "x/10s", "10001/10s", "5/2h"}) {
        CAPTURE(wrong);
        REQUIRE(rate(wrong).problems.size() == 1);
        REQUIRE(rate(wrong).problems[0].message.find("such as 5/10s") != std::string::npos);
    }
}
