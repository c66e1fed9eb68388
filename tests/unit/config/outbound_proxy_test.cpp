#include "config/outbound_proxy.hpp"

#include "config/address.hpp"
#include "config/describe.hpp"
#include "support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

BaseUrl url(const std::string& text) {
    const auto parsed = parse_base_url(text);
    REQUIRE(parsed);
    return *parsed.value;
}

std::string authorization_in(const std::string& text) {
    const auto parsed = parse_proxy(text);
    REQUIRE(parsed);
    return parsed.value->authorization ? parsed.value->authorization->reveal() : "";
}

// The proxy of https://a.example/v1, or of `base`.
std::string chosen(Variables variables, const std::string& base = "https://a.example/v1") {
    const auto found = proxy_in_environment(url(base), environment(std::move(variables)));
    return found ? found->variable + "=" + found->value : "";
}

const std::string kSecret = "dXNlcjpodW50ZXIy";  // user:hunter2

}  // namespace

TEST_CASE("A proxy's URL gives host, port and credentials") {
    const auto text = [](const std::string& t) { return parse_proxy(t).value.value().text(); };
    CHECK(text("http://proxy.example:3128") == "proxy.example:3128");
    CHECK(text("HTTP://Proxy.Example:3128/") == "proxy.example:3128");
    CHECK(text("http://proxy") == "proxy:80");
    CHECK(text("proxy.example") == "proxy.example:80");
    CHECK(text("10.0.0.1:8080") == "10.0.0.1:8080");
    CHECK(text("http://[2001:DB8::1]:3128") == "[2001:db8::1]:3128");
    CHECK(text("user:pass@proxy:1") == "proxy:1");

    CHECK(authorization_in("http://proxy:1").empty());
    CHECK(authorization_in("http://user:hunter2@proxy:1") == "Basic " + kSecret);
    CHECK(authorization_in("http://us%65r:hunter%32@proxy:1") == "Basic " + kSecret);
    CHECK(authorization_in("http://user@proxy:1") == "Basic dXNlcjo=");
    CHECK(authorization_in("http://:pw@proxy:1") == "Basic OnB3");
    CHECK(authorization_in("http://u:a%3Ab%40c%2fd@proxy:1") == "Basic dTphOmJAYy9k");
    CHECK(authorization_in("http://u:a:b@c@proxy:1") == "Basic dTphOmJAYw==");  // not encoded
    CHECK(authorization_in("http://u:%C3%A9@proxy:1") == "Basic dTrDqQ==");
}

TEST_CASE("What cannot be used as a proxy is refused with a sentence that repeats no secret") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"https://user:hunter2@proxy:1", "is an https:// proxy, which is not supported"},
        {"socks5://user:hunter2@proxy:1", "is a SOCKS proxy, which is not supported"},
        {"socks5h://proxy:1", "SOCKS"},
        {"socks4a://proxy:1", "SOCKS"},
        {"x", "has neither a scheme nor a port"},
        {"user:hunter2@proxy", "has neither a scheme nor a port"},
        {"ftp://user:hunter2@proxy:1", "scheme that is not supported"},
        {"", "has no valid host"},
        {"http://", "has no valid host"},
        {"http://user:hunter2@", "has no valid host"},
        {"http://user:hunter2@proxy:0", "from 1 to 65535"},
        {"http://user:hunter2@proxy:99999", "from 1 to 65535"},
        {"http://user:hunter2@proxy:1/path", "has a path"},
        {"http://user:hunter2@proxy:1?x", "must not have a ?query"},
        {"http://user:hunter2%4@proxy:1", "percent-encoded"},
        {"http://user:hunter2%zz@proxy:1", "percent-encoded"},
        {"http://user:hunter2%0d%0aX@proxy:1", "percent-encoded"},
        {"http://us%3Aer:hunter2@proxy:1", "a colon in its user name"},
        {"http://user:hunter2@pro xy:1", "space"},
        {"http://user:hunter2@pro_/xy", "path"},
    };
    for (const auto& [text, expected] : rows) {
        INFO(text);
        const auto parsed = parse_proxy(text);
        CHECK_FALSE(parsed);
        CHECK(parsed.error.find(expected) != std::string::npos);
        CHECK(parsed.error.find("hunter2") == std::string::npos);
        CHECK(problems_of(upstream_with("proxy: '" + text + "'")).size() == 1);
    }
}

TEST_CASE("NO_PROXY names hosts, what is below them, ports, addresses and networks") {
    struct Row {
        std::string list, base;
        bool excepted;
    };
    const std::vector<Row> rows{
        {"*", "https://a.example", true},
        {"a.example", "https://a.example", true},
        {"A.Example", "https://a.example", true},
        {"a.example.", "https://a.example", true},
        {"a.example", "https://b.a.example", true},
        {"a.example", "https://ba.example", false},
        {"example", "https://a.example", true},
        {".a.example", "https://b.a.example", true},
        {".a.example", "https://a.example", false},
        {"*.a.example", "https://c.b.a.example", true},
        {"*.a.example", "https://a.example", false},
        {"*.a.example", "https://xa.example", false},
        {"a.*", "https://a.example", false},  // no glob in the middle
        {"a.example:443", "https://a.example", true},
        {"a.example:443", "https://a.example:8443", false},
        {"a.example:8443", "https://a.example:8443", true},
        {".example:443", "https://a.example", true},
        {"x, a.example ,y", "https://a.example", true},
        {"x a.example", "https://a.example", true},
        {"x,,y", "https://a.example", false},
        {"", "https://a.example", false},
        {".", "https://a.example", false},
        {"10.0.0.1", "http://10.0.0.1", true},
        {"10.0.0.1:80", "http://10.0.0.1", true},
        {"10.0.0.1:81", "http://10.0.0.1", false},
        {"10.0.0.1", "http://10.0.0.11", false},
        {"10.0.0.0/8", "http://10.200.3.4", true},
        {"10.0.0.0/8", "http://11.0.0.1", false},
        {"10.128.0.0/9", "http://10.127.0.1", false},
        {"10.128.0.0/9", "http://10.128.0.1", true},
        {"0.0.0.0/0", "http://1.2.3.4", true},
        {"1.2.3.4/32", "http://1.2.3.4", true},
        {"1.2.3.4/33", "http://1.2.3.4", false},
        {"10.0.0.0/8", "https://a.example", false},
        {"fd00::/8", "http://[fd12::1]", true},
        {"fd00::/8", "http://[fe80::1]", false},
        {"fd12::1", "http://[fd12::1]", true},
        {"[fd12::1]", "http://[fd12::1]", true},
        {"[fd12::1]:80", "http://[fd12::1]", true},
        {"[fd12::1]:81", "http://[fd12::1]", false},
        {"FD12:0::1", "http://[fd12::1]", true},
        {"::/0", "http://10.0.0.1", false},
    };
    for (const auto& row : rows) {
        INFO(row.list << " for " << row.base);
        CHECK(is_excepted(row.list, url(row.base)) == row.excepted);
    }
}

TEST_CASE("The variable for the scheme counts, in small letters first, and never for loopback") {
    CHECK(chosen({}).empty());
    CHECK(chosen({{"HTTPS_PROXY", "p:1"}}) == "HTTPS_PROXY=p:1");
    CHECK(chosen({{"https_proxy", "p:1"}}) == "https_proxy=p:1");
    CHECK(chosen({{"https_proxy", "p:1"}, {"HTTPS_PROXY", "p:2"}}) == "https_proxy=p:1");
    CHECK(chosen({{"https_proxy", ""}, {"HTTPS_PROXY", "p:2"}}).empty());  // switched off
    CHECK(chosen({{"HTTPS_PROXY", ""}}).empty());
    CHECK(chosen({{"HTTP_PROXY", "p:1"}}).empty());
    CHECK(chosen({{"ALL_PROXY", "p:1"}}).empty());
    CHECK(chosen({{"HTTP_PROXY", "p:1"}}, "http://a.example") == "HTTP_PROXY=p:1");
    CHECK(chosen({{"http_proxy", "p:1"}}, "http://a.example") == "http_proxy=p:1");
    CHECK(chosen({{"HTTPS_PROXY", "p:1"}}, "http://a.example").empty());
    // A CGI program's HTTP_PROXY is what a client's header said.
    const std::pair<std::string, std::string> cgi{"REQUEST_METHOD", "POST"};
    CHECK(chosen({cgi, {"HTTP_PROXY", "p:1"}}, "http://a.example").empty());
    CHECK(chosen({cgi, {"http_proxy", "p:1"}}, "http://a.example") == "http_proxy=p:1");
    CHECK(chosen({cgi, {"HTTPS_PROXY", "p:1"}}) == "HTTPS_PROXY=p:1");

    CHECK(chosen({{"HTTPS_PROXY", "p:1"}, {"NO_PROXY", "a.example"}}).empty());
    CHECK(chosen({{"HTTPS_PROXY", "p:1"}, {"no_proxy", "a.example"}}).empty());
    CHECK(chosen({{"HTTPS_PROXY", "p:1"}, {"no_proxy", ""}, {"NO_PROXY", "a.example"}}) ==
          "HTTPS_PROXY=p:1");
    const Variables both{{"HTTPS_PROXY", "p:1"}, {"HTTP_PROXY", "p:2"}};
    for (const auto* base : {"http://127.0.0.1:11434", "https://localhost:8443", "http://[::1]:1",
                             "http://127.9.9.9", "http://ollama.localhost"}) {
        CHECK(chosen(both, base).empty());
    }
}

TEST_CASE("An upstream's own proxy goes before the environment's, and none means none") {
    const Variables variables{{"HTTPS_PROXY", "http://user:hunter2@env.example:3128"}};
    const auto proxy_of = [&](const std::string& rest) {
        const auto loaded = load_yaml(upstream_with(rest), variables);
        REQUIRE(loaded.config);
        return loaded.config->upstreams[0].proxy;
    };
    const auto from_environment = proxy_of("model: m");
    REQUIRE(from_environment);
    CHECK(from_environment->text() == "env.example:3128");
    CHECK(from_environment->variable == "HTTPS_PROXY");
    REQUIRE(from_environment->authorization);
    CHECK(from_environment->authorization->reveal() == "Basic " + kSecret);

    const auto own = proxy_of("proxy: http://own.example:8080");
    REQUIRE(own);
    CHECK(own->text() == "own.example:8080");
    CHECK(own->variable.empty());
    CHECK_FALSE(own->authorization);
    CHECK_FALSE(proxy_of("proxy: none"));
}

TEST_CASE("Every kind of upstream takes the environment's proxy") {
    const Variables variables{{"HTTPS_PROXY", "http://env.example:3128"},
                              {"OPENAI_API_KEY", "sk-0123456789"}};
    const auto loaded = load(std::nullopt, environment(variables), {});
    const auto by_chain =
        load_yaml("routes: [{ model: '*', chain: [groq/x] }]",
                  {{"HTTPS_PROXY", "http://env.example:3128"}, {"GROQ_API_KEY", "gsk_0123456789"}});
    for (const auto& one : {loaded, by_chain}) {
        REQUIRE(one.config);
        REQUIRE(one.config->upstreams.size() == 1);
        REQUIRE(one.config->upstreams[0].proxy);
        CHECK(one.config->upstreams[0].proxy->text() == "env.example:3128");
    }
}

TEST_CASE(
    "A proxy of the environment that cannot be used stops the start, where one would use it") {
    const Variables variables{{"HTTPS_PROXY", "socks5://user:hunter2@env.example:1080"}};
    const auto problems = problems_of(upstream_with("model: m"), variables);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].starts_with("environment: HTTPS_PROXY: is a SOCKS proxy"));
    CHECK(problems[0].find("`proxy: none`") != std::string::npos);
    CHECK(problems[0].find("hunter2") == std::string::npos);
    CHECK(problems_of(upstream_with("proxy: none"), variables).empty());
    CHECK(problems_of(upstream_with("proxy: http://p:1"), variables).empty());
    CHECK(problems_of("upstreams: [{ name: one, base_url: 'http://127.0.0.1:1' }]", variables)
              .empty());
}

TEST_CASE("Descriptions name the proxy and where it comes from, and no credentials") {
    const auto loaded = load_yaml(
        "upstreams:\n"
        "  - { name: one, base_url: 'https://a.example/v1' }\n"
        "  - { name: two, base_url: 'https://b.example/v1', "
        "proxy: 'http://user:hunter2@own.example:8080' }\n"
        "  - { name: three, base_url: 'https://c.example/v1', "
        "proxy: none }\n",
        {{"https_proxy", "http://user:hunter2@env.example:3128"}});
    REQUIRE(loaded.config);
    const auto check = describe(*loaded.config, false);
    const auto explained = explain(*loaded.config, "m", false).value();
    CHECK(check.find("client's key, through env.example:3128\n") != std::string::npos);
    CHECK(check.find("through own.example:8080\n") != std::string::npos);
    CHECK(explained.find("env.example:3128, of https_proxy\n") != std::string::npos);
    CHECK(explained.find("proxy      own.example:8080\n") != std::string::npos);
    for (const auto& text : {check, explained}) {
        CHECK(text.find("hunter2") == std::string::npos);
        CHECK(text.find("dXNlc") == std::string::npos);
        CHECK(text.find("user") == std::string::npos);
    }
}
