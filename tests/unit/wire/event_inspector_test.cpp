#include "wire/event_inspector.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;

namespace {

/// Everything that the facts say, views by what they show.
std::string text_of(const EventFacts& facts) {
    std::string text;
    for (const bool flag : {facts.well_formed, facts.done, facts.commits, facts.error,
                            facts.usage_only, facts.finish}) {
        text += flag ? '1' : '0';
    }
    text.append(" ").append(facts.model).append(" ").append(facts.service_tier);
    text.append(" ").append(std::to_string(facts.text_bytes));
    if (facts.usage) {
        const auto& usage = *facts.usage;
        for (const std::uint64_t count :
             {std::uint64_t{usage.prompt}, std::uint64_t{usage.completion},
              std::uint64_t{usage.reasoning}, std::uint64_t{usage.cache_read},
              std::uint64_t{usage.said}}) {
            text += '/' + std::to_string(count);
        }
    }
    return text;
}

/// Judges a stream both ways, each event in memory of its own; returns how many were repeats.
std::uint64_t check(AnswerShape shape, const std::vector<std::string>& events,
                    std::string_view name = {}) {
    EventInspector inspector(shape);
    for (const std::string& event : events) {
        INFO(event);
        const std::string copy = event;
        EventFacts expected;
        inspect_event(shape, copy, name, expected);
        REQUIRE(text_of(inspector.inspect(event, name)) == text_of(expected));
    }
    return inspector.repeats();
}

std::string chat(std::string_view content, std::string_view padding = "x") {
    return R"({"id":"c","model":"m-1","service_tier":"flex","choices":[{"index":0,"delta":)"
           R"({"content":")" +
           std::string(content) + R"("},"finish_reason":null}],"usage":null,"obfuscation":")" +
           std::string(padding) + "\"}";
}

std::string response(std::string_view delta, int number) {
    return R"({"type":"response.output_text.delta","sequence_number":)" + std::to_string(number) +
           R"(,"item_id":"i","delta":")" + std::string(delta) + R"(","obfuscation":"x"})";
}

std::string gemini(std::string_view text, std::string_view counts) {
    return R"({"candidates":[{"content":{"parts":[{"text":")" + std::string(text) +
           R"("}],"role":"model"},"index":0}],"usageMetadata":{)" + std::string(counts) +
           R"(},"modelVersion":"m"})";
}

}  // namespace

TEST_CASE("Events that differ in their text only are judged without a walk") {
    CHECK(check(AnswerShape::chat, {chat("a"), chat("b"), chat("longer", "abc"), chat("\\n\\u00e9"),
                                    chat("c", "")}) == 4);
    const auto reasoning = [](const char* words) {
        return R"({"choices":[{"delta":{"content":null,"reasoning_content":")" +
               std::string(words) + R"("}}]})";
    };
    CHECK(check(AnswerShape::chat, {reasoning("a"), reasoning("bc"), reasoning("d")}) == 2);
    const auto text = [](const char* words) {
        return R"({"choices":[{"text":")" + std::string(words) + R"(","index":0}],"p":"ab"})";
    };
    CHECK(check(AnswerShape::completion, {text("a"), text("bc"), text("d")}) == 2);
    CHECK(check(AnswerShape::responses,
                {response("a", 9), response("b", 10), response("", 11), response("c", 12)}) == 2);
}

TEST_CASE("Google's counts are read in each event that repeats the one before") {
    const auto counted = [](int candidates, const char* more) {
        const auto count = std::to_string(candidates);
        return gemini("a", R"("promptTokenCount":9,"candidatesTokenCount":)" + count +
                               R"(,"totalTokenCount":)" + std::to_string(9 + candidates) + more);
    };
    const auto* const details = R"(,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}])";
    const auto* const thoughts = R"(,"thoughtsTokenCount":4,"cachedContentTokenCount":2)";
    for (const auto* const more : {"", details, thoughts}) {
        CHECK(check(AnswerShape::gemini, {counted(1, more), counted(20, more), counted(0, more),
                                          counted(300, more)}) == 3);
    }
    EventInspector inspector(AnswerShape::gemini);
    for (const int candidates : {1, 20, 300}) {
        const auto& facts = inspector.inspect(counted(candidates, details), {});
        REQUIRE(facts.usage);
        CHECK(facts.usage->completion == static_cast<std::uint64_t>(candidates));
    }
    CHECK(inspector.repeats() == 2);
}

TEST_CASE("Counts of Google's that do not say alone what was used are walked through") {
    const std::string plain = R"("promptTokenCount":9,"candidatesTokenCount":)";
    for (const auto* const count :
         {"1e3", "-1", "1.5", "99999999999999999999", "null", "\"7\"", "{}"}) {
        check(AnswerShape::gemini,
              {gemini("a", plain + "1"), gemini("a", plain + count), gemini("a", plain + "2"),
               gemini("a", plain + count), gemini("a", plain + count)});
    }
    const auto twice = [&](const char* first, const char* second) {
        return gemini("a", plain + first + R"(},"usageMetadata":{"promptTokenCount":)" + second);
    };
    const auto beside = [&](const char* first, const char* second) {
        return gemini("a", plain + first + R"(},"usage":{"prompt_tokens":)" + second);
    };
    const auto inside = [&](const char* first, const char* second) {
        return gemini("a",
                      plain + first + R"(},"response":{"usage":{"prompt_tokens":)" + second + "}");
    };
    check(AnswerShape::gemini,
          {twice("1", "2"), twice("3", "4"), twice("5", "2"), twice("6", "6")});
    check(AnswerShape::gemini, {beside("1", "2"), beside("3", "2"), beside("5", "2")});
    check(AnswerShape::gemini, {inside("1", "2"), inside("3", "2"), inside("5", "2")});
}

TEST_CASE("What is not the same event is walked") {
    const std::vector<std::string> others = {
        chat(""),
        chat("\""),
        chat("\\"),
        chat("\\q"),
        chat("\\u12"),
        chat("a\nb"),
        chat("b") + "x",
        chat("b").substr(0, 40),
        chat("b").substr(0, chat("b").size() - 1),
        chat("b\"},\"finish_reason\":\"stop\"}],\"x\":[{\"y\":{\"z\":\""),
        chat("b\",\"content\":\"c"),
        chat("b", "x\",\"error\":\"e"),
        R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})",
        R"({"error":{"message":"busy"}})",
        "[DONE]",
        "",
    };
    for (const auto& other : others) {
        CHECK(check(AnswerShape::chat, {chat("a"), other, chat("b"), other}) <= 2);
    }
    // A repeat under another name is another event.
    EventInspector inspector(AnswerShape::chat);
    CHECK(inspector.inspect(chat("a"), {}).commits);
    CHECK(inspector.inspect(chat("a"), "error").error);
    CHECK(inspector.inspect(chat("a"), {}).commits);
}

TEST_CASE("Every mutation of an event gets the facts that a walk finds") {
    const std::string bytes = "\"\\{}[],:0a \n\x01\xff";
    for (
        const auto& [shape, base] : std::vector<std::pair<AnswerShape, std::string>>{
            {AnswerShape::chat, chat("hello", "pad")},
            {AnswerShape::responses, response("hello", 12)},
            {AnswerShape::gemini, gemini("hello", R"("promptTokenCount":9,"totalTokenCount":21)")},
            {AnswerShape::chat,
             R"({"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}],"model":"m"})"}}) {
        std::vector<std::string> events;
        for (std::size_t at = 0; at <= base.size(); ++at) {
            for (const char byte : bytes) {
                events.push_back(base);
                events.push_back(std::string(base).insert(at, 1, byte));
                if (at == base.size()) continue;
                events.push_back(base);
                events.push_back(base);
                events.back()[at] = byte;
            }
            events.push_back(std::string(base).erase(at, 1));
            events.push_back(base.substr(0, at));
        }
        CHECK(check(shape, events) > events.size() / 4);
    }
}

TEST_CASE("Random streams get the same facts both ways") {
    std::mt19937 random(20);
    const std::vector<std::string> pieces = {"a",       "lorem ipsum dolor sit amet",
                                             "\\n",     "\\u00e9",
                                             "\\\"",    "",
                                             "\xc3",    "\\",
                                             "\"x\":1", "\"",
                                             "\t",      "\\u1"};
    const auto piece = [&] { return pieces[random() % pieces.size()]; };
    std::uint64_t repeats = 0;
    for (int stream = 0; stream < 500; ++stream) {
        std::vector<std::string> events;
        for (int i = 0; i < 30; ++i) {
            const auto which = random() % 8;
            if (which < 5) events.push_back(chat(piece() + piece(), piece()));
            if (which == 5) events.push_back(response(piece(), static_cast<int>(random() % 200)));
            if (which == 6 && !events.empty()) events.push_back(events.back());
            if (which == 7) events.push_back(chat("x").substr(random() % 3, random() % 200));
        }
        repeats += check(AnswerShape::chat, events) + check(AnswerShape::responses, events);
    }
    CHECK(repeats > 1000);
}

TEST_CASE("What is remembered is bounded, and a stream that never repeats is left alone") {
    const auto with_id = [](std::size_t size) {
        return R"({"id":")" + std::string(size, 'i') +
               R"(","choices":[{"delta":{"content":"a"}}]})";
    };
    CHECK(check(AnswerShape::chat, {with_id(900), with_id(900)}) == 1);
    CHECK(check(AnswerShape::chat, {with_id(1100), with_id(1100)}) == 0);
    CHECK(check(AnswerShape::chat, {with_id(8), with_id(1100), with_id(8)}) == 0);
    // The text itself may be as long as it likes.
    CHECK(check(AnswerShape::chat, {chat("a"), chat(std::string(100'000, 'a')), chat("b")}) == 2);
    std::vector<std::string> changing;
    for (std::size_t i = 0; i < 100; ++i) changing.push_back(with_id(i));
    changing.insert(changing.end(), 20, with_id(3));  // it comes to rest: found again soon
    const auto repeats = check(AnswerShape::chat, changing);
    CHECK(repeats >= 11);
    CHECK(repeats < 20);
}

TEST_CASE("Views of a repeat outlive the event that was remembered") {
    EventInspector inspector(AnswerShape::chat);
    {
        const std::string first = chat("a");
        inspector.inspect(first, {});
    }
    const std::string second = chat("b");
    const EventFacts& facts = inspector.inspect(second, {});
    CHECK(facts.model == "m-1");
    CHECK(facts.service_tier == "flex");
    CHECK(inspector.repeats() == 1);
}
