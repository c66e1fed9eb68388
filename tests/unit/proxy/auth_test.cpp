#include "proxy/auth.hpp"

#include <catch2/catch.hpp>

#include <openssl/sha.h>

#include <chrono>
#include <string>
#include <vector>

using namespace understudy::proxy;
using understudy::config::Config;
using understudy::config::Key;

namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

Key key(std::string name, const std::string& secret, std::vector<std::string> routes = {}) {
    Key k;
    k.name = std::move(name);
    k.routes = std::move(routes);
    SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), k.sha256.data());
    return k;
}

Config two_keys() {
    Config config;
    config.keys = {key("a", "secret-a"), key("b", "secret b")};
    return config;
}

/// Name of the key found, or the error's code.
std::string who(const Config& config, const Names& fields) {
    Inbound request;
    for (const auto& [name, value] : fields) request.head.fields.add(name, value);
    const auto error = authenticate(config, request);
    if (!error) return request.key != nullptr ? request.key->name : "anybody";
    CHECK(error->status == 401);
    CHECK(request.key == nullptr);
    CHECK(error->message.find("secret") == std::string::npos);
    return std::string(error->code);
}

struct Row {
    const char* title;
    Names fields;
    const char* expected;
};

}  // namespace

TEST_CASE("A key is found where clients put it, and nowhere else") {
    const auto config = two_keys();
    const std::string refused = "invalid_api_key";
    const std::vector<Row> rows{
        {"as a bearer token", {{"Authorization", "Bearer secret-a"}}, "a"},
        {"the scheme has no case", {{"authorization", "bEARER secret-a"}}, "a"},
        {"several spaces", {{"authorization", "Bearer   secret-a"}}, "a"},
        {"a key with a space", {{"authorization", "Bearer secret b"}}, "b"},
        {"as Anthropic has it", {{"X-API-Key", "secret-a"}}, "a"},
        {"as Google has it", {{"X-Goog-Api-Key", "secret-a"}}, "a"},
        {"as Azure has it", {{"Api-Key", "secret-a"}}, "a"},
        {"a wrong one and a right one",
         {{"authorization", "Bearer sk-of-openai"}, {"x-api-key", "secret-a"}},
         "a"},
        {"two right ones: the bearer token",
         {{"x-api-key", "secret b"}, {"authorization", "Bearer secret-a"}},
         "a"},
        {"an empty token and a right one",
         {{"authorization", "Bearer "}, {"api-key", "secret-a"}},
         "a"},
        {"nothing", {}, "invalid_api_key"},
        {"never another scheme", {{"authorization", "Basic secret-a"}}, "invalid_api_key"},
        {"never without a scheme", {{"authorization", "secret-a"}}, "invalid_api_key"},
        {"never glued to the scheme", {{"authorization", "Bearersecret-a"}}, "invalid_api_key"},
        {"never with a tab", {{"authorization", "Bearer\tsecret-a"}}, "invalid_api_key"},
        {"never a scheme alone", {{"authorization", "Bearer"}}, "invalid_api_key"},
        {"never an empty token", {{"authorization", "Bearer    "}}, "invalid_api_key"},
        {"never a prefix", {{"x-api-key", "secret-"}}, "invalid_api_key"},
        {"never with something behind", {{"x-api-key", "secret-aa"}}, "invalid_api_key"},
        {"never in another case", {{"x-api-key", "SECRET-A"}}, "invalid_api_key"},
        {"never empty", {{"x-api-key", ""}}, "invalid_api_key"},
        {"never by the key's name", {{"x-api-key", "a"}}, "invalid_api_key"},
        {"never from another field", {{"x-understudy-key", "secret-a"}}, "invalid_api_key"},
        {"never from a cookie", {{"cookie", "api-key=secret-a"}}, "invalid_api_key"},
    };
    for (const Row& row : rows) {
        INFO(row.title);
        CHECK(who(config, row.fields) == row.expected);
    }
}

TEST_CASE("The message tells a missing key from a wrong one") {
    const auto config = two_keys();
    Inbound none;
    CHECK(authenticate(config, none)->message.find("needs a key") != std::string::npos);
    Inbound wrong;
    wrong.head.fields.add("authorization", "Bearer nonsense");
    const auto message = authenticate(config, wrong)->message;
    CHECK(message.find("not one of") != std::string::npos);
    CHECK(message.find("nonsense") == std::string::npos);
}

TEST_CASE("Without configured keys nobody is asked") {
    CHECK(who({}, {}) == "anybody");
    CHECK(who({}, {{"authorization", "Bearer x"}}) == "anybody");
}

TEST_CASE("The answer does not depend on where in the list or how close a key is") {
    // What can be told without a clock: every key is looked at, the first match does not end it.
    Config config;
    for (int i = 0; i < 50; ++i) {
        config.keys.push_back(key("k" + std::to_string(i), "secret-" + std::to_string(i)));
    }
    for (int i = 0; i < 50; ++i) {
        CHECK(who(config, {{"x-api-key", "secret-" + std::to_string(i)}}) ==
              "k" + std::to_string(i));
    }
    CHECK(who(config, {{"x-api-key", "secret-50"}}) == "invalid_api_key");
    // The digest itself is not a key.
    const auto& digest = config.keys[0].sha256;
    CHECK(who(config, {{"x-api-key", std::string(digest.begin(), digest.end())}}) ==
          "invalid_api_key");
}

TEST_CASE("A key may use the models its globs name") {
    const auto open = key("open", "x");
    const auto narrow = key("narrow", "x", {"gpt-4o*", "claude-?"});
    const auto code = [](const Key* k, std::string_view model) {
        Inbound request;
        request.key = k;
        const auto error = authorize(request, model);
        return error ? std::string(error->code) : std::string("ok");
    };
    CHECK(code(nullptr, "anything") == "ok");
    CHECK(code(&open, "anything") == "ok");
    CHECK(code(&open, "") == "ok");
    CHECK(code(&narrow, "gpt-4o") == "ok");
    CHECK(code(&narrow, "gpt-4o-mini") == "ok");
    CHECK(code(&narrow, "claude-5") == "ok");
    CHECK(code(&narrow, "claude-55") == "model_not_allowed");
    CHECK(code(&narrow, "GPT-4o") == "model_not_allowed");
    CHECK(code(&narrow, "x-gpt-4o") == "model_not_allowed");
    CHECK(code(&narrow, "") == "model_not_allowed");

    Inbound request;
    request.key = &narrow;
    const auto error = authorize(request, "o1");
    REQUIRE(error);
    CHECK(error->status == 403);
    CHECK(error->param == "model");
    CHECK(error->message.find("\"narrow\"") != std::string::npos);
}

TEST_CASE("At Google's paths a key may stand in the query, and at no other") {
    const auto asked = [](const char* target) {
        Inbound request;
        request.head.target = target;
        request.endpoint = match_endpoint("POST", target);
        return authenticate(two_keys(), request) ? "refused" : request.key->name;
    };
    CHECK(asked("/v1beta/models/g:generateContent?key=secret-a") == "a");
    CHECK(asked("/v1beta/models/g:generateContent?alt=sse&key=secret%20b&x=1") == "b");
    CHECK(asked("/v1beta/models/g:generateContent?xkey=secret-a") == "refused");
    CHECK(asked("/v1beta/models/g:generateContent?key=") == "refused");
    CHECK(asked("/v1beta/models/g:generateContent") == "refused");
    CHECK(asked("/v1/chat/completions?key=secret-a") == "refused");
}

TEST_CASE("A key opens until it expires") {
    using std::chrono::days;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto config = two_keys();
    const Names show_a{{"x-api-key", "secret-a"}};
    config.keys[0].expires = now + days{1};
    CHECK(who(config, show_a) == "a");
    config.keys[0].expires = now - days{1};
    CHECK(who(config, show_a) == "api_key_expired");
    CHECK(who(config, {{"x-api-key", "secret b"}}) == "b");
}

TEST_CASE("A credential that was good before opens what it opens now") {
    auto config = two_keys();
    const auto ask = [&config](const std::string& credential) {
        return who(config, {{"x-api-key", credential}});
    };
    for (int round = 0; round < 3; ++round) {
        CHECK(ask("secret-a") == "a");
        CHECK(ask("secret-b") == "invalid_api_key");
        CHECK(ask("secret b") == "b");
        CHECK(ask("secret-") == "invalid_api_key");
    }
    config.keys[1].expires = std::chrono::sys_seconds{};
    CHECK(ask("secret b") == "api_key_expired");
    config.keys.erase(config.keys.begin());
    CHECK(ask("secret-a") == "invalid_api_key");
    // Many of them, and long ones.
    config.keys.clear();
    for (int i = 0; i < 40; ++i) {
        const auto name = std::to_string(i);
        config.keys.push_back(key(name, std::string(static_cast<std::size_t>(i) * 10, 'k') + name));
    }
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 40; ++i) {
            const auto name = std::to_string(i);
            CHECK(ask(std::string(static_cast<std::size_t>(i) * 10, 'k') + name) == name);
        }
    }
}
