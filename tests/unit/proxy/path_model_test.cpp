#include "proxy/path_model.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::proxy;

namespace {

/// The model that is decided upon, or "refused: " and what was said.
std::string model_of(const std::string& target, const std::string& body = "{}",
                     bool* stream = nullptr) {
    Inbound request;
    request.head.target = target;
    request.endpoint = match_endpoint("POST", target);
    request.body = body;
    REQUIRE_FALSE(understudy::wire::scan_request(body, request.facts));
    if (const auto error = take_model_of_path(request)) {
        CHECK(error->status == 400);
        CHECK(error->param == "model");
        return "refused";
    }
    CHECK(request.facts.has_model);
    if (stream != nullptr) *stream = request.facts.stream;
    return request.facts.model;
}

}  // namespace

TEST_CASE("The path's model is decoded and decided upon") {
    const std::string front = "/v1beta/models/";
    CHECK(model_of(front + "gemini-x:generateContent") == "gemini-x");
    CHECK(model_of(front + "a%2Fb%20c:generateContent") == "a/b c");
    CHECK(model_of(front + "a/b:generateContent") == "a/b");
    CHECK(model_of(front + "a%00b:generateContent") == "refused");
    CHECK(model_of(front + "a%0d%0ab:generateContent") == "refused");
}

TEST_CASE("A body that names the model names the same one") {
    const std::string target = "/v1beta/models/g:generateContent";
    CHECK(model_of(target, R"({"model":"g"})") == "g");
    CHECK(model_of(target, R"({"model":"models/g"})") == "g");
    CHECK(model_of(target, R"({"model":"other"})") == "refused");
    CHECK(model_of(target, R"({"model":null})") == "refused");
}

TEST_CASE("Whether events are wanted is what the target says, not the body") {
    bool stream = true;
    model_of("/v1beta/models/g:generateContent", R"({"stream":true})", &stream);
    CHECK_FALSE(stream);
    model_of("/v1beta/models/g:streamGenerateContent?alt=sse", "{}", &stream);
    CHECK(stream);
    model_of("/v1beta/models/g:streamGenerateContent", R"({"stream":true})", &stream);
    CHECK_FALSE(stream);
}
