// Answers that are not written as those of Responses are: nothing of them is lost without a word.
#include "tests/unit/dialects/odd_answers.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

using namespace understudy;
using namespace understudy::dialects;
using namespace understudy::dialects::test;
using wire::AnswerShape;
using wire::Dialect;

namespace {

std::string item_event(const std::string& type, int index, const std::string& item) {
    return R"({"type":"response.output_item.)" + type + R"(","output_index":)" +
           std::to_string(index) + R"(,"item":)" + item + "}";
}

std::string message_item(const std::string& id, const std::string& text) {
    return R"({"type":"message","id":")" + id +
           R"(","role":"assistant","content":[{"type":"output_text","text":")" + text + R"("}]})";
}

std::string call_item(const std::string& id, const std::string& arguments) {
    return R"({"type":"function_call","id":")" + id + R"(","call_id":"c)" + id +
           R"(","name":"f","arguments":")" + arguments + R"("})";
}

std::string completed(const std::string& output, const std::string& more = {}) {
    return R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[)" +
           output + "]" + more + "}}";
}

std::string text_piece(const std::string& id, int index, const std::string& text) {
    return R"({"type":"response.output_text.delta","item_id":")" + id + R"(","output_index":)" +
           std::to_string(index) + R"(,"delta":")" + text + R"("})";
}

}  // namespace

TEST_CASE("An answer of Responses that goes on elsewhere is not told as whole") {
    for (const auto* status : {"queued", "in_progress", "cancelled"}) {
        CAPTURE(status);
        const auto translation = asked(AnswerShape::chat, Dialect::responses, false);
        static_cast<void>(translation->whole(R"({"id":"r","status":")" + std::string(status) +
                                             R"(","output":[]})"));
        CHECK(translation->lost() == std::string("its status says that it is not finished"));
    }
}

TEST_CASE("Items of Responses are told once, however they are numbered") {
    const auto text = message_item("m1", "Hello");
    const auto call = call_item("f1", R"({\"a\":1})");
    for (const auto& [first, second] : {std::pair(0, 0), std::pair(0, 1), std::pair(1, 2)}) {
        const auto out = streamed(
            AnswerShape::chat, Dialect::responses,
            {item_event("added", first, message_item("m1", "")), text_piece("m1", first, "Hello"),
             item_event("done", first, text), item_event("added", second, call_item("f1", "")),
             item_event("done", second, call), completed(text + "," + call)});
        CAPTURE(out);
        CHECK(joined(out, "content") == "Hello");
        CHECK(joined(out, "arguments") == R"({"a":1})");
    }
    // Some give an item another id in each event.
    const auto out =
        streamed(AnswerShape::chat, Dialect::responses,
                 {item_event("added", 0, message_item("m1", "")), text_piece("m2", 0, "Hello"),
                  item_event("done", 0, message_item("m3", "Hello")),
                  completed(message_item("m4", "Hello"))});
    CHECK(joined(out, "content") == "Hello");
}

TEST_CASE("What the pieces of a Response lack comes with the whole item") {
    auto out =
        streamed(AnswerShape::chat, Dialect::responses,
                 {text_piece("m1", 0, "He"), item_event("done", 0, message_item("m1", "Hello")),
                  completed(message_item("m1", "Hello"))});
    CHECK(joined(out, "content") == "Hello");
    const std::string piece =
        R"({"type":"response.function_call_arguments.delta","item_id":"f1","output_index":0,"delta":"{\"a\""})";
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {item_event("added", 0, call_item("f1", "")), piece,
                    item_event("done", 0, call_item("f1", R"({\"a\":1})")), completed("")});
    CHECK(joined(out, "arguments") == R"({"a":1})");
    const auto translation = asked(AnswerShape::chat, Dialect::responses, true);
    out.clear();
    CHECK(translation->event(item_event("added", 0, call_item("f1", "")), {}, out));
    CHECK(translation->event(piece, {}, out));
    CHECK_FALSE(
        translation->event(item_event("done", 0, call_item("f1", R"({\"b\":1})")), {}, out));
}

TEST_CASE("An end of a Response that says it is none is none") {
    const auto translation = asked(AnswerShape::chat, Dialect::responses, true);
    std::string out;
    CHECK_FALSE(translation->event(
        R"({"type":"response.completed","response":{"id":"r","status":"cancelled","output":[]}})",
        {}, out));
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {text_piece("m1", 0, "He"), completed("", R"(,"error":{"message":"broke"})")});
    CHECK(out.find("broke") != std::string::npos);
    CHECK(out.find("[DONE]") == std::string::npos);
}

TEST_CASE("The end of an item whose pieces were written with other escapes is not lost") {
    const std::string completed =
        R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[)";
    const auto text = [](const std::string& delta) {
        return R"({"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":")" +
               delta + R"("})";
    };
    auto out = streamed(AnswerShape::chat, Dialect::responses,
                        {item_event("added", 0, message_item("m", "")), text(R"(H\u00e9 \/)"),
                         item_event("done", 0, message_item("m", "H\xC3\xA9 / and \xC3\xA9 \\\\")),
                         completed + "]}}"});
    CHECK(joined(out, "content") == "H\xC3\xA9 / and \xC3\xA9 \\");
    // The rest may begin inside the second of two parts, and be in the answer's last event only.
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {item_event("added", 0, message_item("m", "")), text(R"(\u0061b)"),
                    completed + R"({"type":"message","id":"m","content":[)"
                                R"({"type":"output_text","text":"a"},)"
                                R"({"type":"output_text","text":"bc\n"}]}]}})"});
    CHECK(joined(out, "content") == "abc\n");
    const auto arguments = [](const std::string& delta) {
        return R"({"type":"response.function_call_arguments.delta","item_id":"f",)"
               R"("output_index":0,"delta":")" +
               delta + R"("})";
    };
    out = streamed(
        AnswerShape::chat, Dialect::responses,
        {item_event("added", 0, call_item("f", "")), arguments(R"({\"a\":\"\u00e9)"),
         item_event("done", 0, call_item("f", "{\\\"a\\\":\\\"\xC3\xA9\\\"}")), completed + "]}}"});
    CHECK(joined(out, "arguments") == "{\"a\":\"\xC3\xA9\"}");
}
