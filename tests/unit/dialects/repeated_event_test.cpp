// A stream says the same whether its events are read each by itself or known as repeats of the one
// before: for every pair of APIs, whatever differs between them.
#include "dialects/repeated_event.hpp"
#include "dialects/translate.hpp"
#include "wire/json_scan.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;
using wire::Dialect;

namespace {

struct Api {
    AnswerShape shape;
    Dialect dialect;
};
constexpr Api kClients[] = {{AnswerShape::chat, Dialect::chat},
                            {AnswerShape::messages, Dialect::messages},
                            {AnswerShape::responses, Dialect::responses},
                            {AnswerShape::gemini, Dialect::gemini}};
constexpr Dialect kUpstreams[] = {Dialect::chat, Dialect::messages, Dialect::responses,
                                  Dialect::gemini, Dialect::converse};

std::unique_ptr<Translation> asked(AnswerShape client, Dialect upstream) {
    std::string body = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],)"
                       R"("thinking":{"type":"enabled","budget_tokens":2000}})";
    if (client == AnswerShape::chat) {
        body = R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})";
    }
    if (client == AnswerShape::responses) {
        body = R"({"model":"m","input":"Hi","reasoning":{"effort":"low","summary":"auto"}})";
    }
    if (client == AnswerShape::gemini) {
        body = R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":)"
               R"({"thinkingConfig":{"includeThoughts":true}}})";
    }
    Ask ask;
    ask.shape = client;
    ask.body = body;
    ask.model = "m";
    ask.stream = true;
    ask.include_usage = true;
    ask.id = "asked";
    Target target;
    target.dialect = upstream;
    target.model = "claude-sonnet-4-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    REQUIRE_FALSE(problem);
    return translation;
}

/// One event as it arrives. `data` in one line.
std::string event(const std::string& data, const std::string& name = {},
                  const std::string& end = "\n") {
    return (name.empty() ? "" : "event: " + name + end) + "data: " + data + end + end;
}

bool is_readable(std::string_view data) {
    wire::JsonKind kind{};
    return data == "[DONE]" || !wire::check_json(data, kind);
}

struct Outcome {
    std::string text;
    bool fine = true;
    std::size_t repeats = 0;
};

/// Each event of the text, as the proxy hands them over; `fast`: repeats are known as such. The
/// text arrives in two pieces, each in memory of its own.
Outcome told(Translation& translation, const std::string& text, std::size_t cut, bool fast) {
    Outcome out;
    wire::SseScanner scanner;
    wire::SseEvent one;
    bool known = true;
    std::size_t from = 0;
    for (const auto to : {cut, text.size()}) {
        const std::string piece = text.substr(from, to - from);
        std::string_view rest = piece;
        while (out.fine) {
            auto ahead = scanner;  // the meter has looked at all of it
            if (ahead.next(rest, one)) known = known && is_readable(one.data);
            if (fast && known && scanner.between()) {
                const auto size = translation.repeat(rest, out.text);
                out.fine = size == 0 || translation.lost() == nullptr;
                out.repeats += size == 0 ? 0 : 1;
                from += size;
                rest.remove_prefix(size);
                if (size != 0) continue;
            }
            if (!scanner.next(rest, one)) break;
            from += one.raw.size();
            rest.remove_prefix(one.raw.size());
            if (!one.has_data) continue;
            if (!fast) one.raw = {};
            out.fine = translation.event(one, out.text, known);
        }
    }
    if (out.fine) translation.end(out.text);
    return out;
}

/// Whether both ways say the same; how many events were known as repeats.
std::size_t check(AnswerShape client, Dialect upstream, const std::string& text,
                  std::size_t cut = 0) {
    const auto fast = asked(client, upstream);
    const auto slow = asked(client, upstream);
    const auto got = told(*fast, text, cut, true);
    const auto expected = told(*slow, text, cut, false);
    INFO(text);
    REQUIRE(got.text == expected.text);
    REQUIRE(got.fine == expected.fine);
    REQUIRE(fast->events() == slow->events());
    return got.repeats;
}

/// All pairs with this upstream.
std::size_t check_all(Dialect upstream, const std::string& text, std::size_t cut = 0) {
    std::size_t repeats = 0;
    for (const auto& client : kClients) {
        if (client.dialect != upstream) repeats += check(client.shape, upstream, text, cut);
    }
    return repeats;
}

using Random = std::mt19937;

/// What stands in the place of a piece; most of it are insides of strings.
std::string piece(Random& random) {
    static const std::vector<std::string> kPieces = {
        "a",          "lorem ipsum dolor sit amet, consectetur",
        "",           "\\n",
        "\\u00e9",    "\\ud83d",
        "\\ude00",    "\\ud83d\\ude00",
        "\\\"",       "\\\\",
        "{\\\"a\\\"", ":1}",
        "\xc3\xa9",   "\xf0\x9f\x98\x80",
        "\xc3",       " ",
        "\\u0000",    "]}",
        "data: x"};
    std::string out = kPieces[random() % kPieces.size()];
    if (random() % 3 == 0) out += kPieces[random() % kPieces.size()];
    return out;
}

/// A string, or what stands where one should.
std::string value(Random& random) {
    static const std::vector<std::string> kOthers = {"null", "7",    "{\"x\":1}",
                                                     "[]",   "true", "\"\""};
    if (random() % 12 == 0) return kOthers[random() % kOthers.size()];
    return '"' + piece(random) + '"';
}

std::string digits(Random& random) {
    return std::to_string(random() % (random() % 2 == 0 ? 10 : 100000));
}

std::string padding(Random& random, const std::string& name) {
    return random() % 4 == 0 ? ",\"" + name + "\":\"" + piece(random) + '"' : "";
}

/// An event of a kind; the same kind is told several times in a row.
std::string chat_event(Random& random, unsigned kind) {
    const auto chunk = [&](const std::string& delta, const std::string& more = "null") {
        return event(R"({"id":"c","model":"m","choices":[{"index":0,"delta":)" + delta +
                     R"(,"finish_reason":)" + more + "}]" + padding(random, "obfuscation") + "}");
    };
    const auto call = [&](const std::string& front) {
        return chunk(R"({"tool_calls":[{)" + front + R"("function":{"arguments":)" + value(random) +
                     "}}]}");
    };
    switch (kind % 12) {
        case 0:
            return chunk(R"({"reasoning_content":)" + value(random) + "}");
        case 1:
            return chunk(R"({"reasoning":)" + value(random) + "}");
        case 2:
            return chunk(R"({"refusal":)" + value(random) + "}");
        case 3:
            return chunk(R"({"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f",)"
                         R"("arguments":)" +
                         value(random) + "}}]}");
        case 4:
            return call(R"("index":0,)");
        case 5:
            return call(R"("index":1,"id":"b",)");
        case 6:
            return call("");
        case 7:
            return chunk(R"({"content":[{"type":"thinking","thinking":[{"text":)" + value(random) +
                         R"(}]},{"type":"text","text":)" + value(random) + "}]}");
        case 8:
            return chunk(R"({"content":[{"type":"text","text":)" + value(random) + "}]}",
                         random() % 4 == 0 ? R"("stop")" : "null");
        case 9:
            return chunk(R"({"content":)" + value(random) + R"(,"reasoning":)" + value(random) +
                         "}");
        default:
            return chunk(R"({"role":"assistant","content":)" + value(random) + "}");
    }
}

std::string messages_event(Random& random, unsigned kind) {
    const auto delta = [&](const std::string& index, const std::string& inner) {
        return event(
            R"({"type":"content_block_delta","index":)" + index + R"(,"delta":{)" + inner + "}}",
            random() % 9 == 0 ? "" : "content_block_delta");
    };
    switch (kind % 8) {
        case 0:
            return delta("0", R"("type":"thinking_delta","thinking":)" + value(random));
        case 1:
            return delta("0", R"("type":"signature_delta","signature":)" + value(random));
        case 2:
            return event(R"({"type":"content_block_start","index":1,"content_block":)"
                         R"({"type":"tool_use","id":"t","name":"f","input":{}}})");
        case 3:
            return delta("1", R"("type":"input_json_delta","partial_json":)" + value(random));
        case 4:
            return event(R"({"type":"content_block_stop","index":1})");
        default:
            return delta("0", R"("type":"text_delta","text":)" + value(random));
    }
}

std::string responses_event(Random& random, unsigned kind) {
    const auto piece_of = [&](const std::string& type, const std::string& place) {
        return event(R"({"type":"response.)" + type + R"(","sequence_number":)" + digits(random) +
                         "," + place + R"(,"delta":)" + value(random) +
                         padding(random, "obfuscation") + "}",
                     "response." + type);
    };
    switch (kind % 9) {
        case 0:
            return piece_of("reasoning_summary_text.delta", R"("item_id":"r","output_index":0)");
        case 1:
            return piece_of("refusal.delta", R"("item_id":"m","output_index":1)");
        case 2:
            return event(
                R"({"type":"response.output_item.added","output_index":2,"item":{"id":"f",)"
                R"("type":"function_call","call_id":"c","name":"f","arguments":""}})");
        case 3:
            return piece_of("function_call_arguments.delta", R"("item_id":"f","output_index":2)");
        case 4:
            return piece_of("output_text.delta", R"("output_index":0)");
        case 5:
            return event(R"({"type":"response.output_item.done","output_index":1,"item":{"id":"m",)"
                         R"("type":"message","content":[{"type":"output_text","text":)" +
                         value(random) + "}]}}");
        default:
            return piece_of("output_text.delta", R"("item_id":"m","output_index":1)");
    }
}

std::string gemini_event(Random& random, unsigned kind) {
    const auto chunk = [&](const std::string& parts, const std::string& more = "") {
        std::string counts;
        if (random() % 4 != 0) {
            counts = R"(,"usageMetadata":{"promptTokenCount":)" + digits(random) +
                     R"(,"candidatesTokenCount":)" + digits(random) + R"(,"totalTokenCount":)" +
                     digits(random) +
                     R"(,"promptTokensDetails":[{"modality":"TEXT","tokenCount":)" +
                     digits(random) + "}]}";
        }
        return event(R"({"candidates":[{"content":{"parts":[)" + parts + R"(],"role":"model"})" +
                         more + "}]" + counts + R"(,"modelVersion":"m"})",
                     "", random() % 5 == 0 ? "\n" : "\r\n");
    };
    switch (kind % 6) {
        case 0:
            return chunk(R"({"text":)" + value(random) + R"(,"thought":true})");
        case 1:
            return chunk(R"({"text":)" + value(random) + R"(},{"text":)" + value(random) + "}");
        case 2:
            return chunk(R"({"functionCall":{"name":"f","args":{"a":)" + value(random) + "}}}");
        case 3:
            return chunk(R"({"text":)" + value(random) + R"(,"thoughtSignature":"c2VhbA=="})",
                         random() % 3 == 0 ? R"(,"finishReason":"STOP")" : "");
        default:
            return chunk(R"({"text":)" + value(random) + "}");
    }
}

std::string converse_event(Random& random, unsigned kind) {
    const auto delta = [&](const std::string& index, const std::string& inner) {
        return event(R"({"contentBlockIndex":)" + index + R"(,"delta":{)" + inner + "}" +
                         padding(random, "p") + "}",
                     "contentBlockDelta");
    };
    switch (kind % 6) {
        case 0:
            return delta("0", R"("reasoningContent":{"text":)" + value(random) + "}");
        case 1:
            return event(R"({"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t",)"
                         R"("name":"f"}}})",
                         "contentBlockStart");
        case 2:
            return delta("1", R"("toolUse":{"input":)" + value(random) + "}");
        case 3:
            return event(R"({"contentBlockIndex":1})", "contentBlockStop");
        default:
            return delta("0", R"("text":)" + value(random));
    }
}

std::string random_event(Dialect upstream, Random& random, unsigned kind) {
    switch (upstream) {
        case Dialect::messages:
            return messages_event(random, kind);
        case Dialect::responses:
            return responses_event(random, kind);
        case Dialect::gemini:
            return gemini_event(random, kind);
        case Dialect::converse:
            return converse_event(random, kind);
        default:
            return chat_event(random, kind);
    }
}

/// Two plain events of text and what ends an answer.
std::string plain(Dialect upstream, const std::string& text, int number) {
    const auto count = std::to_string(number);
    switch (upstream) {
        case Dialect::messages:
            return event(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
                         R"("text":")" +
                             text + "\"}}",
                         "content_block_delta");
        case Dialect::responses:
            return event(R"({"type":"response.output_text.delta","sequence_number":)" + count +
                             R"(,"item_id":"m","output_index":0,"delta":")" + text +
                             R"(","logprobs":[],"obfuscation":"x9"})",
                         "response.output_text.delta");
        case Dialect::gemini:
            return event(R"({"candidates":[{"content":{"parts":[{"text":")" + text +
                             R"("}],"role":"model"},"index":0}],"usageMetadata":)"
                             R"({"promptTokenCount":9,"candidatesTokenCount":)" +
                             count + R"(,"totalTokenCount":)" + std::to_string(9 + number) + "}}",
                         "", "\r\n");
        case Dialect::converse:
            return event(
                R"({"contentBlockIndex":0,"delta":{"text":")" + text + R"("},"p":"abcdef"})",
                "contentBlockDelta");
        default:
            return event(R"({"id":"c","choices":[{"index":0,"delta":{"content":")" + text +
                         R"("},"finish_reason":null}],"obfuscation":"q"})");
    }
}

}  // namespace

TEST_CASE("Events that differ in their text are known as repeats, for every pair") {
    for (const auto upstream : kUpstreams) {
        CAPTURE(static_cast<int>(upstream));
        std::string text;
        for (int i = 0; i < 20; ++i) {
            text += plain(upstream, i % 3 == 0 ? "a" : "longer, with \\\"escapes\\\"", i + 5);
        }
        // The first one begins the answer as well.
        const auto clients = upstream == Dialect::converse ? 4 : 3;
        CHECK(check_all(upstream, text) == 18 * static_cast<std::size_t>(clients));
    }
}

TEST_CASE("A stream says the same wherever it is cut") {
    for (const auto upstream : kUpstreams) {
        std::string text;
        for (int i = 0; i < 4; ++i) text += plain(upstream, std::string(i + 1, 'x'), i * 7);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) check_all(upstream, text, cut);
    }
}

TEST_CASE("Every mutation of an event says what it says when it is read by itself") {
    const std::string bytes = "\"\\{}[],:0a \n\r\x01\xff";
    for (const auto upstream : kUpstreams) {
        const auto base = plain(upstream, "he\\nllo", 12);
        const auto client = upstream == Dialect::chat ? AnswerShape::messages : AnswerShape::chat;
        const auto follows = [&](const std::string& event) {
            check(client, upstream, base + base + event + base);
        };
        for (std::size_t at = 0; at <= base.size(); ++at) {
            for (const char byte : bytes) {
                follows(std::string(base).insert(at, 1, byte));
                if (at == base.size()) continue;
                auto changed = base;
                changed[at] = byte;
                follows(changed);
            }
            follows(std::string(base).erase(at, 1));
            follows(base.substr(0, at));
        }
    }
}

TEST_CASE("Random streams of odd events say the same both ways") {
    Random random(12);
    std::size_t repeats = 0;
    for (int stream = 0; stream < 400; ++stream) {
        for (const auto upstream : kUpstreams) {
            std::string text = plain(upstream, "a", 1);
            unsigned kind = 0;
            for (int i = 0; i < 25; ++i) {
                if (i == 0 || random() % 3 == 0) kind = static_cast<unsigned>(random());
                if (random() % 15 == 0) text += ": alive\n\n";
                text += random() % 30 == 0 ? plain(upstream, "b", i)
                                           : random_event(upstream, random, kind);
            }
            repeats += check_all(upstream, text, random() % text.size());
        }
    }
    CHECK(repeats > 5000);
}

TEST_CASE("What is remembered of an event is bounded, and little of a stream without repeats") {
    const auto with_id = [](std::size_t size) {
        return event(R"({"id":")" + std::string(size, 'i') +
                     R"(","choices":[{"index":0,"delta":{"content":"a"}}]})");
    };
    const auto repeats = [&](const std::vector<std::size_t>& sizes) {
        std::string text;
        for (const auto size : sizes) text += with_id(size);
        return check(AnswerShape::messages, Dialect::chat, text);
    };
    CHECK(repeats({9, 9, 9, 9}) == 2);
    CHECK(repeats({900, 900, 900}) == 1);
    CHECK(repeats({1100, 1100, 1100}) == 0);
    std::vector<std::size_t> changing;
    for (std::size_t i = 0; i < 100; ++i) changing.push_back(i);
    changing.insert(changing.end(), 20, 3);  // it comes to rest: found again soon
    const auto found = repeats(changing);
    CHECK(found >= 11);
    CHECK(found < 20);
}
