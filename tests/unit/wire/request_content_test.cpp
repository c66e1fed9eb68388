#include "wire/request_content.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

RequestContent content_of(const std::string& body) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    return read_content(body, facts);
}

std::string user(const std::string& content) {
    return R"({"model":"m","messages":[{"role":"user","content":)" + content + "}]}";
}

}  // namespace

TEST_CASE("An image is seen in every way an API writes one, and words about images are none") {
    const std::vector<std::string> with{
        user(R"([{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}])"),
        user(R"([{"type":"text","text":"x"},{"image_url":"https://a.example/b.png"}])"),
        user(
            R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}])"),
        user(R"([{"type":"tool_result","content":[{"type":"image","source":{}}]}])"),
        R"({"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]})",
        R"({"contents":[{"parts":[{"inline_data":{"mime_type":"image/jpeg","data":"AA"}}]}]})",
        R"({"contents":[{"parts":[{"fileData":{"mimeType":"image/webp","fileUri":"gs://x"}}]}]})",
    };
    for (const auto& body : with) {
        INFO(body);
        CHECK(content_of(body).images);
    }
    const std::vector<std::string> without{
        user(R"("what is an image_url? {\"type\":\"image\"}")"),
        user(R"([{"type":"text","text":"image"}])"),
        user(R"([{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}])"),
        R"({"messages":[],"tools":[{"type":"image_generation"}]})",
        R"({"metadata":{"type":"image"},"messages":[]})",
        R"({"contents":[{"parts":[{"inline_data":{"mime_type":"audio/wav","data":"AA"}}]}]})",
    };
    for (const auto& body : without) {
        INFO(body);
        CHECK_FALSE(content_of(body).images);
    }
}

TEST_CASE("Tools are offered when the list is not empty") {
    CHECK(content_of(R"({"tools":[{"type":"function"}]})").tools);
    CHECK(content_of(R"({"functions":[{"name":"f"}]})").tools);
    CHECK(content_of(R"({"tools":[]})").tools == false);
    CHECK(content_of(R"({"tools":null})").tools == false);
    CHECK(content_of(R"({"tool_choice":"auto","messages":[]})").tools == false);
    CHECK(content_of(R"({"t\u006fols":[1]})").tools);
}

TEST_CASE("The size of a prompt counts text and nothing that is none") {
    const std::string text(4000, 'x');
    const std::string data(750'000, 'A');
    CHECK(content_of(user('"' + text + '"')).prompt_tokens == 1000);
    CHECK(content_of(user(R"([{"type":"text","text":")" + text + R"("}])")).prompt_tokens == 1000);
    CHECK(content_of(user(R"([{"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
                          data + R"("}},{"type":"text","text":")" + text + R"("}])"))
              .prompt_tokens == 1000);
    CHECK(content_of(R"({"system":")" + text + R"(","messages":[],"user":")" + text + R"("})")
              .prompt_tokens == 1000);
    CHECK(content_of(R"({"input":[1,2,3,4,5]})").prompt_tokens == 5);
    CHECK(content_of(R"({"prompt":[[1,2],[3]]})").prompt_tokens == 3);
    CHECK(content_of(R"({"temperature":1,"messages":[]})").prompt_tokens == 0);
    CHECK(
        content_of(R"({"tools":[{"function":{"description":")" + text + R"("}}]})").prompt_tokens >=
        1000);
}

TEST_CASE("What is no JSON object holds nothing") {
    CHECK(read_content("--b\r\n", RequestFacts{}) == RequestContent{});
}

TEST_CASE("A character that is written as an escape counts as the character") {
    CHECK(content_of(user(R"("\u0436\u0436\u0436\u0436")")).prompt_tokens == 2);
    CHECK(content_of(user(R"("\\u0436")")).prompt_tokens == 2);  // a backslash and a word
    CHECK(content_of(user(R"("\n\n\"\"")")).prompt_tokens == 1);
}
