#include "wire/request_body.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

namespace {

RequestFacts scanned(std::string_view body) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    return facts;
}

}  // namespace

TEST_CASE("A chat request gives model, stream and include_usage") {
    const std::string body =
        R"({"model":"gpt-4o","messages":[{"role":"user","content":"\"model\":\"no\""}],)"
        R"("stream":true,"stream_options":{"include_usage":true}})";
    const RequestFacts facts = scanned(body);
    CHECK(facts.json);
    CHECK(facts.object == Span{0, body.size()});
    CHECK(facts.members.size() == 4);
    CHECK(facts.has_model);
    CHECK(facts.model == "gpt-4o");
    REQUIRE(facts.model_values.size() == 1);
    CHECK(facts.model_values[0].of(body) == "\"gpt-4o\"");
    CHECK(facts.stream);
    CHECK(facts.include_usage);
}

TEST_CASE("Only top-level members count, under every spelling of their keys") {
    const std::string body =
        R"({"metadata":{"model":"inner","stream":true},"mod\u0065l":"caf\u00e9",)"
        R"("str\u0065am":true})";
    const RequestFacts facts = scanned(body);
    CHECK(facts.model == "caf\xC3\xA9");
    CHECK(facts.stream);
    CHECK_FALSE(facts.include_usage);
    CHECK(facts.model_values.size() == 1);
}

TEST_CASE("Of duplicates the last one counts, and every model value is known") {
    const std::string body = R"({"model":"a","stream":true,"model":"b","stream":false,)"
                             R"("stream_options":{"include_usage":true},)"
                             R"("stream_options":{"include_usage":true,"include_usage":null}})";
    const RequestFacts facts = scanned(body);
    CHECK(facts.model == "b");
    REQUIRE(facts.model_values.size() == 2);
    CHECK(facts.model_values[0].of(body) == "\"a\"");
    CHECK(facts.model_values[1].of(body) == "\"b\"");
    CHECK_FALSE(facts.stream);
    CHECK_FALSE(facts.include_usage);
}

TEST_CASE("A model that is not a string is no model, but its value is known") {
    const RequestFacts facts = scanned(R"({"model":"a","model":null})");
    CHECK_FALSE(facts.has_model);
    CHECK(facts.model.empty());
    CHECK(facts.model_values.size() == 2);
    CHECK(scanned(R"({"model":""})").has_model);
    CHECK_FALSE(scanned("{}").has_model);
}

TEST_CASE("What servers take for true switches something on; what none can read is known") {
    struct Row {
        const char* value;
        bool on;
        bool odd;
    };
    for (const auto& [value, on, odd] :
         {Row{"true", true, false},     Row{"1", true, false},          Row{"1.0", true, false},
          Row{"\"1\"", true, false},    Row{"\"True\"", true, false},   Row{"\"yes\"", true, false},
          Row{"\"ON\"", true, false},   Row{"\"t\"", true, false},      Row{"\"y\"", true, false},
          Row{"false", false, false},   Row{"null", false, false},      Row{"0", false, false},
          Row{"\"0\"", false, false},   Row{"\"FALSE\"", false, false}, Row{"\"no\"", false, false},
          Row{"\"off\"", false, false}, Row{"\"f\"", false, false},     Row{"\"n\"", false, false},
          Row{"2", false, true},        Row{"-1", false, true},         Row{"\"\"", false, true},
          Row{"\"null\"", false, true}, Row{"\"maybe\"", false, true},  Row{"[true]", false, true},
          Row{"{}", false, true}}) {
        CAPTURE(value);
        const RequestFacts facts = scanned(R"({"stream":)" + std::string(value) +
                                           R"(,"stream_options":{"include_usage":)" + value + "}}");
        CHECK(facts.stream == on);
        CHECK(facts.odd_stream == odd);
        CHECK(facts.include_usage == on);
    }
    CHECK_FALSE(scanned(R"({"stream_options":[{"include_usage":true}]})").include_usage);
    CHECK_FALSE(scanned(R"({"stream_options":{"x":{"include_usage":true}}})").include_usage);
}

TEST_CASE("Facts of an earlier body never survive a scan") {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(
        R"({"model":"a","stream":true,"stream_options":{"include_usage":true}})", facts));
    SECTION("of another body") {
        REQUIRE_FALSE(scan_request("{}", facts));
        CHECK(facts.json);
    }
    SECTION("of a body that is refused") {
        REQUIRE(scan_request(R"({"model":"b","stream":true,})", facts));
        CHECK_FALSE(facts.json);
    }
    CHECK(facts.members.empty());
    CHECK(facts.model_values.empty());
    CHECK(facts.model.empty());
    CHECK_FALSE(facts.has_model);
    CHECK_FALSE(facts.stream);
    CHECK_FALSE(facts.include_usage);
}

TEST_CASE("A request with more members than any API has is refused, whatever they are called") {
    for (const std::string member : {R"("":0)", R"("model":"m")"}) {
        INFO(member);
        std::string body = "{" + member;
        for (int i = 1; i < 1024; ++i) body += "," + member;
        RequestFacts facts;
        CHECK_FALSE(scan_request(body + "}", facts));
        CHECK(facts.members.size() == 1024);
        const auto problem = scan_request(body + "," + member + "}", facts);
        REQUIRE(problem);
        CHECK(std::string(problem->what) == "more than 1024 members");
        CHECK(facts.members.empty());
        CHECK(facts.model_values.empty());
    }
}

TEST_CASE("A member that servers would read differently is ambiguous, in every spelling") {
    for (const char* body : {R"({"model":"a","model":"b"})", R"({"Model":"a","model":"b"})",
                             R"({"model":"a","MODEL":"b"})", R"({"model":"a","mod\u0065l":"b"})",
                             R"({"model":"a","\u004dodel":"b"})", R"({"Model":"a"})"}) {
        INFO(body);
        CHECK(scanned(body).ambiguous == "model");
    }
    for (const char* body :
         {R"({"stream":true,"stream":true})", R"({"Stream":true})",
          "{\"stream\":false,\"\xC5\xBFtream\":true}", R"({"stream":false,"\u017ftream":true})"}) {
        INFO(body);
        CHECK(scanned(body).ambiguous == "stream");
    }
    CHECK(scanned(R"({"n":1,"N":2})").ambiguous == "n");
    CHECK(scanned("{\"\xC5\xBFtream_option\xC5\xBF\":{}}").ambiguous == "stream_options");
    CHECK(scanned(R"({"model":"a","stream":true,"n":2,"stream_options":{},"models":[],)"
                  R"("model_":1,"x":{"Model":"b"}})")
              .ambiguous.empty());
}

TEST_CASE("A form names its model once, in the API's spelling") {
    const auto form = [](const char* first, const char* second) {
        const std::string part = "--b\r\ncontent-disposition: form-data; name=\"";
        const std::string body =
            part + first + "\"\r\n\r\na\r\n" + part + second + "\"\r\n\r\nb\r\n--b--\r\n";
        RequestFacts facts;
        REQUIRE(scan_multipart(body, "b", facts));
        return std::string(facts.ambiguous);
    };
    CHECK(form("model", "model") == "model");
    CHECK(form("model", "Model") == "model");
    CHECK(form("stream", "stream") == "stream");
    CHECK(form("model", "file") == "");
}
