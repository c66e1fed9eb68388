#include "proxy/local_error.hpp"

#include "wire/answer.hpp"
#include "wire/json_scan.hpp"

#include <catch2/catch.hpp>

using namespace understudy::proxy;
using namespace understudy::wire;
using namespace std::string_literals;

TEST_CASE("An error of our own has OpenAI's shape, its members in their order") {
    LocalError error(404, "model_not_found", "No route.");
    CHECK(to_json(error) ==
          R"({"error":{"message":"No route.","type":"understudy_error","param":null,)"
          R"("code":"model_not_found"}})");
    error.param = "model";
    CHECK(to_json(error) ==
          R"({"error":{"message":"No route.","type":"understudy_error","param":"model",)"
          R"("code":"model_not_found"}})");
}

TEST_CASE("Whatever a message holds, the body is JSON and says the same") {
    for (const auto& hostile :
         {""s, "\""s, "\\"s, "\\\""s, "\"}}"s, "a\r\nb"s, "\t\b\f\x01\x1f\x7f"s, "a\0b"s,
          "</script>"s, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"s, "{}[],:"s,
          std::string(1000, '"')}) {
        LocalError error(400, "invalid_request", hostile);
        const auto json = to_json(error);
        JsonKind kind{};
        CHECK_FALSE(check_json(json, kind));
        CHECK(kind == JsonKind::object);
        CHECK(json.find('\n') == std::string::npos);
        CHECK(parse_error_body(json).message == hostile);
        CHECK(parse_error_body(json).code == "invalid_request");
    }
}

TEST_CASE(
    "An error of our own has the shape of the API that was asked, and its code all the same") {
    LocalError error(503, "overloaded", "Busy.");
    error.retry_after = std::chrono::seconds(2);
    CHECK(to_json(error, Dialect::messages, "req_1") ==
          R"({"type":"error","error":{"type":"overloaded_error","message":"Busy.",)"
          R"("details":{"error_code":"overloaded"}},"request_id":"req_1"})");
    CHECK(to_json(error, Dialect::gemini, "req_1") ==
          R"({"error":{"code":503,"message":"Busy.","status":"UNAVAILABLE","details":[)"
          R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"OVERLOADED",)"
          R"("domain":"understudy"},{"@type":"type.googleapis.com/google.rpc.RetryInfo",)"
          R"("retryDelay":"2s"}]}})");
    CHECK(to_json(error, Dialect::responses) == to_json(error));
    // What an error says of its own dialect counts before that of the path.
    error.dialect = Dialect::messages;
    CHECK(to_json(error, Dialect::gemini).starts_with(R"({"type":"error")"));
    CHECK(to_json(error).ends_with(R"("request_id":null})"));
}

TEST_CASE("Bytes that are not UTF-8 do not make the body invalid") {
    for (const auto& broken :
         {"\xFF"s, "\xC3"s, "a\xC0\x80z"s, "\xED\xA0\x80"s, "\xF4\x90\x80\x80"s}) {
        const auto json = to_json({400, "x", "[" + broken + "]"});
        JsonKind kind{};
        CHECK_FALSE(check_json(json, kind));
        CHECK(json.find(broken) == std::string::npos);
    }
}

TEST_CASE("Every status this proxy sends has its reason phrase") {
    CHECK(reason_phrase(200) == "OK");
    CHECK(reason_phrase(400) == "Bad Request");
    CHECK(reason_phrase(504) == "Gateway Timeout");
    for (const unsigned status :
         {401U, 403U, 404U, 405U, 408U, 414U, 429U, 431U, 500U, 501U, 502U, 503U, 505U}) {
        INFO(status);
        CHECK_FALSE(reason_phrase(status).starts_with('<'));  // "<unknown-status>"
    }
}
