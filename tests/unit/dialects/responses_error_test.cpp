#include "dialects/responses/error.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy;
using namespace understudy::dialects;

TEST_CASE("Errors of any provider get OpenAI's code, by which clients of /responses decide") {
    struct Case {
        const char* type;
        const char* code;
        const char* becomes;
        const char* as_type;
    };
    const auto c = GENERATE(values<Case>({
        {"rate_limit_error", "", "rate_limit_exceeded", "rate_limit_error"},
        {"RESOURCE_EXHAUSTED", "429", "rate_limit_exceeded", "rate_limit_error"},
        {"tokens", "rate_limit_exceeded", "rate_limit_exceeded", "rate_limit_error"},
        {"overloaded_error", "", "server_is_overloaded", "service_unavailable_error"},
        {"UNAVAILABLE", "503", "server_is_overloaded", "service_unavailable_error"},
        {"insufficient_quota", "insufficient_quota", "insufficient_quota", "insufficient_quota"},
        {"billing_error", "", "insufficient_quota", "insufficient_quota"},
        {"invalid_request_error", "", "invalid_prompt", "invalid_request_error"},
        {"invalid_request_error", "context_length_exceeded", "context_length_exceeded",
         "invalid_request_error"},
        {"INVALID_ARGUMENT", "400", "invalid_prompt", "invalid_request_error"},
        {"invalid_request_error", "image_too_large", "image_too_large", "invalid_request_error"},
        {"authentication_error", "", "server_error", "server_error"},
        {"", "", "server_error", "server_error"},
        {"", "529", "server_is_overloaded", "service_unavailable_error"},
    }));
    const wire::ErrorFacts error{"It \"broke\".", c.type, c.code, "p"};
    INFO(c.type << ' ' << c.code);
    CHECK(responses::code_of(error, wire::cause_of(error)) == c.becomes);
    const auto body = nlohmann::json::parse(responses::write_error(error, wire::cause_of(error)));
    CHECK(body == nlohmann::json{{"error",
                                  {{"message", "It \"broke\"."},
                                   {"type", c.as_type},
                                   {"param", "p"},
                                   {"code", c.becomes}}}});
}

TEST_CASE("An error without words is told by its status") {
    const auto body = nlohmann::json::parse(responses::write_error(
        {"x", "", "", ""}, wire::cause_of(wire::FailureClass::rate_limit, 429)));
    CHECK(body["error"]["code"] == "rate_limit_exceeded");
    CHECK(body["error"]["param"].is_null());
}
