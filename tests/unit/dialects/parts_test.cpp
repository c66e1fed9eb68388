// The parts that translations are made of.
#include "dialects/data_url.hpp"
#include "dialects/ids.hpp"
#include "dialects/messages/gates.hpp"
#include "dialects/schema.hpp"
#include "dialects/translate.hpp"
#include "dialects/turns.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using namespace understudy::dialects;

TEST_CASE("A writer puts commas where they belong and nowhere else") {
    std::string out;
    Writer to(out);
    to.open('{').key("a").number(1).key("b").open('[').text("x\"").content("y\\n").null();
    to.open('{').close('}').close(']').key("c").boolean(true).close('}');
    CHECK(out == R"({"a":1,"b":["x\"","y\n",null,{}],"c":true})");
}

TEST_CASE("A value is read where it stands, and what it is not is empty") {
    const auto value = Value::of(R"( {"a":"x\u0041","a":"y","n":64.0,"big":1e30,"l":[1,[2]]} )");
    CHECK(value.at("a").is("y"));
    CHECK(value.at("n").count() == 64);
    CHECK(value.at("big").count(7) == 7);
    CHECK(value.at("none").text().empty());
    CHECK_FALSE(value.at("none").at("deeper").present());
    CHECK(value.at("l").at("a").nothing());
    std::string seen;
    value.at("l").elements([&](Value one) { seen.append(one.raw()).append("|"); });
    CHECK(seen == "1|[2]|");
    CHECK_FALSE(Value::of("").present());
    CHECK_FALSE(Value::of("nonsense").present());
}

TEST_CASE("White space is seen through its escapes, at the end as well") {
    CHECK(is_blank(""));
    CHECK(is_blank(" \\n\\t\\r "));
    CHECK_FALSE(is_blank("\\\\n"));
    CHECK_FALSE(is_blank("\\u00e9"));
    CHECK(without_trailing_space("a \\n ") == "a");
    CHECK(without_trailing_space("a\\\\n") == "a\\\\n");  // a backslash and a letter
    CHECK(without_trailing_space("a\\\\\\n") == "a\\\\");
    CHECK(without_trailing_space("\\n").empty());
}

TEST_CASE("Ids and names are legal, the same each time, and come back") {
    CHECK(legal_id("toolu_01-x", kAnthropicId) == "toolu_01-x");
    CHECK(legal_id("", kAnthropicId).empty());
    const auto made = legal_id("call:1|x", kAnthropicId);
    CHECK(made.starts_with("us_"));
    CHECK(made.size() == 27);
    CHECK(made == legal_id("call:1|x", kAnthropicId));
    CHECK(made != legal_id("call:2|x", kAnthropicId));
    CHECK(legal_id("call:1", kOpenAiId) == "call:1");
    CHECK(minted_id("call_", "r", 0) != minted_id("call_", "r", 1));
    CHECK(minted_id("call_", "r", 0) != minted_id("call_", "s", 0));
    ToolNames names;
    CHECK(names.sent("plain_name") == "plain_name");
    CHECK(names.empty());
    const std::string longest(80, 'x');
    const auto sent = names.sent(longest);
    CHECK(sent.size() == 64);
    CHECK(names.original(sent) == longest);
    CHECK(names.original("other") == "other");
    CHECK(names.original(names.sent("a.b/c")) == "a.b/c");
}

TEST_CASE("A data URL is taken apart, and its bytes say what it is") {
    auto media = media_of_url("data:image/jpeg;base64,iVBORw0KGgo=", Media::Kind::image);
    REQUIRE(media);
    CHECK(media->type == "image/jpeg");
    CHECK(sniffed_type(media->data) == "image/png");
    media = media_of_url("DATA:;base64,AAAA", Media::Kind::image);
    REQUIRE(media);
    CHECK(media->type.empty());
    CHECK(sniffed_type(media->data).empty());
    media = media_of_url("data:image\\/png;charset=x;base64,AA", Media::Kind::image);
    REQUIRE(media);
    CHECK(media->type == "image/png");
    CHECK_FALSE(media_of_url("data:image/png,raw", Media::Kind::image));
    CHECK_FALSE(media_of_url("data:image/png", Media::Kind::image));
    CHECK(media_of_url("https://x.test/a", Media::Kind::image)->source == Media::Source::url);
    CHECK(sniffed_type("\\/9j\\/4AAQ") == "image/jpeg");  // slashes may be escaped
    CHECK(sniffed_type("UklGRiQAAABXRUJQVlA4") == "image/webp");
}

TEST_CASE("The longest family in a model's name decides what it takes") {
    using messages::gates_of;
    CHECK(gates_of("claude-opus-5-5-20260922").no_thinking.empty());
    CHECK(gates_of("anthropic/claude-opus-5").no_thinking == "disabled");
    CHECK(gates_of("claude-sonnet-4-5-20250929").prefill);
    CHECK_FALSE(gates_of("claude-sonnet-4-6").prefill);
    CHECK_FALSE(gates_of("claude-sonnet-4-20250514").structured);
    CHECK(gates_of("claude-3-haiku-20240307").max_output == 4096);
    CHECK(gates_of("claude-unheard-of-9").adaptive);
}

TEST_CASE("Half a character in a request passes as it is written") {
    const std::string body = R"({"messages":[{"role":"user","content":"\ud83d"}]})";
    Ask ask;
    ask.body = body;
    Target target;
    target.dialect = wire::Dialect::messages;
    target.model = "claude-sonnet-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    REQUIRE_FALSE(translate(ask, target, outgoing, translation));
    CHECK(outgoing.body.find(R"("text":"\ud83d")") != std::string::npos);
}

TEST_CASE("A document of text in base64 is its words where the other side takes words") {
    struct Row {
        wire::Dialect to;
        std::string type, data, sent;
    };
    const Row rows[] = {
        {wire::Dialect::chat, "text/plain", "SMOpIQo=", R"({"type":"text","text":"Hé!\n"})"},
        {wire::Dialect::chat, "application/json", "eyJhIjoxfQ==", R"("text":"{\"a\":1}")"},
        {wire::Dialect::responses, "text/markdown", "SGkh", R"("text":"Hi!")"},
        {wire::Dialect::gemini, "text/csv", "YSxi", R"("data":"YSxi")"},
        // What is no text stays what it is called.
        {wire::Dialect::chat, "text/plain", "/////w==", R"(data:text/plain;base64,/////w==)"},
        {wire::Dialect::chat, "application/pdf",
         "JVBERi0=", "data:application/pdf;base64,JVBERi0="},
    };
    for (const auto& row : rows) {
        const std::string body =
            R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"document","source":)"
            R"({"type":"base64","media_type":")" +
            row.type + R"(","data":")" + row.data + R"("}}]}]})";
        Ask ask;
        ask.shape = wire::AnswerShape::messages;
        ask.body = body;
        Target target;
        target.dialect = row.to;
        target.model = "gemini-3-pro";
        Outgoing outgoing;
        std::unique_ptr<Translation> translation;
        CAPTURE(body);
        REQUIRE_FALSE(translate(ask, target, outgoing, translation));
        CAPTURE(outgoing.body);
        CHECK(outgoing.body.find(row.sent) != std::string::npos);
    }
    const std::string chat =
        R"({"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt",)"
        R"("file_data":"data:text/plain;base64,SGkh"}}]}]})";
    Ask ask;
    ask.body = chat;
    Target target;
    target.dialect = wire::Dialect::messages;
    target.model = "claude-sonnet-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    REQUIRE_FALSE(translate(ask, target, outgoing, translation));
    CHECK(
        outgoing.body.find(R"("source":{"type":"text","media_type":"text/plain","data":"Hi!"})") !=
        std::string::npos);
}

TEST_CASE("What is no event is passed over, whatever it is") {
    for (const auto from : {wire::Dialect::messages, wire::Dialect::chat, wire::Dialect::gemini}) {
        Ask ask;
        ask.body = R"({"messages":[{"role":"user","content":"x"}],"max_tokens":1})";
        ask.shape =
            from == wire::Dialect::chat ? wire::AnswerShape::messages : wire::AnswerShape::chat;
        ask.stream = true;
        Target target;
        target.dialect = from;
        target.model = "m";
        Outgoing outgoing;
        std::unique_ptr<Translation> translation;
        REQUIRE_FALSE(translate(ask, target, outgoing, translation));
        std::string out;
        for (const auto* data :
             {"", "[DONE]", "7", "null", "{", R"({"choices":7})", R"({"type":7,"delta":[]})",
              R"({"candidates":{"content":1}})", R"({"choices":[7,null,{"delta":7}]})",
              R"({"type":"content_block_delta","delta":{"type":"text_delta","text":7}})",
              R"({"type":"content_block_stop","index":"x"})", R"({"candidates":[7,[]]})"}) {
            translation->event(data, {}, out);
        }
        INFO(out);
        CHECK(out.find("\"error\"") == std::string::npos);
        translation->end(out);
    }
}

TEST_CASE("An empty text is none where the writer is told so") {
    std::string out;
    Writer to(out);
    to.open('[').text_or_null("a\"b").text_or_null("").text("").close(']');
    CHECK(out == R"(["a\"b",null,""])");
}
