#include "upstreams/aws_signer.hpp"

#include "upstreams/request_head.hpp"
#include "wire/aws_signature.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using std::chrono::system_clock;

namespace {

constexpr std::string_view kBody = R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})";
const system_clock::time_point kTime{std::chrono::seconds{1'767'323'045}};  // 2026-01-02 03:04:05

config::Upstream bedrock(const std::string& token = "") {
    config::Upstream u;
    u.name = "aws";
    u.dialect = config::Dialect::converse;
    u.base_url.host = "bedrock-runtime.us-east-1.amazonaws.com";
    u.region = "us-east-1";
    u.aws.emplace();
    u.aws->key_id = "AKIDEXAMPLE";
    u.aws->secret = config::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    u.aws->token = config::Secret(token);
    return u;
}

OutboundHead request(std::string_view model) {
    OutboundHead out;
    out.method = "POST";
    out.action = "/converse";
    out.model = model;
    out.body_size = kBody.size();
    return out;
}

/// A head as it is sent, signed.
std::string signed_head(const config::Upstream& upstream, const OutboundHead& out,
                        std::vector<std::string_view> body = {kBody}) {
    const HeadTemplate head(upstream);
    std::string text;
    head.write(out, text);
    REQUIRE(head.signer() != nullptr);
    wire::Sha256 hash;
    for (const auto piece : body) hash.add(piece);
    head.signer()->sign(text, hash.hex(), kTime);
    CHECK(text.ends_with("\r\n\r\n"));
    CHECK(text.find("\r\n\r\n") == text.size() - 4);
    return text;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

constexpr std::string_view kSignature =
    "Signature=42fdb60ac0f568511329e4d211897dfd6b4cbc28034f1f7c2a33cc6f5cb790a9\r\n";

}  // namespace

TEST_CASE("A head to Bedrock is signed as AWS's own library signs it") {
    const auto out = request("anthropic.claude-x-v1:0");
    const auto text = signed_head(bedrock(), out);
    CHECK(
        text.starts_with("POST /model/anthropic.claude-x-v1%3A0/converse HTTP/1.1\r\n"
                         "host: bedrock-runtime.us-east-1.amazonaws.com\r\n"));
    CHECK(has(text, "x-amz-date: 20260102T030405Z\r\n"));
    CHECK(has(text,
              "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/"
              "bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, "));
    CHECK(has(text, kSignature));
    CHECK_FALSE(has(text, "x-amz-security-token"));
    const auto with_token = signed_head(bedrock("TOKEN123"), out);
    CHECK(has(with_token, "x-amz-security-token: TOKEN123\r\n"));
    CHECK(has(with_token, "0cc859a272cfe67197c409b5c5ae9642e0e3aabbc38c57bb2a260e3e49d11460\r\n"));
}

TEST_CASE("A body in pieces is the body") {
    for (std::size_t cut = 0; cut <= kBody.size(); cut += 7) {
        CHECK(has(signed_head(bedrock(), request("anthropic.claude-x-v1:0"),
                              {kBody.substr(0, cut), kBody.substr(cut)}),
                  kSignature));
    }
    CHECK_FALSE(
        has(signed_head(bedrock(), request("anthropic.claude-x-v1:0"), {"{}"}), kSignature));
}

TEST_CASE("Fields of AWS's that are configured are signed, those of a client do not go there") {
    auto u = bedrock();
    u.headers.push_back({"X-Amz-Extra", config::Secret("a  b")});
    u.headers.push_back({"X-Other", config::Secret("c")});
    auto text = signed_head(u, request("m"));
    CHECK(has(text, "SignedHeaders=content-type;host;x-amz-date;x-amz-extra,"));
    wire::RequestHead client;
    client.fields.add("X-Amz-Date", "of-the-client");
    client.fields.add("accept", "text/event-stream");
    client.fields.add("x-mine", "1");
    auto out = request("m");
    out.client = &client;
    out.other_api = true;
    text = signed_head(u, out);
    CHECK_FALSE(has(text, "of-the-client"));
    CHECK_FALSE(has(text, "event-stream"));
    CHECK(has(text, "x-mine: 1"));
    CHECK(text.find("content-type") == text.rfind("content-type: application/json"));
}

TEST_CASE("With a key of Bedrock's own nothing is signed") {
    auto u = bedrock();
    u.aws.reset();
    u.api_key = config::Secret("bedrock-key");
    const HeadTemplate head(u);
    std::string text;
    head.write(request("a/b"), text);
    CHECK(head.signer() == nullptr);
    CHECK(has(text, "authorization: Bearer bedrock-key\r\n"));
    CHECK(text.starts_with("POST /model/a%2Fb/converse HTTP/1.1\r\n"));
}

TEST_CASE("What signs is masked, however it is echoed") {
    const HeadTemplate head(bedrock("session/TOKEN123"));
    std::string text =
        R"(AKIDEXAMPLE wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY session\/TOKEN123 rest)";
    CHECK(head.key_mask().apply(text));
    CHECK(text.find_first_not_of("* ") == text.size() - 4);
    CHECK(head.own_credentials());
}
