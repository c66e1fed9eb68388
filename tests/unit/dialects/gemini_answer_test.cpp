#include "dialects/gemini/answer_reader.hpp"
#include "dialects/gemini/error.hpp"
#include "dialects/gemini/finish.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::json;

namespace {

std::string_view word_of(Stop stop) {
    switch (stop) {
        case Stop::end:
            return "end";
        case Stop::sequence:
            return "sequence";
        case Stop::length:
            return "length";
        case Stop::window:
            return "window";
        case Stop::calls:
            return "calls";
        case Stop::filter:
            return "filter";
        case Stop::unsaid:
            return "unsaid";
        case Stop::pause:
            return "pause";
    }
    return "?";
}

/// What was told, a line each.
struct Log {
    std::string lines;
    std::vector<std::string> ids;
    std::optional<Stop> last_stop;
    std::optional<wire::Usage> counts;
};

class Notes final : public AnswerSink, public Log {
  public:
    void start(std::string_view id, std::string_view model) override { add("start", id, model); }
    void text(std::string_view content) override { add("text", content); }
    void thinking(std::string_view content) override { add("thinking", content); }
    void seal(SealKind kind, std::string_view content, bool alone) override {
        REQUIRE(kind == SealKind::gemini);
        add(alone ? "seal alone" : "seal", content);
    }
    void refusal(std::string_view content) override { add("refusal", content); }
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override {
        add("call " + std::to_string(number), id, name, seal);
        ids.emplace_back(id);
    }
    void arguments(std::size_t number, std::string_view content) override {
        add("arguments " + std::to_string(number), content);
    }
    void stop(Stop why, std::string_view) override {
        add("stop", word_of(why));
        last_stop = why;
    }
    void usage(const wire::Usage& usage) override { counts = usage; }
    void error(const wire::ErrorFacts& error) override { add("error", error.code, error.message); }
    void done() override { add("done", {}); }

  private:
    void add(std::string_view what, std::string_view a, std::string_view b = {},
             std::string_view c = {}) {
        lines.append(what);
        for (const auto one : {a, b, c}) {
            if (!one.empty()) lines.append("|").append(one);
        }
        lines += '\n';
    }
};

Log streamed(std::initializer_list<std::string_view> events) {
    Notes notes;
    const auto reader = gemini::make_reader();
    for (const auto event : events) reader->event(Value::of(event), event, {}, notes);
    reader->end(notes);
    return std::move(static_cast<Log&>(notes));
}

Log whole(std::string_view body) {
    Notes notes;
    gemini::make_reader()->whole(body, notes);
    return std::move(static_cast<Log&>(notes));
}

std::string candidate(std::string_view parts, std::string_view reason = "STOP") {
    std::string out = R"({"candidates":[{"content":{"role":"model","parts":[)";
    out.append(parts).append(R"(]},"finishReason":")").append(reason).append(R"("}]})");
    return out;
}

}  // namespace

TEST_CASE("A whole answer is told in its order") {
    const auto notes = whole(R"({"candidates":[{"index":0,"content":{"role":"model","parts":[
        {"text":"Hm.","thought":true},{"text":"It is \"so\".\n"},
        {"functionCall":{"id":"x1","name":"f","args":{"city": "O\"slo\\\n", "n": [1, 2]}},
         "thoughtSignature":"Eqo="}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":29,"candidatesTokenCount":15,"thoughtsTokenCount":804,
        "totalTokenCount":848},"modelVersion":"gemini-3-pro","responseId":"r1"})");
    CHECK(notes.lines ==
          "start|r1|gemini-3-pro\nthinking|Hm.\ntext|It is \\\"so\\\".\\n\n"
          "call 0|x1|f|Eqo=\n"
          R"(arguments 0|{\"city\":\"O\\\"slo\\\\\\n\",\"n\":[1,2]})"
          "\nstop|calls\ndone\n");
    // What was told as the inside of a string is JSON again, and says the same.
    const auto from = notes.lines.find("arguments 0|") + 12;
    const auto inside = notes.lines.substr(from, notes.lines.find('\n', from) - from);
    CHECK(Json::parse(unescaped(inside)) == Json::parse(R"({"city":"O\"slo\\\n","n":[1,2]})"));
}

TEST_CASE("A stream is told as it comes, its start once and its end at the end") {
    const auto notes = streamed(
        {R"({"candidates":[{"content":{"parts":[{"text":"Th","thought":true}]}}],"responseId":"r"})",
         R"({"candidates":[{"content":{"parts":[{"text":"ink","thought":true}]}}],"responseId":"r"})",
         R"({"usageMetadata":{"trafficType":"ON_DEMAND"}})", "{}", "not json",
         R"({"candidates":[{"content":{"parts":[{"text":"He"}]}}],"responseId":"r"})",
         R"({"candidates":[{"content":{"parts":[{"text":"y"}]}}]})",
         R"({"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"MAX_TOKENS"}]})"});
    CHECK(notes.lines ==
          "start|r\nthinking|Th\nthinking|ink\ntext|He\ntext|y\nstop|length\ndone\n");
}

TEST_CASE("Every reason has its meaning") {
    struct Row {
        std::string_view reason;
        Stop stop;
    };
    for (const auto& [reason, stop] : {Row{"STOP", Stop::end},
                                       Row{"MAX_TOKENS", Stop::length},
                                       Row{"CONTINUATION", Stop::length},
                                       Row{"SAFETY", Stop::filter},
                                       Row{"RECITATION", Stop::filter},
                                       Row{"BLOCKLIST", Stop::filter},
                                       Row{"PROHIBITED_CONTENT", Stop::filter},
                                       Row{"SPII", Stop::filter},
                                       Row{"IMAGE_SAFETY", Stop::filter},
                                       Row{"IMAGE_PROHIBITED_CONTENT", Stop::filter},
                                       Row{"IMAGE_RECITATION", Stop::filter},
                                       Row{"LANGUAGE", Stop::filter},
                                       Row{"MODEL_ARMOR", Stop::filter},
                                       Row{"ESCALATION", Stop::filter},
                                       Row{"PUP_LIMITED_DISABLED", Stop::filter},
                                       Row{"OTHER", Stop::end},
                                       Row{"NO_IMAGE", Stop::end},
                                       Row{"IMAGE_OTHER", Stop::end},
                                       Row{"OF_TOMORROW", Stop::end},
                                       Row{"MALFORMED_FUNCTION_CALL", Stop::end}}) {
        INFO(reason);
        CHECK(gemini::stop_of(reason) == stop);
        CHECK(whole(candidate(R"({"text":"a"})", reason)).last_stop == stop);
        CHECK(streamed({candidate(R"({"text":"a"})", reason)}).last_stop == stop);
    }
    // A field that nobody has set is no reason: the stream goes on.
    CHECK_FALSE(streamed({candidate(R"({"text":"a"})", "FINISH_REASON_UNSPECIFIED")}).last_stop);
}

TEST_CASE("Pitfall 32: an answer with calls ends for them, also where the reason comes alone") {
    constexpr std::string_view kCall =
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]})";
    constexpr std::string_view kStop = R"({"candidates":[{"finishReason":"STOP"}]})";
    CHECK(streamed({kCall, kStop}).last_stop == Stop::calls);
    CHECK(streamed({kStop, kCall}).last_stop == Stop::calls);
    CHECK(streamed({kCall, R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})"}).last_stop ==
          Stop::calls);
    // What a filter has stopped is not to be run.
    CHECK(streamed({kCall, R"({"candidates":[{"finishReason":"SAFETY"}]})"}).last_stop ==
          Stop::filter);
}

TEST_CASE("Pitfall 33: calls are counted over all chunks, and none has another's id") {
    constexpr std::string_view kCalls =
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}},)"
        R"({"functionCall":{"name":"f","args":{}}}]}}],"responseId":"r"})";
    constexpr std::string_view kLast =
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"g","args":null}}]},)"
        R"("finishReason":"STOP"}]})";
    const auto notes = streamed({kCalls, kLast});
    REQUIRE(notes.ids.size() == 3);
    CHECK(notes.ids[0] != notes.ids[1]);
    CHECK(notes.ids[0].starts_with("call_"));
    CHECK(notes.lines.find("call 2|") != std::string::npos);
    CHECK(notes.lines.find("arguments 2|{}\n") != std::string::npos);
    // The same answer has the same ids; another one has others, whatever it calls.
    CHECK(streamed({kCalls, kLast}).ids == notes.ids);
    std::string other(kCalls);
    other.replace(other.find(R"("r"})"), 5, R"("s"})");
    CHECK(streamed({other, kLast}).ids[0] != notes.ids[0]);
}

TEST_CASE("A call without arguments has none, one without a name is nobody's") {
    const auto notes = whole(candidate(
        R"({"functionCall":{"id":"a","name":"f"}},{"functionCall":{}},{"functionCall":{"name":""}})"));
    CHECK(notes.lines == "start\ncall 0|a|f\narguments 0|{}\nstop|calls\ndone\n");
}

TEST_CASE("Pitfall 35: a seal makes no thought of a text") {
    CHECK(whole(candidate(R"({"text":"a","thoughtSignature":"S="})")).lines ==
          "start\ntext|a\nseal alone|S=\nstop|end\ndone\n");
    // Behind thoughts it is theirs.
    CHECK(whole(candidate(R"({"text":"Hm","thought":true},{"text":"a","thoughtSignature":"S="})"))
              .lines == "start\nthinking|Hm\nseal|S=\ntext|a\nstop|end\ndone\n");
    CHECK(whole(candidate(R"({"text":"Hm","thought":true,"thoughtSignature":"S="},{"text":"a"})"))
              .lines == "start\nthinking|Hm\nseal|S=\ntext|a\nstop|end\ndone\n");
    // At the end of a stream it often comes with an empty text.
    CHECK(streamed({R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})",
                    candidate(R"({"text":"","thoughtSignature":"S="})")})
              .lines == "start\ntext|a\nseal alone|S=\nstop|end\ndone\n");
}

TEST_CASE("A prompt that was not let through ends for a filter") {
    CHECK(whole(R"({"promptFeedback":{"blockReason":"SAFETY"},"responseId":"r"})").lines ==
          "start|r\nstop|filter\ndone\n");
    CHECK(streamed({R"({"candidates":[],"promptFeedback":{"blockReason":"JAILBREAK",)"
                    R"("blockReasonMessage":"No."}})"})
              .lines == "start\nrefusal|No.\nstop|filter\ndone\n");
    // Feedback that blocks nothing is none.
    CHECK(
        whole(R"({"promptFeedback":{"safetyRatings":[]},)" + candidate(R"({"text":"a"})").substr(1))
            .last_stop == Stop::end);
}

TEST_CASE("Counts have OpenAI's meaning, and the last ones count") {
    const auto usage = [](std::string_view metadata) {
        return *whole(R"({"usageMetadata":)" + std::string(metadata) + "}").counts;
    };
    const auto all = usage(R"({"promptTokenCount":29,"candidatesTokenCount":15,
        "thoughtsTokenCount":804,"toolUsePromptTokenCount":10,"cachedContentTokenCount":20,
        "totalTokenCount":858})");
    CHECK(all.prompt == 39);
    CHECK(all.completion == 819);
    CHECK(all.reasoning == 804);
    CHECK(all.cache_read == 20);
    // Some count the thoughts among the candidates: the total tells.
    CHECK(usage(R"({"promptTokenCount":10,"candidatesTokenCount":30,"thoughtsTokenCount":20,
        "totalTokenCount":40})")
              .completion == 30);
    const auto notes = streamed(
        {R"({"usageMetadata":{"promptTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":12}})",
         R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,
             "candidatesTokenCount":3,"thoughtsTokenCount":7,"totalTokenCount":15}})",
         R"({"usageMetadata":{"trafficType":"ON_DEMAND"}})"});
    CHECK(notes.counts->completion == 10);
    CHECK(notes.counts->prompt == 5);
}

TEST_CASE("An error is told, and nothing behind it") {
    constexpr std::string_view kError =
        R"({"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED"}})";
    constexpr std::string_view kText = R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})";
    const auto lines = streamed({kText, kError, kText}).lines;
    CHECK(lines.starts_with("start\ntext|a\nerror|"));
    CHECK(lines.ends_with("|Quota.\n"));
    // Some endpoints wrap it in a list.
    CHECK(streamed({"[" + std::string(kError) + "]"}).lines.ends_with("|Quota.\n"));
    CHECK(whole(kError).lines.ends_with("|Quota.\n"));
    CHECK(streamed({R"({"error":null,"candidates":[{"finishReason":"STOP"}]})"}).lines ==
          "start\nstop|end\ndone\n");
}

TEST_CASE("A model that came to no answer has failed, unless it had begun one") {
    for (const auto* reason :
         {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL",
          "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"}) {
        CHECK(gemini::is_in_vain(reason));
        CHECK(streamed({candidate("", reason)}).lines ==
              "start\nerror|" + std::string(reason) + "|The model came to no answer.\n");
        CHECK(streamed({candidate(R"({"text":"a"})", reason)}).lines ==
              "start\ntext|a\nstop|end\ndone\n");
        CHECK(streamed({candidate(R"({"text":"a","thought":true,"thoughtSignature":"S"})", reason)})
                  .last_stop == Stop::end);
    }
    CHECK(whole(R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL",)"
                R"("finishMessage":"No such call."}]})")
              .lines == "start\nerror|MALFORMED_FUNCTION_CALL|No such call.\n");
}

TEST_CASE("A stream without a reason has broken off, a whole answer without one gets none") {
    constexpr std::string_view kText = R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})";
    CHECK(streamed({kText}).lines.starts_with("start\ntext|a\nerror|"));
    CHECK(streamed({}).lines.starts_with("start\nerror|"));
    CHECK(whole(kText).lines == "start\ntext|a\ndone\n");
    // Thinking may leave no room for an answer: there are no parts then.
    CHECK(whole(R"({"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]})")
              .lines == "start\nstop|length\ndone\n");
}

TEST_CASE("Of several candidates the first one is read") {
    CHECK(whole(R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},
        {"content":{"parts":[{"text":"b"}]},"finishReason":"SAFETY"}]})")
              .lines == "start\ntext|a\nstop|end\ndone\n");
}

TEST_CASE("Members of any type but theirs are passed over") {
    for (const auto* odd :
         {R"({"candidates":5})", R"({"candidates":[7,null]})", R"({"candidates":[{"content":[]}]})",
          R"({"candidates":[{"content":{"parts":{}}}]})", "[]", "7", "null",
          R"({"candidates":[{"content":{"parts":[1,{"text":5,"functionCall":"x"}]}}]})",
          R"({"usageMetadata":7,"promptFeedback":[],"responseId":5,"modelVersion":{}})",
          R"({"usageMetadata":{"promptTokenCount":-1}})", "{\"candidates\":[{", ""}) {
        INFO(odd);
        const auto notes = whole(odd);
        CHECK(notes.lines == "start\ndone\n");
        CHECK_FALSE(notes.counts);
    }
}

TEST_CASE("An error is written as google.rpc.Status") {
    wire::ErrorFacts error;
    error.message = "Say \"please\".";
    error.type = "rate_limit_error";
    error.code = "rate_limit_exceeded";
    CHECK(gemini::write_error(error, wire::cause_of(wire::FailureClass::rate_limit, 429)) ==
          R"({"error":{"code":429,"message":"Say \"please\".","status":"RESOURCE_EXHAUSTED",)"
          R"("details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
          R"("reason":"RATE_LIMIT_EXCEEDED","domain":"understudy"}]}})");
    error.code = "500";
    error.type.clear();
    CHECK(gemini::write_error(error, wire::cause_of(error)) ==
          R"({"error":{"code":500,"message":"Say \"please\".","status":"INTERNAL"}})");
    error.code = "a-b \"c\"";
    const auto body = Json::parse(
        gemini::write_error(error, wire::cause_of(wire::FailureClass::bad_request, 400)));
    CHECK(body["error"]["details"][0]["reason"] == "A_B__C_");
}
