#include "upstreams/request_head.hpp"
#include "upstreams/hop_mark.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;

namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

config::Upstream upstream() {
    config::Upstream u;
    u.name = "openai";
    u.base_url = {true, "api.example", 443, "/v1"};
    return u;
}

config::Upstream with_key() {
    auto u = upstream();
    u.api_key = config::Secret("sk-own");
    return u;
}

std::string head(const config::Upstream& u, const Names& client, bool forward_credentials = false) {
    wire::RequestHead request;
    for (const auto& [name, value] : client) request.fields.add(name, value);
    OutboundHead out;
    out.method = "POST";
    out.path = "/chat/completions";
    out.client = &request;
    out.forward_credentials = forward_credentials;
    out.body_size = 12;
    out.request_id = "id-1";
    std::string text;
    HeadTemplate(u).write(out, text);
    return text;
}

bool has(const std::string& text, std::string_view line) {
    return text.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

std::string lowered(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return text;
}

/// How often a field is there, whatever its case.
std::size_t count(const std::string& text, const std::string& name) {
    const auto in = lowered(text);
    const auto what = "\r\n" + lowered(name) + ':';
    std::size_t n = 0;
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("The head is the client's end-to-end fields and our own, in that order") {
    CHECK(head(with_key(), {{"Host", "proxy.example"},
                            {"Content-Type", "application/json"},
                            {"Authorization", "Bearer client"},
                            {"OpenAI-Beta", "x=1"},
                            {"Content-Length", "999"}}) ==
          "POST /v1/chat/completions HTTP/1.1\r\n"
          "host: api.example\r\n"
          "Content-Type: application/json\r\n"
          "OpenAI-Beta: x=1\r\n"
          "x-request-id: id-1\r\n"
          "via: " +
              hop_mark() +
              "\r\n"
              "authorization: Bearer sk-own\r\n"
              "accept-encoding: identity\r\n"
              "content-length: 12\r\n"
              "\r\n");
}

TEST_CASE("A request of our own needs no client and no body") {
    OutboundHead out;
    out.method = "GET";
    out.path = "/models?x=1";
    out.has_body = false;
    std::string text = "kept";
    HeadTemplate(with_key()).write(out, text);
    CHECK(text == "keptGET /v1/models?x=1 HTTP/1.1\r\nhost: api.example\r\nvia: " + hop_mark() +
                      "\r\n"
                      "authorization: Bearer sk-own\r\naccept-encoding: identity\r\n\r\n");
}

TEST_CASE(
    "For another API the client's fields of its own stay here, and its key changes its place") {
    wire::RequestHead request;
    const Names sent{{"Authorization", "Bearer sk-client"},
                     {"Content-Type", "text/plain"},
                     {"OpenAI-Beta", "x=1"},
                     {"OpenAI-Organization", "o"},
                     {"api-key", "other"},
                     {"Cookie", "a=b"},
                     {"X-Own", "kept"},
                     {"anthropic-version", "of a client's"},
                     {"traceparent", "t"}};  // the request points to it
    for (const auto& [name, value] : sent) request.fields.add(name, value);
    auto u = upstream();
    OutboundHead out;
    out.method = "POST";
    out.path = "/messages";
    out.client = &request;
    out.other_api = true;
    out.client_key = "sk-client";
    const auto write = [&] {
        std::string text;
        HeadTemplate(u).write(out, text);
        return text;
    };
    u.dialect = wire::Dialect::messages;
    for (const bool may : {true, false}) {
        out.forward_credentials = may;
        const auto text = write();
        CHECK(has(text, "X-Own: kept"));
        CHECK(has(text, "traceparent: t"));
        CHECK(has(text, "content-type: application/json"));
        CHECK(has(text, "anthropic-version: 2023-06-01"));
        CHECK(has(text, "x-api-key: sk-client") == may);
        for (const char* name :
             {"authorization", "openai-beta", "openai-organization", "api-key", "cookie"}) {
            CAPTURE(name);
            CHECK(count(text, name) == 0);
        }
        CHECK(count(text, "anthropic-version") == 1);
        CHECK(count(text, "content-type") == 1);
    }
    out.forward_credentials = true;
    u.dialect = wire::Dialect::gemini;
    CHECK(has(write(), "x-goog-api-key: sk-client"));
    CHECK(count(write(), "anthropic-version") == 0);
    u.dialect = wire::Dialect::chat;
    CHECK(has(write(), "authorization: Bearer sk-client"));
    u.api_key = config::Secret("sk-own");
    CHECK(has(write(), "authorization: Bearer sk-own"));
    CHECK(write().find("sk-client") == std::string::npos);
}

TEST_CASE("An empty body has a length of its own") {
    OutboundHead out;
    out.method = "POST";
    out.path = "/x";
    std::string text;
    HeadTemplate(upstream()).write(out, text);
    CHECK(has(text, "content-length: 0"));
}

TEST_CASE("Host comes from the configuration alone") {
    auto u = upstream();
    u.base_url.port = 8443;
    CHECK(has(head(u, {{"Host", "evil.example"}, {"host", "worse.example"}}),
              "host: api.example:8443"));
    CHECK(count(head(u, {{"Host", "evil.example"}}), "host") == 1);
    u.base_url = {false, "::1", 80, ""};
    CHECK(has(head(u, {}), "host: [::1]"));
    CHECK(head(u, {}).starts_with("POST /chat/completions HTTP/1.1\r\n"));
    u.headers = {{"Host", config::Secret("configured.example")}};
    CHECK(has(head(u, {{"Host", "evil.example"}}), "Host: configured.example"));
    CHECK(count(head(u, {}), "host") == 1);
}

TEST_CASE("A client's credentials go to an upstream only where it has none and they may") {
    for (const char* name :
         {"Authorization", "authorization", "X-API-Key", "x-api-key", "Api-Key"}) {
        INFO(name);
        const Names client{{name, "client-secret"}};
        CHECK(head(with_key(), client, false).find("client-secret") == std::string::npos);
        CHECK(head(upstream(), client, false).find("client-secret") == std::string::npos);
        CHECK(has(head(upstream(), client, true), std::string(name) + ": client-secret"));
    }
    const auto text = head(upstream(), {}, true);
    CHECK(count(text, "authorization") == 0);
}

TEST_CASE("A configured credential replaces the client's of the same name") {
    auto u = upstream();
    u.headers = {{"Authorization", config::Secret("Basic configured")}};
    auto text = head(u, {{"authorization", "Bearer client"}}, true);
    CHECK(count(text, "authorization") == 1);
    CHECK(has(text, "Authorization: Basic configured"));

    u = with_key();
    u.headers = {{"authorization", config::Secret("Basic configured")}};
    text = head(u, {});
    CHECK(count(text, "authorization") == 1);
    CHECK(text.find("sk-own") == std::string::npos);
}

TEST_CASE("An upstream with a key never gets the client's, even when forwarding is allowed") {
    const auto text = head(with_key(), {{"authorization", "Bearer client"}}, true);
    CHECK(count(text, "authorization") == 1);
    CHECK(text.find("client") == std::string::npos);
}

TEST_CASE("A credential in a configured header counts as the upstream's own") {
    auto u = upstream();
    u.headers = {{"api-key", config::Secret("azure-own")}};
    const auto text = head(u, {{"authorization", "Bearer client"}}, true);
    CHECK(has(text, "api-key: azure-own"));
    CHECK(text.find("client") == std::string::npos);
}

TEST_CASE("Google's key header is a credential too") {
    CHECK(head(with_key(), {{"x-goog-api-key", "client-secret"}}).find("client-secret") ==
          std::string::npos);
}

TEST_CASE("Configured headers go before the client's, whatever the case") {
    auto u = upstream();
    u.headers = {{"OpenAI-Organization", config::Secret("ours")},
                 {"User-Agent", config::Secret("understudy")},
                 {"Accept-Encoding", config::Secret("gzip")}};
    const auto text = head(u, {{"openai-organization", "theirs"},
                               {"USER-AGENT", "curl"},
                               {"accept-encoding", "br"},
                               {"accept", "a"}});
    CHECK(has(text, "OpenAI-Organization: ours"));
    CHECK(text.find("theirs") == std::string::npos);
    CHECK(count(text, "user-agent") == 1);
    CHECK(count(text, "accept-encoding") == 1);
    CHECK(has(text, "Accept-Encoding: gzip"));
    CHECK(has(text, "accept: a"));
}

TEST_CASE("What is between two hops only is never forwarded") {
    for (const char* name :
         {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
          "Upgrade", "Proxy-Authorization", "Proxy-Authenticate", "Expect", "Accept-Encoding",
          "x-understudy-chain", "X-Understudy-Deadline", "x-understudy-fallback",
          "x-understudy-session", "x-understudy-anything-else"}) {
        INFO(name);
        const auto text = head(upstream(), {{name, "some-value"}}, true);
        CHECK(text.find("some-value") == std::string::npos);
    }
}

TEST_CASE("Short names with our prefix are stripped like the long ones") {
    for (const char* name :
         {"x-understudy-", "x-understudy-a", "x-understudy-ab", "x-understudy-abc"}) {
        INFO(name);
        CHECK(count(head(upstream(), {{name, "1"}}), name) == 0);
    }
}

TEST_CASE("Fields that Connection names are dropped, but not those that carry the message") {
    const auto text = head(upstream(),
                           {{"Connection", "close, X-Private , content-type"},
                            {"connection", "x-second, authorization"},
                            {"x-private", "1"},
                            {"X-Second", "2"},
                            {"x-third", "3"},
                            {"Authorization", "Bearer client"},
                            {"content-type", "application/json"}},
                           true);
    CHECK(count(text, "x-private") == 0);
    CHECK(count(text, "x-second") == 0);
    CHECK(count(text, "connection") == 0);
    CHECK(has(text, "x-third: 3"));
    CHECK(has(text, "content-type: application/json"));
    CHECK(has(text, "Authorization: Bearer client"));
}

TEST_CASE("Request id and length are written once, by us") {
    const auto text = head(
        upstream(), {{"X-Request-ID", "theirs"}, {"Content-Length", "5"}, {"content-length", "6"}});
    CHECK(count(text, "x-request-id") == 1);
    CHECK(has(text, "x-request-id: id-1"));
    CHECK(count(text, "content-length") == 1);
    CHECK(has(text, "content-length: 12"));
}

TEST_CASE("What belongs to tracing, content and the user goes through as it came") {
    const Names through{{"traceparent", "00-1-2-01"},
                        {"Accept", "text/event-stream"},
                        {"user-agent", "OpenAI/Python"},
                        {"idempotency-key", "k"},
                        {"x-stainless-lang", "python"},
                        {"Accept", "again"},
                        {"x-empty", ""}};
    const auto text = head(upstream(), through);
    for (const auto& [name, value] : through) CHECK(has(text, name + ": " + value));
}

TEST_CASE("An upstream with a key of its own gets no credential and no account of the client's") {
    const Names client{
        {"X-Vendor-Api-Key", "s"},    {"private-token", "s"},   {"Cookie", "s"},
        {"OpenAI-Organization", "s"}, {"OpenAI-Project", "s"},  {"ChatGPT-Account-ID", "s"},
        {"x-stainless-lang", "js"},   {"idempotency-key", "k"}, {"x-amz-security-token", "s"}};
    const auto own = head(with_key(), client, true);
    const auto passed = head(upstream(), client, true);
    for (const auto& [name, value] : client) {
        INFO(name);
        CHECK(count(own, name) == (value == "s" ? 0 : 1));
        CHECK(count(passed, name) == 1);
    }
}

TEST_CASE("What a browser says of its page does not travel") {
    for (const char* name : {"Origin", "Referer", "Sec-Fetch-Site", "sec-ch-ua"}) {
        INFO(name);
        CHECK(count(head(upstream(), {{name, "x"}}, true), name) == 0);
    }
}

TEST_CASE("A body goes up decoded, so its coding does not travel") {
    for (const char* coding : {"gzip", "zstd", "identity", ""}) {
        INFO(coding);
        CHECK(count(head(upstream(), {{"Content-Encoding", coding}}, true), "content-encoding") ==
              0);
    }
}

TEST_CASE("A request that was here before, or passed too many, is in a loop") {
    const auto looped = [](const std::string& via) {
        wire::Fields fields;
        fields.add("Via", via);
        return in_a_loop(fields);
    };
    CHECK(looped(hop_mark()));
    CHECK(looped("1.1 nginx, " + hop_mark() + ", 1.1 other"));
    CHECK_FALSE(looped("1.1 nginx, 1.1 understudy-0123456789abcdef"));
    std::string many;
    for (std::size_t i = 0; i < kMaxHops; ++i) many += "1.1 understudy-" + std::to_string(i) + ", ";
    CHECK(looped(many));
}

TEST_CASE("An API of its own has its key in a header of its own, whoever offers it") {
    auto u = with_key();
    u.dialect = config::Dialect::messages;
    auto text = head(u, {{"Authorization", "Bearer sk-client"}, {"x-api-key", "sk-client"}});
    CHECK(has(text, "x-api-key: sk-own"));
    CHECK(count(text, "x-api-key") == 1);
    CHECK(count(text, "authorization") == 0);
    u.dialect = config::Dialect::gemini;
    text = head(u, {{"x-goog-api-key", "client"}});
    CHECK(has(text, "x-goog-api-key: sk-own"));
    CHECK(count(text, "x-goog-api-key") == 1);
    u = upstream();
    u.dialect = config::Dialect::messages;
    u.headers.push_back({"Authorization", config::Secret("Bearer sk-own")});
    text = head(u, {{"x-api-key", "sk-client"}}, true);
    CHECK(has(text, "Authorization: Bearer sk-own"));
    CHECK(count(text, "x-api-key") == 0);
}

TEST_CASE("Anthropic's API is told a version: the client's, a configured one, or the only one") {
    auto u = with_key();
    u.dialect = config::Dialect::messages;
    CHECK(has(head(u, {}), "anthropic-version: 2023-06-01"));
    const auto text = head(u, {{"Anthropic-Version", "2099-01-01"}, {"anthropic-beta", "a,b"}});
    CHECK(has(text, "Anthropic-Version: 2099-01-01"));
    CHECK(count(text, "anthropic-version") == 1);
    CHECK(has(text, "anthropic-beta: a,b"));
    u.headers.push_back({"anthropic-version", config::Secret("2000-01-01")});
    CHECK(has(head(u, {{"Anthropic-Version", "2099-01-01"}}), "anthropic-version: 2000-01-01"));
    CHECK(count(head(u, {}), "anthropic-version") == 1);
    CHECK(count(head(with_key(), {}), "anthropic-version") == 0);
}

TEST_CASE("A model in the path is the one that is sent, and stays in its place") {
    auto u = with_key();
    u.base_url.path = "/v1beta";
    u.dialect = config::Dialect::gemini;
    wire::RequestHead request;
    const auto line = [&](std::string_view model, std::string_view action, bool own = true) {
        OutboundHead out;
        out.method = "POST";
        out.path = "/models/asked:generateContent";
        out.action = action;
        out.model = model;
        out.client = &request;
        out.forward_credentials = !own;
        auto upstream = u;
        if (!own) upstream.api_key.reset();
        std::string text;
        HeadTemplate(upstream).write(out, text);
        return text.substr(0, text.find("\r\n"));
    };
    CHECK(line("g-1", ":generateContent") == "POST /v1beta/models/g-1:generateContent HTTP/1.1");
    CHECK(line("a/b c", ":countTokens") == "POST /v1beta/models/a/b%20c:countTokens HTTP/1.1");
    CHECK(line("../x", ":countTokens") == "POST /v1beta/models/_../x:countTokens HTTP/1.1");
    CHECK(line("x?y#z\r\n", ":countTokens") ==
          "POST /v1beta/models/x%3Fy%23z%0D%0A:countTokens HTTP/1.1");
    // The client's key is a secret of its own, in the query as anywhere.
    CHECK(line("g", ":streamGenerateContent?alt=sse&key=hush") ==
          "POST /v1beta/models/g:streamGenerateContent?alt=sse HTTP/1.1");
    CHECK(line("g", ":streamGenerateContent?key=hush&alt=sse", false) ==
          "POST /v1beta/models/g:streamGenerateContent?key=hush&alt=sse HTTP/1.1");
}
