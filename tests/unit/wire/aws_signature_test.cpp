// AWS's published test suite for Signature Version 4 (aws4_testsuite, by the names of its cases),
// the example of its documentation, and two requests to Bedrock as its own library signs them.
#include "wire/aws_signature.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

namespace {

constexpr std::int64_t kSuiteTime = 1'440'938'160;  // 2015-08-30 12:36:00
constexpr AwsKey kKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

std::string signature_of(const AwsSignature& signed_request) {
    const auto& text = signed_request.authorization;
    return text.substr(text.rfind('=') + 1);
}

AwsSignature suite(std::string_view method, std::string_view path, std::string_view query = {},
                   const Fields& headers = {}, std::string_view body = {}, AwsKey key = kKey) {
    const AwsRequest request{method, "example.amazonaws.com", path, query, headers, body};
    return sign(request, key, {"us-east-1", "service", kSuiteTime});
}

}  // namespace

TEST_CASE("Requests of AWS's test suite are signed as it says") {
    struct Case {
        const char* name;
        const char* method;
        const char* path;
        const char* query;
        Fields headers;
        const char* body;
        const char* signature;
    };
    const Case cases[] = {
        {"get-vanilla",
         "GET",
         "/",
         "",
         {},
         "",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"get-vanilla-query-order-key-case",
         "GET",
         "/",
         "Param2=value2&Param1=value1",
         {},
         "",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"get-vanilla-empty-query-key",
         "GET",
         "/",
         "Param1=value1",
         {},
         "",
         "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
        {"get-unreserved",
         "GET",
         "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
         "",
         {},
         "",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        {"get-utf8",
         "GET",
         "/\xe1\x88\xb4",
         "",
         {},
         "",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"get-vanilla-utf8-query",
         "GET",
         "/",
         "\xe1\x88\xb4=bar",
         {},
         "",
         "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
        {"get-header-value-trim",
         "GET",
         "/",
         "",
         {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}},
         "",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        {"get-header-value-order",
         "GET",
         "/",
         "",
         {{"my-header1", "value4"},
          {"my-header1", "value1"},
          {"my-header1", "value3"},
          {"my-header1", "value2"}},
         "",
         "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
        {"post-vanilla",
         "POST",
         "/",
         "",
         {},
         "",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"post-header-value-case",
         "POST",
         "/",
         "",
         {{"my-header1", "VALUE1"}},
         "",
         "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
        {"post-x-www-form-urlencoded",
         "POST",
         "/",
         "",
         {{"content-type", "application/x-www-form-urlencoded"}},
         "Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        CHECK(signature_of(suite(c.method, c.path, c.query, c.headers, c.body)) == c.signature);
    }
}

TEST_CASE("A token is signed with the rest (post-sts-header-before)") {
    auto key = kKey;
    key.token =
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
        "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
        "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s"
        "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    const auto made = suite("POST", "/", "", {}, "", key);
    CHECK(signature_of(made) == "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
    CHECK(made.authorization.find("SignedHeaders=host;x-amz-date;x-amz-security-token, ") !=
          std::string::npos);
}

TEST_CASE("The example of the documentation, in every part") {
    const AwsRequest request{"GET",
                             "iam.amazonaws.com",
                             "/",
                             "Action=ListUsers&Version=2010-05-08",
                             {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
                             ""};
    const auto made = sign(request, kKey, {"us-east-1", "iam", kSuiteTime});
    CHECK(made.date == "20150830T123600Z");
    CHECK(made.body_hash == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(made.request_hash == "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    CHECK(made.authorization ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
          "SignedHeaders=content-type;host;x-amz-date, "
          "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST_CASE("A model's name, encoded in the path, is encoded once more for Bedrock's signature") {
    constexpr std::string_view kBody =
        R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})";
    const AwsRequest request{"POST",
                             "bedrock-runtime.us-east-1.amazonaws.com",
                             "/model/anthropic.claude-x-v1%3A0/converse",
                             "",
                             {{"content-type", "application/json"}},
                             kBody};
    const AwsScope scope{"us-east-1", "bedrock", 1'767'323'045};  // 2026-01-02 03:04:05
    const auto made = sign(request, kKey, scope);
    CHECK(made.date == "20260102T030405Z");
    CHECK(made.body_hash == "c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0");
    CHECK(made.request_hash == "a252ee2f17603a9a32d5627016771ffc3aef37087b982204493c014904b4b594");
    CHECK(signature_of(made) == "42fdb60ac0f568511329e4d211897dfd6b4cbc28034f1f7c2a33cc6f5cb790a9");
    auto key = kKey;
    key.token = "TOKEN123";
    CHECK(signature_of(sign(request, key, scope)) ==
          "0cc859a272cfe67197c409b5c5ae9642e0e3aabbc38c57bb2a260e3e49d11460");
}

TEST_CASE("What changes on the way changes the signature") {
    const auto good = suite("POST", "/a", "x=1", {{"my-header1", "a"}}, "body");
    for (const auto& other : {suite("PUT", "/a", "x=1", {{"my-header1", "a"}}, "body"),
                              suite("POST", "/b", "x=1", {{"my-header1", "a"}}, "body"),
                              suite("POST", "/a", "x=2", {{"my-header1", "a"}}, "body"),
                              suite("POST", "/a", "x=1", {{"my-header1", "b"}}, "body"),
                              suite("POST", "/a", "x=1", {{"my-header1", "a"}}, "bodY")}) {
        CHECK(signature_of(other) != signature_of(good));
    }
}
