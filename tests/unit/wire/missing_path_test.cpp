#include "wire/missing_path.hpp"

#include <catch2/catch.hpp>

#include <string_view>

namespace understudy::wire {

TEST_CASE("a server that lacks the path is told from one that lacks the model") {
    struct Row {
        unsigned status;
        std::string_view body;
        bool missing;
    };
    const Row rows[] = {
        {404, "404 page not found", true},         // Go's own
        {404, R"({"detail":"Not Found"})", true},  // FastAPI
        {404, "", true},
        {404,
         R"j({"error":{"message":"Invalid URL (POST /v1/responses)",)j"
         R"("type":"invalid_request_error","param":null,"code":null}})",
         true},
        {404, "<html><body>Not Found</body></html>", true},
        {405, R"({"detail":"Method Not Allowed"})", true},
        {410, "", true},
        {501, "", true},
        {404, R"({"error":{"message":"The model `m` does not exist","code":"model_not_found"}})",
         false},
        {404, R"({"error":"model 'llama' not found"})", false},
        {404, R"({"error":{"message":"nothing here is called gpt-x"}})", false},
        {404,
         R"({"error":{"code":"DeploymentNotFound","message":"The API deployment is unknown"}})",
         false},
        {400, "404 page not found", false},
        {500, "", false},
        {200, "", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status, row.body);
        CHECK(says_path_is_missing(row.status, row.body, "gpt-x") == row.missing);
    }
}

}  // namespace understudy::wire
