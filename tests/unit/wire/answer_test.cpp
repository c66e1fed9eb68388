#include "wire/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Row {
    const char* title;
    AnswerShape shape;
    std::string body;
    const char* problem;  // nullptr: an answer
};

std::string chat(std::string_view message = R"({"role":"assistant","content":"Four."})") {
    return R"({"id":"c","object":"chat.completion","model":"gpt-5-2026",)"
           R"("choices":[{"index":0,"message":)" +
           std::string(message) +
           R"(,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":14,)"
           R"("completion_tokens":2,)"
           R"("total_tokens":16},"service_tier":"default"})";
}

}  // namespace

TEST_CASE("A whole chat answer gives usage, model, tier and finish reason") {
    const AnswerFacts facts = inspect_answer(AnswerShape::chat, chat());
    CHECK(facts.well_formed);
    CHECK(facts.complete);
    CHECK_FALSE(facts.error_inside);
    CHECK(facts.problem == nullptr);
    REQUIRE(facts.usage);
    CHECK(*facts.usage == Usage{14, 2, 0, 0, 0, std::nullopt});
    CHECK(facts.model == "gpt-5-2026");
    CHECK(facts.service_tier == "default");
    CHECK(facts.finish_reason == "stop");
}

TEST_CASE("An answer is one when it has what its endpoint must give") {
    using enum AnswerShape;
    const std::vector<Row> rows{
        {"chat", chat, ::chat(), nullptr},
        {"chat with null content", chat, ::chat(R"({"content":null,"refusal":"No"})"), nullptr},
        {"keep-alive lines first", chat, "\n\n \r\n" + ::chat() + "\n", nullptr},
        {"a BOM first", chat, "\xEF\xBB\xBF" + ::chat(), nullptr},
        {"only a finish reason", chat, R"({"choices":[{"finish_reason":"content_filter"}]})",
         nullptr},
        {"null error", chat,
         R"({"error":null,"choices":[{"message":{"content":"x"},"error":null}]})", nullptr},
        {"nothing", chat, "", "empty body"},
        {"white space", chat, " \n\n ", "empty body"},
        {"a BOM alone", chat, "\xEF\xBB\xBF", "empty body"},
        {"a page", chat, "\n<!DOCTYPE html><html></html>", "HTML"},
        {"plain text", chat, "no healthy upstream", "not JSON"},
        {"a stream", chat, "data: {}\n\n", "not JSON"},
        {"two values", chat, ::chat() + "{}", "not JSON"},
        {"no object", chat, "[]", "not a JSON object"},
        {"no choices", chat, R"({"id":"x"})", "no choices"},
        {"null choices", chat, R"({"choices":null})", "no choices"},
        {"empty choices", chat, R"({"choices":[ ]})", "empty choices"},
        {"an empty choice", chat, R"({"choices":[{}]})", "choice without a message"},
        {"a null message", chat, R"({"choices":[{"message":null,"finish_reason":null}]})",
         "choice without a message"},
        {"a choice that is none", chat, R"({"choices":["x"]})", "choice without a message"},
        {"an error object", chat, R"({"error":{"message":"x"}})", "error object inside"},
        {"an error text", chat, R"({"code":"busy","error":"try later"})", "error object inside"},
        {"an error beside choices", chat,
         R"({"choices":[{"message":{"content":"x"},"finish_reason":"error"}]})",
         "error object inside"},
        {"an error without a wrapper", chat, R"({"object":"error","message":"x"})",
         "error object inside"},
        {"completion", completion, R"({"choices":[{"text":""}]})", nullptr},
        {"embeddings", embeddings, R"({"object":"list","data":[{"embedding":[1]}]})", nullptr},
        {"no embeddings", embeddings, R"({"object":"list","data":[]})", "no data"},
        {"responses", responses,
         R"({"object":"response","status":"completed","error":null,"output":[]})", nullptr},
        {"failed response", responses, R"({"object":"response","status":"failed","output":[]})",
         "error object inside"},
        {"response without output", responses, R"({"object":"response"})", "no output"},
        {"moderation", moderations, R"({"results":[]})", nullptr},
        {"no moderation", moderations, R"({"id":"m"})", "no results"},
        {"images", images, R"({"created":1,"data":[{"url":"u"}]})", nullptr},
        {"no images", images, R"({"created":1,"data":[]})", "no data"},
        {"images without their list", images, R"({"created":1})", "no data"},
        {"a transcription", transcription, R"({"text":"Hello."})", nullptr},
        {"a transcription of silence", transcription, R"({"text":"","language":"en"})", nullptr},
        {"a transcription without text", transcription, R"({"language":"en"})", "no text"},
        {"a transcription of null", transcription, R"({"text":null})", "no text"},
        {"subtitles", transcription, "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n", nullptr},
        {"a cut transcription", transcription, R"({"text":"Hel)", "truncated JSON"},
        {"a cut object where bytes may come", opaque, R"({ "audio": "AAAA)", "truncated JSON"},
        {"a compaction", compaction,
         R"({"object":"response.compaction","output":[{"type":"message"}]})", nullptr},
        {"a compaction without output", compaction, R"({"object":"response.compaction"})",
         "no output"},
        {"an error elsewhere", other_json, R"({"error":"x"})", "error object inside"},
        {"no object elsewhere", other_json, "3", "not a JSON object"},
        {"audio", opaque, std::string("\xff\xfb\0x", 4), nullptr},
        {"a silent transcription", opaque, "\n", nullptr},
        {"text that begins like JSON", opaque, "{laughs} hello", nullptr},
        {"no audio", opaque, "", "empty body"},
        {"a page instead of audio", opaque, "\n<!DOCTYPE html><html><body>502", "HTML"},
        {"a bare page instead of audio", opaque, "<HTML>", "HTML"},
        {"a transcript with a tag", opaque, "<i>softly</i> hello", nullptr},
        {"an error for audio", opaque, R"({"error":{"message":"x"}})", "error object inside"},
        {"a list with an error", chat, R"([{"error":{"code":429}}])", "error object inside"},
        {"a list without one", chat, R"([{"choices":[]}])", "not a JSON object"},
        {"a list with an error for Google", gemini, R"([{"error":{"code":429}}])",
         "error object inside"},
        {"speech", speech, std::string("\xff\xfb\0x", 4), nullptr},
        {"speech in JSON", speech, R"({"data":{"audio":")" + std::string(80, 'A') + R"("}})",
         nullptr},
        {"the address of speech", speech, R"({"output":["https://a.example/1.mp3"]})", nullptr},
        {"an object without speech", speech, R"({"id":"x","status":"ok"})", "no audio"},
        {"words in place of speech", speech,
         R"({"detail":"The voice that was asked for is none of those that there are here, sorry."})",
         "no audio"},
        {"an object about audio", opaque, R"({"id":"x","status":"ok"})", nullptr},
    };
    for (const Row& row : rows) {
        INFO(row.title);
        const AnswerFacts facts = inspect_answer(row.shape, row.body);
        CHECK(std::string(facts.problem == nullptr ? "" : facts.problem) ==
              (row.problem == nullptr ? "" : row.problem));
        CHECK((facts.complete && facts.well_formed && !facts.error_inside) ==
              (row.problem == nullptr));
    }
}

TEST_CASE("What is labelled JSON must be whole JSON on every endpoint") {
    using enum AnswerShape;
    for (const auto* type : {"application/json", "Application/JSON; charset=utf-8",
                             "application/problem+json", "text/json ;x=y"}) {
        INFO(type);
        CHECK(label_of(type) == BodyLabel::json);
    }
    for (const auto* type : {"", "application/octet-stream", "; x"}) {
        CHECK(label_of(type) == BodyLabel::none);
    }
    for (const auto* type : {"text/plain", "audio/mpeg", "text/vtt", "json", "application/jsonl"}) {
        INFO(type);
        CHECK(label_of(type) == BodyLabel::other);
    }
    struct Labelled {
        AnswerShape shape;
        const char* body;
        BodyLabel label;
        const char* problem;
    };
    for (const Labelled& row : {
             Labelled{transcription, R"({"text":"Hel)", BodyLabel::json, "truncated JSON"},
             {transcription, "Hello", BodyLabel::json, "not JSON"},
             {transcription, R"({"text":"Hello"})", BodyLabel::json, ""},
             {transcription, R"("Hello")", BodyLabel::json, ""},
             {transcription, R"({"task":"x"})", BodyLabel::json, "no text"},
             {transcription, R"({"text":"Hel)", BodyLabel::other, ""},
             {opaque, R"({"audio":"A)", BodyLabel::json, "truncated JSON"},
             {opaque, R"({"audio":"A"})", BodyLabel::json, ""},
             {opaque, "3", BodyLabel::json, "not a JSON object"},
             {opaque, R"({"audio":"A)", BodyLabel::other, ""},
             {opaque, "{laughs} Hel", BodyLabel::none, ""},
             {opaque, R"({"audio":"A)", BodyLabel::none, "truncated JSON"},
             {opaque, "", BodyLabel::json, "empty body"},
             {opaque, R"({"error":"x"})", BodyLabel::other, "error object inside"},
             {transcription, R"({"error":"x"})", BodyLabel::json, "error object inside"},
         }) {
        INFO(row.body << " as " << static_cast<int>(row.label));
        const auto facts = inspect_answer(row.shape, row.body, row.label);
        CHECK(std::string(facts.problem == nullptr ? "" : facts.problem) == row.problem);
    }
}

TEST_CASE("An error that says nothing is none, wherever it stands") {
    for (const auto* empty :
         {"null", "false", R"("")", "{}", "[]", "0", "0.0",
          R"({"message":"","type":"","code":null})", R"({"message":"","code":0,"param":null})",
          "[{}]", R"([null,"",{"a":[{"b":""}]}])", R"({"details":[],"inner":{"code":""}})",
          R"({"code":"0","message":"OK"})", R"({"code":200,"message":"success"})",
          R"({"code":0,"message":"Success","type":null})", R"({"status":"200","message":"ok"})",
          R"("OK")", "200", R"("none")"}) {
        INFO(empty);
        const std::string error = std::string(R"("error":)") + empty;
        std::string body = "{" + error;
        body += R"(,"choices":[{"message":{"content":"x"},)";
        body.append(error).append(R"(,"finish_reason":"stop"}],"errors":)").append(empty);
        body += "}";
        const auto facts = inspect_answer(AnswerShape::chat, body);
        CHECK_FALSE(facts.error_inside);
        CHECK(facts.complete);
        EventFacts event;
        std::string data = "{" + error;
        data += R"(,"choices":[{"delta":{"content":"x"}}]})";
        inspect_event(AnswerShape::chat, data, {}, event);
        CHECK_FALSE(event.error);
        CHECK(event.commits);
    }
    for (const auto* said :
         {"true", R"("x")", "1", R"({"message":"x"})", R"({"message":"","code":500})", "[{}, 1]",
          R"({"message":"","inner":{"code":"x"}})", R"({"a":[[["b"]]]})",
          R"({"code":200,"message":"no capacity"})", R"({"code":"0","message":"OK","type":"x"})",
          R"({"code":300,"message":"OK"})", "2000", R"({"message":"not ok"})"}) {
        INFO(said);
        std::string body = R"({"choices":[{"message":{"content":"x"}}],"error":)";
        body.append(said).append("}");
        CHECK(inspect_answer(AnswerShape::chat, body).error_inside);
        std::string data = R"({"choices":[],"error":)";
        data.append(said).append("}");
        EventFacts event;
        inspect_event(AnswerShape::chat, data, {}, event);
        CHECK(event.error);
    }
}

TEST_CASE("An answer that is cut anywhere is truncated, not an answer") {
    const std::string whole = chat();
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        const std::string body(whole, 0, cut);
        CAPTURE(body);
        const AnswerFacts facts = inspect_answer(AnswerShape::chat, body);
        CHECK_FALSE(facts.well_formed);
        CHECK_FALSE(facts.complete);
        REQUIRE(facts.problem != nullptr);
        // Behind a minus or a decimal point a cut looks like a wrong number; here are none.
        CHECK(facts.problem == std::string("truncated JSON"));
    }
}

TEST_CASE("Names in an answer are decoded") {
    const AnswerFacts facts = inspect_answer(
        AnswerShape::chat, R"({"model":"caf\u00e9","choices":[{"text":"x","finish_reason":""},)"
                           R"({"finish_reason":"le\u006egth"}]})");
    CHECK(facts.model == "caf\xC3\xA9");
    CHECK(facts.finish_reason == "length");
}
