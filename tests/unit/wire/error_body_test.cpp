#include "wire/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Row {
    const char* title;
    std::string body;
    ErrorFacts expected;  // message, type, code, param
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.title);
        const ErrorFacts facts = parse_error_body(row.body);
        CHECK(facts.message == row.expected.message);
        CHECK(facts.type == row.expected.type);
        CHECK(facts.code == row.expected.code);
        CHECK(facts.param == row.expected.param);
    }
}

}  // namespace

TEST_CASE("An error object is read from every provider's wrapping") {
    check({
        {"OpenAI",
         R"({"error":{"message":"Too long","type":"invalid_request_error",)"
         R"("param":"messages","code":"context_length_exceeded"}})",
         {"Too long", "invalid_request_error", "context_length_exceeded", "messages"}},
        {"names in escapes, at every level",
         R"({"\u0065rror":{"m\u0065ssage":"Provider returned error","t\u0079pe":"server_error",)"
         R"("c\u006fde":"busy","metad\u0061ta":{"r\u0061w":"y"}}})",
         {"y", "server_error", "busy", ""}},
        {"the truth in a wrapper that says nothing itself",
         R"({"metadata":{"raw":"y"},"error":{"code":"busy"}})",
         {"y", "", "busy", ""}},
        {"Azure's own name in such a wrapper",
         R"({"inner_error":{"code":"busy"},"error":{"message":"x"}})",
         {"x", "", "busy", ""}},
        {"an escape in another name",
         R"({"\ta":1,"error":{"\\":2,"message":"x","code":"busy"}})",
         {"x", "", "busy", ""}},
        {"a name twice, and once without a value",
         R"({"error":{"message":"a","message":"b","code":"first","code":null}})",
         {"b", "", "first", ""}},
        {"what the wrapper alone says",
         R"({"\u0073tatus":"UNAVAILABLE","m\u0065ssage":"outer","error":{"code":"busy"}})",
         {"outer", "UNAVAILABLE", "busy", ""}},
        {"OpenAI with nulls",
         R"({"error":{"message":"x","type":"server_error","param":null,"code":null}})",
         {"x", "server_error", "", ""}},
        {"vLLM with a number",
         R"({"error":{"message":"x","type":"BadRequestError","param":null,"code":400}})",
         {"x", "BadRequestError", "400", ""}},
        {"llama.cpp",
         R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})",
         {"Loading model", "unavailable_error", "503", ""}},
        {"Azure's filter",
         R"({"error":{"message":"filtered","type":null,"param":"prompt",)"
         R"("code":"content_filter","status":400,)"
         R"("innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
         {"filtered", "", "content_filter", "prompt"}},
        {"Azure's filter behind a number",
         R"({"error":{"message":"filtered","code":"400",)"
         R"("innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
         {"filtered", "", "ResponsibleAIPolicyViolation", ""}},
        {"Google",
         R"({"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}})",
         {"Quota", "RESOURCE_EXHAUSTED", "429", ""}},
        {"Gemini's array of one",
         R"([{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}])",
         {"Bad", "INVALID_ARGUMENT", "400", ""}},
        {"Anthropic",
         R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
         {"Overloaded", "overloaded_error", "", ""}},
        {"Together",
         R"({"id":"x","error":{"message":"m","type":"t","param":"p","code":"c"}})",
         {"m", "t", "c", "p"}},
        {"what the wrapper says fills gaps",
         R"({"code":"outer","error":{"message":"m"}})",
         {"m", "", "outer", ""}},
        {"an error in an error",
         R"({"error":{"error":{"message":"m","code":"c"}}})",
         {"m", "", "c", ""}},
    });
}

TEST_CASE("An error text is read with what stands beside it") {
    check({
        {"xAI",
         R"({"code":"Client specified an invalid argument","error":"text"})",
         {"text", "", "Client specified an invalid argument", ""}},
        {"a bare text", R"({"error":"Unauthorized"})", {"Unauthorized", "", "", ""}},
        {"TGI",
         R"({"error":"Input too long","error_type":"validation"})",
         {"Input too long", "validation", "", ""}},
        {"a name beside a message",
         R"({"error":"too_many_requests","message":"Slow down","statusCode":429})",
         {"Slow down", "", "too_many_requests", ""}},
        {"OAuth",
         R"({"error":"invalid_client","error_description":"No such client"})",
         {"invalid_client", "", "", ""}},
        {"a string and nothing else", "\"Unauthorized\"", {"Unauthorized", "", "", ""}},
    });
}

TEST_CASE("Errors without a wrapper are read") {
    check({
        {"vLLM up to 0.9",
         R"({"object":"error","message":"m","type":"BadRequestError","param":null,"code":400})",
         {"m", "BadRequestError", "400", ""}},
        {"Cerebras",
         R"({"message":"m","type":"t","param":"p","code":"token_quota_exceeded"})",
         {"m", "t", "token_quota_exceeded", "p"}},
        {"Azure's gateway",
         R"({"statusCode":401,"message":"Unauthorized."})",
         {"Unauthorized.", "", "401", ""}},
        {"Cohere", R"({"message":"too many tokens","id":"x"})", {"too many tokens", "", "", ""}},
        {"Amazon",
         R"({"__type":"ThrottlingException","Message":"Rate exceeded"})",
         {"Rate exceeded", "ThrottlingException", "", ""}},
        {"a responses event",
         R"({"type":"error","code":"rate_limit_exceeded","message":"m","param":null})",
         {"m", "", "rate_limit_exceeded", ""}},
        {"problem+json", R"({"title":"Bad Request","status":400})", {"Bad Request", "", "400", ""}},
    });
}

TEST_CASE("Lists of problems are joined or their first is taken") {
    check({
        {"FastAPI",
         R"({"detail":[{"loc":["body","messages",0],"msg":"field required",)"
         R"("type":"missing"},{"loc":["body","x"],"msg":"extra"}]})",
         {"body.messages.0: field required; body.x: extra", "missing", "", ""}},
        {"FastAPI's text", R"({"detail":"Not Found"})", {"Not Found", "", "", ""}},
        {"detail as an error",
         R"({"detail":{"error":{"message":"m","code":"c"}}})",
         {"m", "", "c", ""}},
        {"Mistral's message object",
         R"({"object":"error","message":{"detail":[{"type":"extra_forbidden",)"
         R"("loc":["body","store"],"msg":"Extra inputs"}]},)"
         R"("type":"invalid_request_error","code":null})",
         {"body.store: Extra inputs", "invalid_request_error", "", ""}},
        {"Cloudflare",
         R"({"success":false,"errors":[{"code":7003,"message":"Could not route"},{"code":1}]})",
         {"Could not route", "", "7003", ""}},
        {"a list of texts", R"({"errors":["first","second"]})", {"first", "", "", ""}},
    });
}

TEST_CASE("The truth inside a quoted body is found") {
    check({
        {"OpenRouter with a JSON string",
         R"({"error":{"message":"Provider returned error","code":400,)"
         R"("metadata":{"raw":"{\"error\":{\"message\":\"too long\",)"
         R"(\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}",)"
         R"("provider_name":"X"}},"user_id":"u"})",
         {"too long", "invalid_request_error", "context_length_exceeded", ""}},
        {"OpenRouter with a text",
         R"({"error":{"message":"Provider returned error","code":429,)"
         R"("metadata":{"raw":"m is rate-limited upstream"}}})",
         {"m is rate-limited upstream", "", "429", ""}},
        {"OpenRouter with an object",
         R"({"error":{"message":"Provider returned error","code":502,)"
         R"("metadata":{"raw":{"error":"down"}}}})",
         {"down", "", "502", ""}},
        {"OpenRouter with its own words",
         R"({"error":{"message":"No credits","code":402,"metadata":{"raw":"{}"}}})",
         {"No credits", "", "402", ""}},
        {"a message that is a body",
         R"({"error":{"message":"{\"error\":{\"code\":404,\"message\":\"gone\",)"
         R"(\"status\":\"NOT_FOUND\"}}","code":404}})",
         {"gone", "NOT_FOUND", "404", ""}},
        {"a message that only begins like one",
         R"({"error":{"message":"{x} is not allowed"}})",
         {"{x} is not allowed", "", "", ""}},
    });
}

TEST_CASE("Errors inside an answer are found") {
    check({
        {"a failed response",
         R"({"type":"response.failed","response":{"status":"failed",)"
         R"("error":{"code":"insufficient_quota","message":"no money"}}})",
         {"no money", "", "insufficient_quota", ""}},
        {"a choice",
         R"({"choices":[{"error":{"code":502,"message":"gone"},"finish_reason":"error"}]})",
         {"gone", "error", "502", ""}},
        {"Portkey",
         R"({"choices":[{"finish_reason":"overloaded_error"}]})",
         {"the answer ended with overloaded_error", "overloaded_error", "", ""}},
        {"Groq",
         R"({"choices":[],"x_groq":{"error":"over capacity"}})",
         {"over capacity", "", "", ""}},
    });
}

TEST_CASE("What is not JSON becomes one readable line") {
    check({
        {"nothing", "", {}},
        {"white space", " \n", {}},
        {"plain text", "error code: 524\n", {"error code: 524", "", "", ""}},
        {"a page",
         "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title><style>p{color:red}</style>"
         "<script>if (a<b) x();</script></head>\n<body><h1>502</h1>\n<p>nginx</p></body></html>",
         {"502 Bad Gateway 502 nginx", "", "", ""}},
        {"a page that is cut", "<html><title>Oops</title><script>x", {"Oops", "", "", ""}},
        {"bytes", "a\xff\x01z", {"a\xEF\xBF\xBD z", "", "", ""}},
        {"truncated JSON", R"({"error":{"message":"x)", {R"({"error":{"message":"x)", "", "", ""}},
        {"JSON without any error", R"({"ok":true})", {R"({"ok":true})", "", "", ""}},
        {"an empty array", "[]", {"[]", "", "", ""}},
    });
}

TEST_CASE("Messages are bounded and never cut inside a character") {
    std::string text;
    while (text.size() < 20'000) text += "a\xE2\x82\xAC";
    const std::string raw = parse_error_body(text).message;
    CHECK(raw.size() <= 1024);
    CHECK(raw.size() >= 1021);
    CHECK(text.starts_with(raw));
    CHECK((raw.back() == 'a' || raw.ends_with("\xE2\x82\xAC")));
    const std::string wrapped =
        parse_error_body(R"({"error":{"message":")" + text + "\"}}").message;
    CHECK(wrapped.size() <= 4096);
    CHECK(text.starts_with(wrapped));
}

TEST_CASE("Bodies that quote bodies end after a few turns") {
    std::string nested = "\"deep\"";
    for (int i = 0; i < 200; ++i) nested = R"({"error":)" + nested + "}";
    CHECK_NOTHROW(parse_error_body(nested));
    CHECK_NOTHROW(parse_error_body(std::string(100'000, '{')));
    CHECK_NOTHROW(parse_error_body(std::string(100'000, '[')));
}
