#include "wire/refused_member.hpp"

#include <catch2/catch.hpp>

#include <string>

using understudy::wire::blames_member;

TEST_CASE("An error is about a member when its message, param or place names it") {
    for (
        const char* body : {
            R"({"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}})",
            R"({"error":{"message":"Unrecognized request argument supplied: stream_options"}})",
            R"({"error":{"message":"Unknown name","param":"stream_options"}})",
            R"({"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]})",
            R"({"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options')}]","code":400})",
            R"({"stream_options":["unknown field"]})",
            "create() got an unexpected keyword argument 'stream_options'",
        }) {
        INFO(body);
        CHECK(blames_member(body, "stream_options"));
    }
}

TEST_CASE("An error is not about a member that only its echo of the request names") {
    for (
        const char* body : {
            "",
            R"({"error":{"message":"Unknown parameter: 'seed'.","param":"seed"}})",
            R"({"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{"stream_options":{"include_usage":true}}}]})",
            R"({"error":{"message":"too long","failed_generation":"stream_options"}})",
        }) {
        INFO(body);
        CHECK_FALSE(blames_member(body, "stream_options"));
    }
}
