// YAML itself, references, and what hostile documents may cost.
#include "config/document.hpp"

#include "config/scalars.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;
using Texts = std::vector<std::string>;

TEST_CASE("Text that is not one YAML document is refused with its place") {
    REQUIRE(problems_of("") == Texts{"u.yaml: is empty; it needs at least `upstreams` "
                                     "(docs/configuration.md has a minimal example)"});
    REQUIRE(problems_of("a: [1\nb: 2") ==
            Texts{"u.yaml:2:2: is not valid YAML: end of sequence flow not found"});
    REQUIRE(problems_of("upstreams: [{ name: ${NAME} }]") ==
            Texts{"u.yaml:1:22: is not valid YAML: end of map flow not found; inside { } and [ ] a "
                  "reference needs quotes: \"${NAME}\""});
    REQUIRE(problems_of("- 1") ==
            Texts{"u.yaml:1:1: expected a map of settings such as `upstreams:`, found a list"});
    const auto second = problems_of(upstream_with("") + "---\n" + upstream_with(""));
    REQUIRE(second == Texts{"u.yaml: has more than one YAML document; keep one"});
    REQUIRE(problems_of("a: \xff") == Texts{"u.yaml: is not UTF-8 text; save it as UTF-8"});
    REQUIRE(problems_of(std::string("a: 1\nb: \0", 9)) ==
            Texts{"u.yaml:2: is not UTF-8 text; save it as UTF-8"});
    REQUIRE(problems_of(upstream_with("model: *nowhere")).size() == 1);
}

TEST_CASE("A key given twice is an error at the second one") {
    REQUIRE(
        problems_of(upstream_with("model: a\n    model: b")) ==
        Texts{"u.yaml:5:5: upstreams[0].model: this key is already given in line 4; keep one of "
              "the two"});
    REQUIRE(problems_of("drain: 1s\n" + upstream_with("") + "drain: 2s") ==
            Texts{"u.yaml:6:1: drain: this key is already given in line 1; keep one of the two"});
}

TEST_CASE("Tags and keys that are not words have no meaning here") {
    REQUIRE(problems_of(upstream_with("model: !!python/object x")).size() == 1);
    REQUIRE(problems_of(upstream_with("model: !mine x")) ==
            Texts{"u.yaml:4:12: upstreams[0].model: YAML tags have no meaning here; remove "
                  "\"!mine\""});
    REQUIRE(problems_of(upstream_with("model: !!str 5")).empty());
    REQUIRE(problems_of(upstream_with("? [a]\n    : b")).size() == 1);
}

TEST_CASE("Anchors, aliases and merges share settings") {
    const auto loaded = load_yaml(R"(
upstreams:
  - &base
    name: one
    base_url: https://a.example/v1
    timeouts: &slow { connect: 9s }
    max_connections: 5
  - <<: *base
    name: two
    timeouts: { <<: [*slow, { idle: 8s }], total: 7s }
)");
    REQUIRE(texts(loaded.problems).empty());
    const Upstream& two = loaded.config->upstreams[1];
    REQUIRE(two.name == "two");
    REQUIRE(two.base_url.host == "a.example");
    REQUIRE(two.max_connections == 5);
    REQUIRE(two.timeouts.connect == Duration{9'000});
    REQUIRE(two.timeouts.idle == Duration{8'000});
    REQUIRE(two.timeouts.total == Duration{7'000});
    REQUIRE(problems_of(upstream_with("<<: 5")) ==
            Texts{"u.yaml:4:5: upstreams[0]: << takes a map or a list of maps to merge"});
}

TEST_CASE("Hostile documents are bounded") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
        for (int n = 1; n < 10; ++n) bomb += ", " + last;
        bomb += "]\n";
    }
    const auto exploded = problems_of(bomb);
    REQUIRE(exploded.size() == 1);
    REQUIRE(exploded[0].find("anchors and aliases expand to more than 16 MiB") !=
            std::string::npos);

    REQUIRE(problems_of("a: &a [*a]") ==
            Texts{"u.yaml:1:8: a[0]: this alias stands inside its own anchor"});
    const auto deep = problems_of("a: " + std::string(100, '[') + std::string(100, ']'));
    REQUIRE(deep.size() == 1);
    REQUIRE(deep[0].find("nested deeper than 64 levels") != std::string::npos);
    REQUIRE(problems_of(std::string(10'000, '[')).size() == 1);
    REQUIRE(problems_of("a: " + std::string(2 << 20, 'x')) ==
            Texts{"u.yaml: is larger than 1 MiB (2097155 bytes); a configuration is much smaller "
                  "than that"});
    std::string wide = "upstreams: [";
    for (int i = 0; i < 5'000; ++i) wide += "1,";
    REQUIRE(problems_of(wide + "]") == Texts{"u.yaml:1:12: upstreams: has more than 4096 entries"});
    std::string unknown;
    for (int i = 0; i < 500; ++i) unknown += "k" + std::to_string(i) + ": 1\n";
    const auto many = problems_of(unknown);
    REQUIRE(many.size() == 101);
    REQUIRE(many.back() == "u.yaml: has 401 more problems");
}

TEST_CASE("References are resolved in every scalar, quoted or not") {
    TemporaryFolder folder;
    const std::string file = folder.write("secret", "sk-from-file\n");
    const auto loaded = load_yaml(
        "upstreams:\n"
        "  - name: ${NAME:-one}\n"
        "    base_url: \"https://${HOST}/v1\"\n"
        "    api_key: ${file:" +
            file +
            "}\n"
            "    max_connections: ${N}\n"
            "    headers: { X-Cost: $$5, X-Raw: $5, X-Two: '${HOST}:${N}' }\n"
            "    body:\n"
            "      set:\n"
            "        n: ${N}\n"
            "        s: '${N}'\n"
            "        ${N}: x\n"
            "drain: ${EMPTY:-3s}\n",
        {{"HOST", "a.example"}, {"N", "12"}, {"EMPTY", ""}});
    REQUIRE(texts(loaded.problems).empty());
    const Upstream& u = loaded.config->upstreams[0];
    REQUIRE(u.name == "one");
    REQUIRE(u.base_url.host == "a.example");
    REQUIRE(u.api_key->reveal() == "sk-from-file");
    REQUIRE(u.max_connections == 12);
    REQUIRE(u.headers[0].value.reveal() == "$5");
    REQUIRE(u.headers[1].value.reveal() == "$5");
    REQUIRE(u.headers[2].value.reveal() == "a.example:12");
    REQUIRE(u.body.set[0].second == "12");
    REQUIRE(u.body.set[1].second == "\"12\"");
    REQUIRE(u.body.set[2].first == "${N}");  // keys are left alone
    REQUIRE(loaded.config->drain == Duration{3'000});
}

TEST_CASE("What a reference brings in is not looked at again") {
    const auto loaded = load_yaml(upstream_with("model: ${A}"), {{"A", "${B}$$"}, {"B", "x"}});
    REQUIRE(loaded.config);
    REQUIRE(loaded.config->upstreams[0].model == "${B}$$");
}

TEST_CASE("A reference that cannot be resolved is one problem, and says which") {
    REQUIRE(problems_of(upstream_with("max_connections: ${NOPE}")) ==
            Texts{"u.yaml:4:22: upstreams[0].max_connections: the environment variable NOPE is not "
                  "set; set it, or write ${NOPE:-default}"});
    REQUIRE(
        problems_of(upstream_with("api_key: ${file:/nonexistent/key}")) ==
        Texts{"u.yaml:4:14: upstreams[0].api_key: the file \"/nonexistent/key\" cannot be read: "
              "No such file or directory"});
    REQUIRE(problems_of(upstream_with("api_key: ${file:/dev/zero}")).size() == 1);
    REQUIRE(problems_of(upstream_with("api_key: '${OPEN'")) ==
            Texts{"u.yaml:4:14: upstreams[0].api_key: a ${ has no closing }; write ${NAME}, or $$ "
                  "for a dollar sign"});
    REQUIRE(problems_of(upstream_with("api_key: ${sk-hunter2}")) ==
            Texts{"u.yaml:4:14: upstreams[0].api_key: a reference must be ${NAME}, "
                  "${NAME:-default} or ${file:/path}; write $$ for a dollar sign"});
}

TEST_CASE("Resolved values never appear in a message") {
    const Variables variables{{"S", "hunter2"}, {"BYTES", "hunter2\xff"}, {"LINE", "hunter2\nx"}};
    std::size_t count = 0;
    for (const std::string key : {"name: ${S}/",
                                  "base_url: ${S}",
                                  "api_key: ${LINE}",
                                  "api_key: ${BYTES}",
                                  "provider: ${S}",
                                  "model: '${S},'",
                                  "timeouts: { connect: ${S} }",
                                  "timeouts: ${S}",
                                  "headers: ${S}",
                                  "headers: { a: ${LINE} }",
                                  "body: { drop: ${S} }",
                                  "tls: { ca: ${S} }",
                                  "tls: { verify: ${S} }",
                                  "tls: { sni: '${S} ' }",
                                  "max_connections: ${S}",
                                  "price: { input: ${S}, output: 1 }",
                                  "continuation: ${S}",
                                  "breaker: { failures: ${S} }",
                                  "api_key: '${S} ${NOPE}'",
                                  "name: ${S}\n    nmae: ${S}"}) {
        const auto problems = problems_of("upstreams:\n  - " + key, variables);
        CAPTURE(key, problems);
        REQUIRE_FALSE(problems.empty());
        for (const auto& problem : problems) REQUIRE(problem.find("hunter2") == std::string::npos);
        count += problems.size();
    }
    REQUIRE(count > 20);
    for (const std::string top : {"listen: ${S}", "workers: ${S}", "drain: ${S}", "ledger: ${S}",
                                  "profiles: ${S}", "prices: ${S}", "log: { level: ${S} }",
                                  "limits: { body: ${S} }", "keys: [{ name: '${S}!', key: a }]"}) {
        const auto problems = problems_of(upstream_with("") + top, variables);
        CAPTURE(top, problems);
        REQUIRE_FALSE(problems.empty());
        for (const auto& problem : problems) REQUIRE(problem.find("hunter2") == std::string::npos);
    }
}

TEST_CASE("Relative paths start at the folder of the configuration file") {
    TemporaryFolder folder;
    folder.write("secrets/key", "sk-relative\r\n");
    const std::string file = folder.write("u.yaml", upstream_with("api_key: ${file:secrets/key}"));
    const Loaded loaded = load(file, environment({}), {});
    REQUIRE(texts(loaded.problems).empty());
    REQUIRE(loaded.config->upstreams[0].api_key->reveal() == "sk-relative");
}

TEST_CASE("A certificate file must hold certificates") {
    TemporaryFolder folder;
    const std::string empty = folder.write("empty.pem", "hello\n");
    const std::string broken = folder.write(
        "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const auto message = [](const std::string& file) {
        return load_yaml(upstream_with("tls: { ca: " + file + " }")).problems.at(0).message;
    };
    REQUIRE(message(empty) ==
            "the file \"" + empty + "\" holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
    REQUIRE(message(broken) ==
            "the file \"" + broken + "\" has a certificate that cannot be decoded");
}
