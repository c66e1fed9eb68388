#include "wire/model_list.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;
using Names = std::vector<std::string>;

TEST_CASE("A list of models gives the names in it, whatever else there is") {
    Names names{"stale"};
    REQUIRE(read_model_list(R"({"object":"list","data":[{"id":"a","x":[1]},{"id":"b\/c"}]})", 9,
                            names));
    REQUIRE(names == Names{"a", "b/c"});
    REQUIRE(read_model_list(R"([{"id":"bare"}])", 9, names));
    REQUIRE(names == Names{"bare"});
    REQUIRE(read_model_list(R"({"data":[{"id":"models/gemini"},{"id":7},{},3,null,{"id":""}]})", 9,
                            names));
    REQUIRE(names == Names{"gemini"});
    REQUIRE(read_model_list(R"({"data":[]})", 9, names));
    REQUIRE(names.empty());
    REQUIRE(read_model_list(R"({"data":[{"id":"a"},{"id":"b"},{"id":"c"}]})", 2, names));
    REQUIRE(names == Names{"a", "b"});
    REQUIRE(read_model_list(
        "{\"data\":[{\"id\":\"a\\nb\"},{\"id\":\"" + std::string(257, 'x') + "\"}]}", 9, names));
    REQUIRE(names.empty());
}

TEST_CASE("Google's list names models by their resource, and is asked for by its own pages") {
    Names names;
    REQUIRE(read_model_list(R"({"models":[{"name":"models/g","displayName":"G","id":"x"}],)"
                            R"("nextPageToken":"t"})",
                            9, names));
    REQUIRE(names == Names{"g"});
    REQUIRE(model_list_path(Dialect::chat) == "/models");
    REQUIRE(model_list_path(Dialect::messages) == "/models?limit=1000");
    REQUIRE(model_list_path(Dialect::gemini) == "/models?pageSize=1000");
}

TEST_CASE("What is no list of models is refused") {
    Names names;
    for (const auto* body : {"", "{}", "7", "<html>", R"({"error":{}})", R"({"data":[{"id":"cut)",
                             R"({"data":[]} x)", R"({"data":[{"id":"a"},]})"}) {
        CAPTURE(body);
        REQUIRE_FALSE(read_model_list(body, 9, names));
    }
}
