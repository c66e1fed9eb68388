#include "wire/withheld.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

TEST_CASE("A name that says so holds a credential, known or not, in any case") {
    for (const char* name : {"x-api-key",
                             "API_KEY",
                             "apikey",
                             "key",
                             "X-Auth-Token",
                             "private-token",
                             "token",
                             "access_token",
                             "helicone-auth",
                             "cf-aig-authorization",
                             "x-portkey-api-key",
                             "x-amz-security-token",
                             "modal-secret",
                             "x-new-vendor-apikey",
                             "x-ms-token-aad-id-token",
                             "client_secret",
                             "x-goog-iap-jwt-assertion",
                             "x-api-key-2",
                             "sig",
                             "x-amzn-oidc-data",
                             "x-amzn-oidc-identity",
                             "X-Amzn-Oidc-Accesstoken",
                             "Cookie2"}) {
        INFO(name);
        CHECK(names_secret(name));
    }
}

TEST_CASE("What only looks like one at a glance is none") {
    for (const char* name :
         {"user-agent", "idempotency-key", "x-stainless-retry-count", "openai-beta",
          "anthropic-version", "max_tokens", "traceparent", "x-monkey", "alt", "api-version",
          "x-prompt-cache-key", "content-language", "code", "x-forwarded-for", "x-consumer", ""}) {
        INFO(name);
        CHECK_FALSE(names_secret(name));
        CHECK_FALSE(names_account(name));
    }
}

TEST_CASE("Accounts and pages are known by their names") {
    for (const char* name : {"OpenAI-Organization",
                             "openai-project",
                             "ChatGPT-Account-ID",
                             "anthropic-workspace-id",
                             "x-goog-user-project",
                             "x-ms-client-principal",
                             "X-MS-CLIENT-PRINCIPAL-NAME",
                             "x-amzn-mtls-clientcert-subject",
                             "x-forwarded-client-cert",
                             "Client-Cert",
                             "x-forwarded-user",
                             "x-forwarded-email",
                             "x-forwarded-groups",
                             "Remote-User",
                             "remote-groups",
                             "Tailscale-User-Login",
                             "x-pomerium-claim-email",
                             "x-endpoint-api-userinfo",
                             "x-appengine-user-email",
                             "x-consumer-username"}) {
        INFO(name);
        CHECK(names_account(name));
    }
    CHECK(names_page("Sec-Fetch-Site"));
    CHECK(names_page("sec-ch-ua"));
    CHECK_FALSE(names_page("x-sec-fetch"));
}

TEST_CASE("Fields of one provider's API are known by how they begin") {
    for (const char* name : {"anthropic-beta", "Anthropic-Version", "OpenAI-Beta", "openai-project",
                             "x-goog-api-client", "X-Claude-Code-Session-Id", "chatgpt-account-id",
                             "x-codex-window-id"}) {
        INFO(name);
        CHECK(names_api(name));
    }
    for (const char* name :
         {"accept", "user-agent", "x-openai", "x-session-id", "traceparent", ""}) {
        INFO(name);
        CHECK_FALSE(names_api(name));
    }
}

TEST_CASE("The short cut for usual fields never covers a withheld one") {
    for (const char* name : {"x-stainless-lang", "User-Agent", "accept", "accept-language",
                             "openai-beta", "anthropic-version", "anthropic-beta"}) {
        INFO(name);
        CHECK(is_usual_field(name));
    }
    for (const char* name :
         {"openai-organization", "openai-project", "anthropic-workspace-id", "anthropic-api-key",
          "openai-beta-key", "anthropic-token", "cookie", "token"}) {
        INFO(name);
        CHECK_FALSE(is_usual_field(name));
    }
}

TEST_CASE("Secret query parameters go, however they are spelt, and the rest stays as it is") {
    struct Row {
        std::string target, expected;
    };
    for (const auto& [target, expected] : {
             Row{"/x", "/x"},
             Row{"/x?", "/x?"},
             Row{"/x?a=1&b=%20", "/x?a=1&b=%20"},
             Row{"/x?key=s", "/x"},
             Row{"/x?key=s&a=1", "/x?a=1"},
             Row{"/x?a=1&api_key=s&b=2", "/x?a=1&b=2"},
             Row{"/x?%6bey=s&a", "/x?a"},
             Row{"/x?a=1;Access-Token=s", "/x?a=1"},
             Row{"/x?key", "/x"},
             Row{"/x?code=s&encode=1", "/x?encode=1"},
         }) {
        std::string out;
        INFO(target);
        CHECK(without_secret_parameters(target, out) == expected);
    }
}
