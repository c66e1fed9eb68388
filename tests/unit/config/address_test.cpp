#include "config/address.hpp"

#include "config/glob.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;

TEST_CASE("Listen addresses are numeric, with a port") {
    REQUIRE(parse_endpoint("127.0.0.1:8080").value->text() == "127.0.0.1:8080");
    REQUIRE(parse_endpoint("[::1]:0").value->text() == "[::1]:0");
    REQUIRE(parse_endpoint("[0:0::1]:9").value->address == "::1");
    REQUIRE(parse_endpoint("localhost:80").value->text() == "127.0.0.1:80");
    REQUIRE(parse_endpoint("8080").error ==
            "\"8080\" has no address; write ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080");
    REQUIRE(parse_endpoint("*:80").error ==
            "\"*:80\" is not an address; write 0.0.0.0:80 for every IPv4 interface or [::]:80");
    REQUIRE(parse_endpoint("http://127.0.0.1:80").error.find("is a URL") != std::string::npos);
    REQUIRE(parse_endpoint("unix:/run/u").error.find("is a Unix socket") != std::string::npos);
    for (const char* text : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "host:80",
                             "::1:80", "[::1]", "[::1", "[::1]80", "[127.0.0.1]:80", "1.2.3:80",
                             "127.0.0.1:8080/x", "127.0.0.1:-1", "[fe80::1%lo]:80"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_endpoint(text));
    }
}

TEST_CASE("Loopback is what never leaves the machine") {
    for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"}) {
        CAPTURE(host);
        REQUIRE(is_loopback(host));
    }
    for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1.example"}) {
        CAPTURE(host);
        REQUIRE_FALSE(is_loopback(host));
    }
}

TEST_CASE("Base URLs come apart into what a request needs") {
    struct Row {
        const char* text;
        const char* back;
        const char* authority;
        const char* path;
    };
    for (const Row row :
         {Row{"https://api.openai.com/v1", "https://api.openai.com/v1", "api.openai.com", "/v1"},
          {"http://10.0.0.1:8080/v1", "http://10.0.0.1:8080/v1", "10.0.0.1:8080", "/v1"},
          {"HTTPS://API.OpenAI.com:443/", "https://api.openai.com", "api.openai.com", ""},
          {"http://[::1]:80/a/b//", "http://[::1]/a/b", "[::1]", "/a/b"},
          {"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", "[2001:db8::1]:8443", ""},
          {"http://my_service:80", "http://my_service", "my_service", ""}}) {
        CAPTURE(row.text);
        const auto url = parse_base_url(row.text);
        REQUIRE(url.error.empty());
        REQUIRE(url.value->text() == row.back);
        REQUIRE(url.value->authority() == row.authority);
        REQUIRE(url.value->path == row.path);
    }
}

TEST_CASE("A base URL that could be misread is refused, without repeating it") {
    struct Row {
        const char* text;
        const char* error;
    };
    for (const Row row :
         {Row{"api.openai.com",
              "must begin with https:// or http://, as in https://api.openai.com/v1"},
          {"ftp://a", "must begin with https:// or http://, as in https://api.openai.com/v1"},
          {"https://user:hunter2@a/v1",
           "must not contain a user name or password; use api_key or headers"},
          {"https://a/v1?key=hunter2",
           "must not have a ?query; an API key belongs into api_key or headers"},
          {"https://a/v1#x", "must not have a #fragment"},
          {"https:///v1", "has no valid host"},
          {"https://a:0", "has a port that is not a number from 1 to 65535"},
          {"https://a:65536", "has a port that is not a number from 1 to 65535"},
          {"https://a:", "has a port that is not a number from 1 to 65535"},
          {"https://1.2.3.256", "has a host that is not a valid IPv4 address"},
          {"https://[::g]", "has brackets around something that is not an IPv6 address"},
          {"https://a b", "has a space or a character that is not ASCII; percent-encode it"},
          {"https://a\r\nX: y", "has a space or a character that is not ASCII; percent-encode it"},
          {"https://a..b", "has a host that is neither a name nor an address"},
          {"https://-a", "has a host that is neither a name nor an address"},
          {"https://a/v1/../x", "has a . or .. segment in its path"},
          {"https://a//v1", "has an empty segment (//) in its path"},
          {"https://a/v\\1",
           "has a character in its path that a URL cannot have; percent-encode it"},
          {"https://a/v1/chat/completions",
           "must end before /chat/completions: the client's path is appended to it "
           "(https://api.openai.com/v1)"}}) {
        CAPTURE(row.text);
        REQUIRE(parse_base_url(row.text).error == row.error);
    }
}

TEST_CASE("The host tells whose prices apply") {
    REQUIRE(provider_of_host("api.openai.com") == "openai");
    REQUIRE(provider_of_host("eu.api.openai.com") == "openai");
    REQUIRE(provider_of_host("notapi.openai.com.evil.example") == "");
    REQUIRE(provider_of_host("evil-api.openai.com") == "");
    REQUIRE(provider_of_host("myres.openai.azure.com") == "azure");
    REQUIRE(provider_of_host("api.groq.com") == "groq");
    REQUIRE(provider_of_host("api.x.ai") == "xai");
    REQUIRE(provider_of_host("api.together.xyz") == "together_ai");
    REQUIRE(provider_of_host("10.0.0.1") == "");
}

TEST_CASE("Globs know two wildcards and nothing else") {
    struct Row {
        const char* glob;
        const char* text;
        bool matches;
    };
    for (const Row row : {Row{"*", "", true},
                          {"*", "a", true},
                          {"", "", true},
                          {"", "a", false},
                          {"gpt-4o*", "gpt-4o", true},
                          {"gpt-4o*", "gpt-4o-mini", true},
                          {"gpt-4o*", "gpt-4", false},
                          {"gpt-?", "gpt-4", true},
                          {"gpt-?", "gpt-", false},
                          {"*mini", "gpt-4o-mini", true},
                          {"*a*b*", "xaxbx", true},
                          {"*a*b*", "xbxax", false},
                          {"a*a", "a", false},
                          {"GPT", "gpt", false},
                          {"[ab]", "a", false},
                          {"[ab]", "[ab]", true},
                          {"a.c", "abc", false},
                          {"**", "x", true}}) {
        CAPTURE(row.glob, row.text);
        REQUIRE(glob_match(row.glob, row.text) == row.matches);
    }
    // The exponential case of naive matchers.
    REQUIRE_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5'000, 'a')));
}

TEST_CASE("One glob covers another only when nothing can slip past it") {
    struct Row {
        const char* wide;
        const char* narrow;
        bool covers;
    };
    for (const Row row : {Row{"*", "gpt-*", true},
                          {"gpt-*", "gpt-4o*", true},
                          {"gpt-*", "gpt-4o", true},
                          {"gpt-4o*", "gpt-*", false},
                          {"gpt-?", "gpt-*", false},
                          {"gpt-?", "gpt-4", true},
                          {"gpt-?", "gpt-?", true},
                          {"gpt-4", "gpt-?", false},
                          {"*mini", "gpt-*mini", true},
                          {"*mini", "*min?", false},
                          {"a*c", "a*b*c", true},
                          {"gpt-4o", "gpt-4o", true}}) {
        CAPTURE(row.wide, row.narrow);
        REQUIRE(glob_covers(row.wide, row.narrow) == row.covers);
    }
}
