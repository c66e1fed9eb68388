#include "wire/error_kind.hpp"

#include "wire/classify.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;

TEST_CASE("An error is called by each API's own name, whoever's it was") {
    struct Row {
        const char* type;
        const char* code;
        unsigned status;
        const char* anthropic;
        const char* google;
        const char* openai_type;
        const char* openai_code;
    };
    for (const Row& row : {
             Row{"RESOURCE_EXHAUSTED", "429", 429, "rate_limit_error", "RESOURCE_EXHAUSTED",
                 "rate_limit_error", "rate_limit_exceeded"},
             Row{"throttlingException", "", 429, "rate_limit_error", "RESOURCE_EXHAUSTED",
                 "rate_limit_error", "rate_limit_exceeded"},
             Row{"rate_limit_error", "", 429, "rate_limit_error", "RESOURCE_EXHAUSTED",
                 "rate_limit_error", "rate_limit_exceeded"},
             Row{"UNAVAILABLE", "503", 503, "overloaded_error", "UNAVAILABLE",
                 "service_unavailable_error", "server_is_overloaded"},
             Row{"overloaded_error", "", 503, "overloaded_error", "UNAVAILABLE",
                 "service_unavailable_error", "server_is_overloaded"},
             Row{"serviceUnavailableException", "", 503, "overloaded_error", "UNAVAILABLE",
                 "service_unavailable_error", "server_is_overloaded"},
             Row{"", "529", 529, "overloaded_error", "UNAVAILABLE", "service_unavailable_error",
                 "server_is_overloaded"},
             Row{"validationException", "", 400, "invalid_request_error", "INVALID_ARGUMENT",
                 "invalid_request_error", ""},
             Row{"INVALID_ARGUMENT", "400", 400, "invalid_request_error", "INVALID_ARGUMENT",
                 "invalid_request_error", ""},
             Row{"invalid_request_error", "context_length_exceeded", 400, "invalid_request_error",
                 "INVALID_ARGUMENT", "invalid_request_error", "context_length_exceeded"},
             Row{"billing_error", "", 429, "billing_error", "RESOURCE_EXHAUSTED",
                 "insufficient_quota", "insufficient_quota"},
             Row{"not_found_error", "", 404, "not_found_error", "NOT_FOUND",
                 "invalid_request_error", "model_not_found"},
             Row{"modelStreamErrorException", "", 500, "api_error", "INTERNAL", "server_error", ""},
             Row{"DEADLINE_EXCEEDED", "504", 504, "timeout_error", "DEADLINE_EXCEEDED",
                 "server_error", ""},
             Row{"", "", 500, "api_error", "INTERNAL", "server_error", ""},
         }) {
        INFO(row.type << ' ' << row.code);
        const auto cause = cause_of(ErrorFacts{"It broke.", row.type, row.code, ""});
        CHECK(cause.status == row.status);
        CHECK(cause.words().anthropic == row.anthropic);
        CHECK(cause.google() == row.google);
        CHECK(cause.words().openai_type == row.openai_type);
        CHECK(cause.words().openai_code == row.openai_code);
    }
}

TEST_CASE("An error about a key inside a stream is the server's: no client is to log out") {
    for (const auto& error :
         {ErrorFacts{"m", "authentication_error", "", ""}, ErrorFacts{"m", "", "401", ""},
          ErrorFacts{"m", "PERMISSION_DENIED", "403", ""},
          ErrorFacts{"m", "permission_error", "", ""},
          ErrorFacts{"m", "invalid_request_error", "invalid_api_key", ""},
          ErrorFacts{"m", "UNAUTHENTICATED", "", ""}}) {
        INFO(error.type << ' ' << error.code);
        const auto cause = cause_of(error);
        CHECK(cause.kind == ErrorKind::server);
        CHECK(cause.status == 500);
        CHECK(cause.google() == "INTERNAL");
        CHECK(cause.of_key);
    }
    CHECK_FALSE(cause_of(ErrorFacts{"m", "overloaded_error", "", ""}).of_key);
    CHECK(cause_of(FailureClass::auth, 401).kind == ErrorKind::auth);
}

TEST_CASE("A refusal of one request is none of the key, whatever status it names") {
    for (
        const auto* json :
        {R"({"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}})",
         R"({"error":{"message":"No.","code":401}})",
         R"({"type":"error","error":{"type":"permission_error","message":"Your account may not"}})"}) {
        INFO(json);
        CHECK(refuses_key(json));
    }
    for (
        const auto* json :
        {R"({"error":{"code":403,"message":"m requires moderation on P. Your input was flagged."}})",
         R"({"error":{"code":403,"message":"Content violates usage guidelines."}})",
         R"({"error":{"code":"403","message":"Project p does not have access to model m"}})",
         R"({"error":{"code":503,"message":"Overloaded"}})", "{}", ""}) {
        INFO(json);
        CHECK_FALSE(refuses_key(json));
    }
}

TEST_CASE("What a status alone would say does not hide what its body says") {
    struct Row {
        unsigned status;
        const char* body;
        const char* anthropic;
        const char* google;
    };
    for (const Row& row :
         {Row{424, R"({"__type":"ModelErrorException","message":"m"})", "api_error", "INTERNAL"},
          Row{408, R"({"message":"slow"})", "timeout_error", "DEADLINE_EXCEEDED"},
          Row{409, "{}", "conflict_error", "ABORTED"},
          Row{400, R"({"error":{"message":"m","details":[{"reason":"API_KEY_INVALID"}]}})",
              "authentication_error", "UNAUTHENTICATED"},
          Row{400, R"({"error":{"message":"m","code":"server_is_overloaded"}})", "overloaded_error",
              "UNAVAILABLE"},
          Row{413, "{}", "request_too_large", "INVALID_ARGUMENT"},
          Row{422, "{}", "invalid_request_error", "INVALID_ARGUMENT"},
          Row{499, "{}", "invalid_request_error", "CANCELLED"},
          Row{498, "{}", "rate_limit_error", "RESOURCE_EXHAUSTED"},  // Groq: no capacity
          Row{425, "{}", "api_error", "INTERNAL"}, Row{502, "{}", "api_error", "UNAVAILABLE"}}) {
        INFO(row.status << ' ' << row.body);
        const auto cause = cause_of(classify_status(row.status, row.body, {}), row.status);
        CHECK(cause.status == row.status);
        CHECK(cause.words().anthropic == row.anthropic);
        CHECK(cause.google() == row.google);
    }
    CHECK(cause_of(FailureClass::malformed, 429).kind == ErrorKind::rate_limit);
    CHECK(cause_of(FailureClass::malformed, 502).kind == ErrorKind::server);
}

TEST_CASE("The words stand in the order of their kinds") {
    for (int i = 0; i <= static_cast<int>(ErrorKind::server); ++i) {
        CHECK(words_of(static_cast<ErrorKind>(i)).kind == static_cast<ErrorKind>(i));
    }
}
