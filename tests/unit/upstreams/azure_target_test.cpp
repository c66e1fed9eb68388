#include "upstreams/azure_target.hpp"

#include <catch2/catch.hpp>

using namespace understudy::upstreams;

namespace {

std::string deployment(std::string_view model) {
    std::string out;
    append_deployment(out, model);
    return out;
}

std::string versioned(std::string_view path) {
    std::string out;
    append_versioned(out, path, "V");
    return out;
}

}  // namespace

TEST_CASE("No model name leaves its place in the path") {
    REQUIRE(deployment("gpt-4o_x.1~") == "/deployments/gpt-4o_x.1~");
    REQUIRE(deployment("a/b") == "/deployments/a%2Fb");
    REQUIRE(deployment("../x") == "/deployments/..%2Fx");
    REQUIRE(deployment("..") == "/deployments/_..");
    REQUIRE(deployment(".") == "/deployments/_.");
    REQUIRE(deployment("a?b#c d\r\n\xc3") == "/deployments/a%3Fb%23c%20d%0D%0A%C3");
}

TEST_CASE("The version is in the query once, in front of the client's own parameters") {
    REQUIRE(versioned("/chat/completions") == "/chat/completions?api-version=V");
    REQUIRE(versioned("/a?x=1&y=2") == "/a?api-version=V&x=1&y=2");
    REQUIRE(versioned("/a?api-version=old&y=2&") == "/a?api-version=V&y=2");
    REQUIRE(versioned("/a?") == "/a?api-version=V");
}

TEST_CASE("Models, responses and moderations are not of one deployment") {
    for (const auto* path :
         {"/chat/completions", "/embeddings?x", "/audio/speech", "/images/edits"}) {
        REQUIRE(is_of_deployment(path));
    }
    for (const auto* path :
         {"/models", "/models/x", "/responses?x=1", "/responses/compact", "/moderations"}) {
        REQUIRE_FALSE(is_of_deployment(path));
    }
}
