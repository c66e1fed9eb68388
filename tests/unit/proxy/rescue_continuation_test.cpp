// The events of a second server as the rest of the stream of the first.
#include "proxy/rescue/chat/continuation.hpp"
#include "tests/unit/proxy/rescue_support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;
using State = ChatContinuation::State;

namespace {

ContinuationOptions options(Rung rung, bool usage = false) {
    ContinuationOptions out;
    out.rung = rung;
    out.usage_asked = usage;
    out.upstream = "backup";
    out.model = "model-two";
    out.failure = "timeout";
    return out;
}

std::string second(const Json& delta, const Json& finish = nullptr) {
    return chunk_data(delta, finish, "two");
}

std::string usage_data(const Json& usage) {
    auto chunk = Json::parse(second(Json::object()));
    chunk["choices"] = Json::array();
    chunk["usage"] = usage;
    return chunk.dump();
}

std::string feed_all(ChatContinuation& continuation, const std::vector<std::string>& events) {
    std::string out;
    for (const auto& data : events) continuation.feed(data, out);
    return out;
}

}  // namespace

TEST_CASE("The rest reads as one answer: one id, one role, one finish") {
    const auto first = transcript_of("The quick");
    ChatContinuation continuation(first, options(Rung::prefill));
    std::string out;
    CHECK(continuation.feed(second({{"role", "assistant"}, {"content", ""}}), out) ==
          State::holding);
    CHECK(out.empty());
    CHECK(continuation.feed(second({{"content", " brown"}}), out) == State::flowing);
    CHECK(continuation.feed(second({{"role", "assistant"}, {"content", " fox"}}), out) ==
          State::flowing);
    CHECK(continuation.feed("[DONE]", out) == State::flowing);  // hides nothing
    CHECK(continuation.feed(second(Json::object(), "stop"), out) == State::finished);
    continuation.feed(second(Json::object(), "stop"), out);
    continuation.feed(second({{"content", ""}}, "length"), out);
    continuation.feed("[DONE]", out);

    const auto heard = hear(out);
    CHECK(heard.text == " brown fox");
    CHECK(heard.roles == 0);
    CHECK(heard.finishes == 1);
    CHECK(heard.done == 1);
    CHECK(heard.comments ==
          std::vector<std::string>{": understudy rescue backup/model-two after timeout, prefill"});
    CHECK(out.starts_with(": understudy rescue"));
    for (const auto& chunk : heard.chunks) {
        CHECK(chunk["id"] == "chatcmpl-one");
        CHECK(chunk["created"] == 1);
        CHECK(chunk["model"] == "model-one");
        CHECK(chunk["system_fingerprint"] == "fp_one");
    }
}

TEST_CASE("What the second server adds stays, and what it says of itself does not") {
    ChatTranscript first;
    first.sent(
        "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\","
        "\"content\":\"x\"}}]}\n\n");
    const auto told = [&](const std::string& data) {
        ChatContinuation continuation(first, options(Rung::prefill));
        std::string out;
        continuation.feed(data, out);
        const auto at = out.find("data: ") + 6;
        return out.substr(at, out.size() - at - 2);
    };
    struct Row {
        const char* data;
        const char* told;
    };
    const std::vector<Row> rows{
        {R"({ "id":"b", "model":"n", "new" : [1e2], "choices":[ {"delta":{ "content" : "y", "z":0 }} ] })",
         R"({ "id":"a", "model":"m", "new" : [1e2], "choices":[ {"delta":{ "content" : "y", "z":0 }} ] })"},
        // What the first did not say of itself goes, what only the first had comes.
        {R"({"system_fingerprint":"fp","choices":[{"delta":{"content":"y"}}],"service_tier":"x"})",
         R"({"id":"a","model":"m","choices":[{"delta":{"content":"y"}}]})"},
        // A role goes with its comma, wherever it stands.
        {R"({"id":"b","model":"n","choices":[{"delta":{"role":"assistant","content":"y"}}]})",
         R"({"id":"a","model":"m","choices":[{"delta":{"content":"y"}}]})"},
        {R"({"id":"b","model":"n","choices":[{"delta":{"content":"y","role":"assistant"}}]})",
         R"({"id":"a","model":"m","choices":[{"delta":{"content":"y"}}]})"},
        // Data of several lines becomes one.
        {"{\"id\":\"b\",\n\"model\":\"n\",\"choices\":[{\"delta\":{\"content\":\"y\"}}]}",
         "{\"id\":\"a\", \"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"y\"}}]}"},
    };
    for (const Row& row : rows) CHECK(told(row.data) == row.told);
}

TEST_CASE("The first role comes from whoever sends it") {
    ChatTranscript first;  // no role, and nothing but a thought
    first.sent(event_of(chunk_data({{"reasoning_content", "Hm."}})));
    ChatContinuation continuation(first, options(Rung::restart));
    const auto heard =
        hear(feed_all(continuation, {second({{"role", "assistant"}, {"content", ""}}),
                                     second({{"role", "assistant"}, {"content", "y"}})}));
    CHECK(heard.roles == 1);
    CHECK(heard.text == "y");
}

TEST_CASE("Held text comes out before what ends it") {
    const auto first = transcript_of("It was decided to build the bridge in three stages");
    SECTION("a finish") {
        ChatContinuation continuation(first, options(Rung::instruct));
        std::string out;
        continuation.feed(second({{"content", "in three stages"}}), out);
        continuation.feed(second({{"content", ", too."}}), out);
        continuation.feed(second(Json::object(), "stop"), out);
        const auto heard = hear(out);
        CHECK(heard.text == ", too.");
        CHECK(heard.finishes == 1);
        CHECK(continuation.state() == State::finished);
    }
    SECTION("a finish right behind the last words") {
        ChatContinuation continuation(first, options(Rung::instruct));
        std::string out;
        continuation.feed(second({{"content", "in three stages"}}), out);
        CHECK(out.empty());
        continuation.feed(second(Json::object(), "stop"), out);
        CHECK(hear(out).text.empty());
        CHECK(hear(out).finishes == 1);
        CHECK(hear(out).chunks[0]["model"] == "model-one");
    }
    SECTION("a tool call") {
        ChatContinuation continuation(first, options(Rung::prefill));
        std::string out;
        continuation.feed(second({{"content", "It was decided to build the br"}}), out);
        CHECK(out.empty());
        continuation.feed(second({{"tool_calls", {{{"index", 0}, {"id", "c"}}}}}), out);
        CHECK(hear(out).text == "It was decided to build the br");
        CHECK(hear(out).chunks.back()["choices"][0]["delta"].contains("tool_calls"));
    }
}

TEST_CASE("Another answer gives nothing at all") {
    const auto first = transcript_of("The quick brown fox");
    ChatContinuation continuation(first, options(Rung::restart));
    std::string out;
    continuation.feed(second({{"content", "The quick"}}), out);
    continuation.feed(second({{"content", " red fox"}}), out);
    CHECK(continuation.state() == State::diverged);
    continuation.feed(second(Json::object(), "stop"), out);
    continuation.feed("[DONE]", out);
    CHECK(out.empty());
    // So is one that talks where it was asked to go on, or says nothing.
    for (const char* other : {"I'm sorry, but I can't help with that.", ""}) {
        ChatContinuation talk(first, options(Rung::instruct));
        CHECK(
            feed_all(talk, {second({{"content", other}}), second(Json::object(), "stop")}).empty());
        CHECK(talk.state() == State::diverged);
    }
    // An answer that ends before it has said as much is another one, too.
    ChatContinuation shorter(first, options(Rung::restart));
    CHECK(feed_all(shorter, {second({{"content", "The quick"}}), second(Json::object(), "stop")})
              .empty());
    CHECK(shorter.state() == State::diverged);
}

TEST_CASE("Errors of the second stream are its attempt's affair") {
    const auto first = transcript_of("The quick");
    ChatContinuation continuation(first, options(Rung::prefill));
    const auto heard =
        hear(feed_all(continuation, {R"({"error":{"message":"no"}})", R"({"choices":[],"x":1})",
                                     second({{"content", " brown"}})}));
    CHECK(heard.text == " brown");
    CHECK(heard.chunks.size() == 1);
}

TEST_CASE("Thoughts that were shown are not shown again, and none once the text has begun") {
    const Json again{
        {"reasoning_content", "Let me think about the bridge and the river first. Then"}};
    SECTION("the same") {
        const auto first = transcript_of(std::vector<Json>{again});
        ChatContinuation continuation(first, options(Rung::restart));
        const auto heard = hear(feed_all(
            continuation, {second({{"reasoning_content", "Let me think about the bridge"}}),
                           second({{"reasoning_content", " and the river first. Then the pier."}}),
                           second({{"content", "So"}})}));
        CHECK(heard.reasoning == " the pier.");
        CHECK(heard.text == "So");
    }
    SECTION("others") {
        const auto first = transcript_of(std::vector<Json>{again});
        ChatContinuation continuation(first, options(Rung::restart));
        const auto heard =
            hear(feed_all(continuation, {second({{"reasoning_content", "Let me see."}}),
                                         second({{"reasoning_content", " A bridge."}})}));
        CHECK(heard.reasoning == "\n\nLet me see. A bridge.");
    }
    SECTION("under another name, and twice") {
        const auto first = transcript_of(std::vector<Json>{{{"reasoning_content", "Hm"}}});
        ChatContinuation continuation(first, options(Rung::restart));
        const auto heard = hear(feed_all(
            continuation,
            {second({{"reasoning", "Hm, so"},
                     {"reasoning_details", {{{"type", "reasoning.text"}, {"text", "Hm, so"}}}}}),
             second({{"reasoning", " it is"}})}));
        CHECK(heard.reasoning == ", so it is");
        CHECK_FALSE(heard.chunks[0]["choices"][0]["delta"].contains("reasoning_details"));
    }
    SECTION("behind text") {
        const auto first = transcript_of("The quick");
        ChatContinuation continuation(first, options(Rung::prefill));
        const auto out = feed_all(
            continuation, {second({{"reasoning_content", "Hm"}}), second({{"content", " brown"}}),
                           second({{"reasoning_content", "Hm"}, {"content", " fox"}})});
        CHECK(hear(out).reasoning.empty());
        CHECK(hear(out).text == " brown fox");
        CHECK(hear(out).chunks.size() == 2);
    }
}

TEST_CASE("Lists of parts are told as text") {
    const auto first = transcript_of("The quick");
    ChatContinuation continuation(first, options(Rung::prefill));
    const Json thinking = {
        {{"type", "thinking"}, {"thinking", {{{"type", "text"}, {"text", "Hm"}}}}}};
    const Json text = {{{"type", "text"}, {"text", " brown"}}};
    const auto heard = hear(
        feed_all(continuation, {second({{"content", thinking}}), second({{"content", text}}),
                                second({{"content", thinking}}), second({{"content", " fox"}})}));
    CHECK(heard.text == " brown fox");
    CHECK(heard.chunks.size() == 2);
}

TEST_CASE("Usage is what the client was given: the prompt once, and all of the answer") {
    const Json reported{{"prompt_tokens", 120},
                        {"completion_tokens", 30},
                        {"total_tokens", 150},
                        {"prompt_tokens_details", {{"cached_tokens", 118}}},
                        {"cost", 0.5}};
    const auto usage_of = [&](const ChatTranscript& first, Rung rung, const std::string& text,
                              Json usage, const Json& before = {}) {
        ChatContinuation continuation(first, options(rung, true));
        std::vector<std::string> events;
        if (!before.empty()) events.push_back(second(before));
        events.push_back(second({{"content", text}}));
        events.push_back(second(Json::object(), "stop"));
        events.push_back(usage_data(usage));
        const auto heard = hear(feed_all(continuation, events));
        return heard.chunks.back()["usage"];
    };
    auto first = transcript_of(std::vector<Json>{{{"content", "The"}}, {{"content", " quick"}}});
    auto usage = usage_of(first, Rung::prefill, " brown", reported);
    CHECK(usage["prompt_tokens"] == 118);
    CHECK(usage["completion_tokens"] == 32);
    CHECK(usage["total_tokens"] == 150);
    CHECK(usage["prompt_tokens_details"]["cached_tokens"] == 118);
    CHECK(usage["cost"] == 0.5);

    usage = usage_of(first, Rung::restart, "The quick brown", reported);
    CHECK(usage["prompt_tokens"] == 120);
    CHECK(usage["completion_tokens"] == 30);

    usage = usage_of(first, Rung::instruct, "The quick brown", reported);
    CHECK(usage["prompt_tokens"] == 16);  // without the instruction and the beginning
    CHECK(usage["completion_tokens"] == 2 + 30 - 2);
    CHECK(usage["prompt_tokens_details"]["cached_tokens"] == 16);

    // What the first stream told of itself is better than any estimate.
    first.sent(event_of(R"({"choices":[{"delta":{"content":" brown"}}],"usage":)"
                        R"({"prompt_tokens":90,"completion_tokens":5,"total_tokens":95}})"));
    usage = usage_of(first, Rung::prefill, " fox", reported);
    CHECK(usage["prompt_tokens"] == 90);
    CHECK(usage["completion_tokens"] == 35);
    CHECK(usage["total_tokens"] == 125);

    // So is what its upstream has reported and nobody has told the client.
    wire::Usage apart;
    apart.prompt = 80;
    apart.cache_read = 20;
    auto quiet = transcript_of("The quick");
    quiet.note_prompt(apart);
    usage = usage_of(quiet, Rung::instruct, "The quick brown", reported);
    CHECK(usage["prompt_tokens"] == 80);
    CHECK(usage["completion_tokens"] == 1 + 30 - 2);
    first.note_prompt(apart);  // it was told another one
    usage = usage_of(first, Rung::prefill, " fox", reported);
    CHECK(usage["prompt_tokens"] == 90);

    // Thoughts that were not passed on were not delivered.
    Json thought = reported;
    thought["completion_tokens_details"] = {{"reasoning_tokens", 20}};
    usage = usage_of(first, Rung::prefill, " fox", thought, {{"reasoning_content", "Hm"}});
    CHECK(usage["completion_tokens"] == 15);
    CHECK(usage["completion_tokens_details"]["reasoning_tokens"] == 0);
}

TEST_CASE(
    "What is left out at the seam is counted by its events, and the prompt is the client's own") {
    std::vector<Json> parts;
    for (const char* word : {"It", " was", " a", " bright", " cold", " day", " in", " April"})
        parts.push_back({{"content", word}});
    const auto first = transcript_of(parts);
    auto asked = options(Rung::instruct, true);
    const auto usage_of = [&](const std::vector<std::string>& pieces, int prompt) {
        ChatContinuation continuation(first, asked);
        std::vector<std::string> events;
        for (const auto& piece : pieces) events.push_back(second({{"content", piece}}));
        events.push_back(second(Json::object(), "stop"));
        events.push_back(usage_data({{"prompt_tokens", prompt},
                                     {"completion_tokens", pieces.size()},
                                     {"total_tokens", prompt + pieces.size()}}));
        const auto heard = hear(feed_all(continuation, events));
        CHECK(heard.text == ", and the clocks");
        return heard.chunks.back()["usage"];
    };
    const std::vector<std::string> all{"It",  " was",   " a",    " bright", " cold",  " day",
                                       " in", " April", ", and", " the",    " clocks"};
    for (std::size_t begins = 0; begins <= 5; ++begins) {
        CAPTURE(begins);
        const auto usage =
            usage_of({all.begin() + static_cast<std::ptrdiff_t>(begins), all.end()}, 300);
        CHECK(usage["completion_tokens"] == 8 + 3);
    }
    // Wrappers are left out as well, and a phrase is more than a token.
    auto wrapped = all;
    wrapped.insert(wrapped.begin(), "\"");
    wrapped.push_back("\"");
    CHECK(usage_of(wrapped, 300)["completion_tokens"] <= 8 + 4);
    CHECK(usage_of({"bright cold day in April", ", and", " the", " clocks"},
                   300)["completion_tokens"] == 8 + 4 - 24 / 4);
    // Its tokens are fewer than those that were reckoned to have been added.
    asked.asked_tokens = 12;
    CHECK(usage_of(all, 90)["prompt_tokens"] == 12);
    CHECK(usage_of(all, 9)["prompt_tokens"] == 9);
    // Whoever counts so few has not counted what was added.
    CHECK(usage_of(all, 20)["prompt_tokens"] == 20);
}

TEST_CASE("Usage that nobody asked for is left out, and what rides on it is not") {
    const auto first = transcript_of("The quick");
    ChatContinuation continuation(first, options(Rung::prefill));
    auto riding = Json::parse(usage_data({{"prompt_tokens", 9}, {"completion_tokens", 1}}));
    riding["timings"] = {{"n", 1}};
    const auto heard = hear(
        feed_all(continuation,
                 {second({{"content", " brown"}}), second(Json::object(), "stop"),
                  usage_data({{"prompt_tokens", 9}, {"completion_tokens", 1}}), riding.dump()}));
    REQUIRE(heard.chunks.size() == 3);
    CHECK_FALSE(heard.chunks.back().contains("usage"));
    CHECK(heard.chunks.back()["timings"]["n"] == 1);
    CHECK(heard.chunks.back()["id"] == "chatcmpl-one");
}

TEST_CASE("The stream keeps its form, and a name cannot break it") {
    ChatTranscript first;
    first.sent("data: " + chunk_data({{"role", "assistant"}, {"content", "The"}}) + "\r\n\r\n");
    auto chosen = options(Rung::prefill);
    chosen.model = "two\n\ndata: x";
    ChatContinuation continuation(first, chosen);
    const auto out = feed_all(continuation, {second({{"content", " quick"}})});
    CHECK(
        out.starts_with(": understudy rescue backup/two  data: x after timeout, prefill\r\n\r\n"));
    CHECK(out.ends_with("}\r\n\r\n"));
}
