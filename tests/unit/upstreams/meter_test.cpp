#include "upstreams/meter.hpp"

#include <catch2/catch.hpp>

#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using understudy::wire::AnswerShape;
using Verdict = StreamMeter::Verdict;

namespace {

net::MemoryBudget budget{64 << 20};

/// Of a stream that is in gzip.
StreamMeter::Coded coded(net::MemoryBudget& memory) {
    StreamMeter::Coded coded;
    coded.decoder = std::make_unique<Decoder>(memory, wire::Coding::gzip);
    return coded;
}

const std::string kRole = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const std::string kHello =
    "data: {\"model\":\"m-1\",\"service_tier\":\"default\","
    "\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const std::string kFinish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string kUsage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n";
const std::string kDone = "data: [DONE]\n\n";
const std::string kError = "data: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n";
const std::string kPing = ": ping\n\n";

/// What a client and a bookkeeper see of one stream.
struct Seen {
    std::string forwarded;
    Verdict verdict = Verdict::none;  // the first that decides
    std::string error;
    std::uint64_t events = 0;
    std::uint32_t content = 0;
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::string model;
    bool finish = false;
    bool done = false;
    bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& s) {
    return out << static_cast<int>(s.verdict) << s.finish << s.done << ' ' << s.events << ' '
               << s.content << ' ' << s.prompt << '/' << s.completion << ' ' << s.error << '\n'
               << s.forwarded;
}

/// The meter's user, as an attempt is one: keeps what is not ready, moves its buffer all the time.
class Relay {
  public:
    Relay(AnswerShape shape, bool gzip, bool drop)
        : meter(shape, gzip ? coded(budget) : StreamMeter::Coded(), drop) {}

    void feed(std::string_view bytes) {
        buffer_ = std::string(buffer_).append(bytes);
        note(meter.scan(buffer_));
        take();
    }
    void end() {
        note(meter.scan_rest(buffer_));
        take();
        CHECK(buffer_.empty());
    }
    Seen seen() {
        const auto& facts = meter.facts();
        seen_.error = meter.error_json();
        seen_.events = meter.progress();
        seen_.content = facts.content_events;
        seen_.prompt = facts.usage ? facts.usage->prompt : 0;
        seen_.completion = facts.usage ? facts.usage->completion : 0;
        seen_.model = facts.model;
        seen_.finish = facts.finish;
        seen_.done = facts.done;
        return seen_;
    }
    StreamMeter meter;

  private:
    void note(Verdict verdict) {
        if (seen_.verdict == Verdict::none) seen_.verdict = verdict;
    }
    void take() {
        std::size_t last = 0;
        for (const auto& span : meter.ready()) {
            REQUIRE(span.begin >= last);
            REQUIRE(span.end <= meter.source_end());
            REQUIRE(span.size() > 0);
            last = span.end;
            seen_.forwarded += span.of(meter.source(buffer_));
        }
        buffer_.erase(0, meter.ready_end());
        meter.take();
    }
    std::string buffer_;
    Seen seen_;
};

Seen run(const std::vector<std::string>& pieces, bool drop = false, bool gzip = false,
         AnswerShape shape = AnswerShape::chat) {
    Relay relay(shape, gzip, drop);
    for (const auto& piece : pieces) relay.feed(piece);
    relay.end();
    return relay.seen();
}

/// Whole, byte by byte, and split at every position: the same bytes and the same facts.
Seen run_every_way(const std::string& stream, bool drop = false) {
    const auto whole = run({stream}, drop);
    std::vector<std::string> bytes;
    for (const char c : stream) bytes.emplace_back(1, c);
    CHECK(run(bytes, drop) == whole);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        const auto split = run({stream.substr(0, cut), stream.substr(cut)}, drop);
        if (split == whole) continue;
        CAPTURE(cut);
        CHECK(split == whole);
    }
    return whole;
}

Verdict first(const std::string& stream) {
    StreamMeter meter(AnswerShape::chat, {}, false);
    return meter.scan(stream);
}

std::string gzip(const std::string& text) {
    z_stream z{};
    REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(text.size() + 256, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

const std::string kWhole = kPing + kRole + kHello + kHello + kFinish + kUsage + kDone;

}  // namespace

TEST_CASE("Content, a tool call or a proper end commits; pings, roles and nonsense never do") {
    CHECK(first(kHello) == Verdict::commit);
    CHECK(first(kFinish) == Verdict::commit);
    CHECK(first("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
                "{\"name\":\"f\"}}]}}]}\n\n") == Verdict::commit);
    CHECK(first(kRole + kHello) == Verdict::commit);
    CHECK(first("") == Verdict::none);
    CHECK(first(kPing) == Verdict::none);
    CHECK(first(kRole) == Verdict::none);
    CHECK(first(kPing + kRole + kPing) == Verdict::none);
    CHECK(first(kUsage) == Verdict::none);
    CHECK(first(kDone) == Verdict::none);
    CHECK(first("data: \n\n") == Verdict::none);
    CHECK(first("data: {not json\n\n") == Verdict::none);
    CHECK(first("event: ping\ndata: {}\n\n") == Verdict::none);
    CHECK(first("data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n") == Verdict::none);
    CHECK(first(kHello.substr(0, kHello.size() - 1)) == Verdict::none);  // not whole yet
}

TEST_CASE("The first thing that decides wins, in one read as in several") {
    CHECK(first(kError) == Verdict::error);
    CHECK(first(kRole + kPing + kError + kHello) == Verdict::error);
    CHECK(first(kHello + kError) == Verdict::commit);
    const auto seen = run_every_way(kRole + kError + kDone);
    CHECK(seen.verdict == Verdict::error);
    CHECK(seen.error == "{\"error\":{\"message\":\"busy\",\"code\":503}}");
    CHECK_FALSE(seen.finish);

    const auto late = run_every_way(kHello + kError + kError + kDone);
    CHECK(late.verdict == Verdict::commit);
    CHECK(late.forwarded == kHello + kError + kError + kDone);
    CHECK_FALSE(late.error.empty());
}

TEST_CASE("A stream is passed on byte for byte and metered alike, however it was split") {
    const auto seen = run_every_way(kWhole);
    CHECK(seen.forwarded == kWhole);
    CHECK(seen.events == 5);
    CHECK(seen.content == 2);
    CHECK(seen.prompt == 7);
    CHECK(seen.completion == 3);
    CHECK(seen.model == "m-1");
    CHECK(seen.finish);
    CHECK(seen.done);
}

TEST_CASE("Other line ends, comments inside events and rests pass through as they are") {
    std::string crlf;
    for (const char c : kWhole) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    CHECK(run_every_way(crlf).forwarded == crlf);
    std::string cr = kWhole;
    for (char& c : cr) c = c == '\n' ? '\r' : c;
    CHECK(run_every_way(cr).forwarded == cr);
    for (const std::string& odd :
         {"\xEF\xBB\xBF" + kFinish + kDone, kFinish + "\n\n\n" + kDone,
          ": a\n" + kHello + "id: 7\n\n", kFinish + "retry: 10\n\nevent: x\n\n" + kDone,
          kHello + "data: a\ndata: b\n\n", kHello + "data: {\"cut",
          kFinish + std::string("data: \0\xFF\n\n", 10) + kDone, std::string("\n"),
          std::string("no events at all"), std::string()}) {
        CHECK(run_every_way(odd).forwarded == odd);
    }
}

TEST_CASE("A last event without its blank line still counts") {
    auto seen = run_every_way(kHello + kFinish.substr(0, kFinish.size() - 2));
    CHECK(seen.finish);
    seen = run_every_way(kFinish + "data: [DONE]");
    CHECK(seen.done);
    CHECK(seen.forwarded == kFinish + "data: [DONE]");
}

TEST_CASE("The end marker of an answer without a finish_reason is held back") {
    const auto seen = run_every_way(kHello + kDone);
    CHECK(seen.done);
    CHECK_FALSE(seen.finish);
    CHECK(seen.forwarded == kHello);
}

TEST_CASE("An end that names a failure is passed on, and no end marker behind it") {
    const auto failed = [](const std::string& reason) {
        return "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" + reason + "\"}]}\n\n";
    };
    for (const std::string reason : {"error", "abort", "overloaded_error"}) {
        CHECK(run_every_way(kHello + failed(reason) + kDone).forwarded == kHello + failed(reason));
    }
    // Of several choices one has come to its end.
    const std::string both =
        "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n";
    CHECK(run_every_way(kHello + kFinish + both + kDone).forwarded == kHello + kFinish + both);
    // What a library raises needs no other words.
    CHECK(run_every_way(kHello + failed("error") + kError + kDone).forwarded ==
          kHello + failed("error") + kError + kDone);
}

TEST_CASE("A message's end marker counts only behind how it ended") {
    const auto after = [](const std::string& delta) {
        const std::string text =
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
        const std::string stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        Relay relay(AnswerShape::messages, false, false);
        relay.feed(text + delta + stop);
        relay.end();
        const auto seen = relay.seen();
        CHECK(seen.done);
        CHECK(seen.forwarded == text + delta + (seen.finish ? stop : std::string()));
        return seen.finish;
    };
    const auto delta = [](const std::string& reason) {
        return "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
               "\"stop_reason\":" +
               reason + "}}\n\n";
    };
    CHECK(after(delta("\"end_turn\"")));
    CHECK_FALSE(after(""));
    CHECK_FALSE(after(delta("null")));
    CHECK_FALSE(after(delta("\"api_error\"")));
}

TEST_CASE("A stream of parts is open until its closing event or marker") {
    const auto open = [](std::initializer_list<const char*> types) {
        Relay relay(AnswerShape::transcription, false, false);
        for (const char* const type : types) {
            relay.feed(*type == '[' ? "data: [DONE]\n\n"
                                    : "data: {\"type\":\"" + std::string(type) + "\"}\n\n");
        }
        return relay.meter.facts().open;
    };
    CHECK(open({"transcript.text.delta"}));
    CHECK(open({"transcript.text.segment"}));
    CHECK(open({"speech.audio.delta", "speech.audio.delta"}));
    CHECK(open({"image_edit.partial_image"}));
    CHECK_FALSE(open({"transcript.text.delta", "transcript.text.done"}));
    CHECK_FALSE(open({"image_generation.partial_image", "image_generation.completed"}));
    CHECK_FALSE(open({"speech.audio.delta", "[DONE]"}));
    CHECK_FALSE(open({"whatever"}));
}

TEST_CASE("Of several pictures the last closing event ends the stream, or its marker") {
    const std::string part = "data: {\"type\":\"image_generation.partial_image\"}\n\n";
    const std::string closing = "data: {\"type\":\"image_generation.completed\"}\n\n";
    for (const std::uint64_t expected : {0, 1, 2, 3}) {
        CAPTURE(expected);
        Relay relay(AnswerShape::images, false, false);
        relay.meter.expect(expected);
        for (std::uint64_t seen = 1; seen <= 3; ++seen) {
            relay.feed(part);
            CHECK(relay.meter.facts().open);
            relay.feed(closing);
            CHECK_FALSE(relay.meter.facts().open);
            CHECK(relay.meter.facts().finish);
            CHECK(relay.meter.facts().done == (expected != 0 && seen >= expected));
        }
        relay.feed("data: [DONE]\n\n");
        CHECK(relay.meter.facts().done);
    }
}

TEST_CASE("A usage of null that we asked for is cut out of every event, and nothing else") {
    const auto chunk = [](const std::string& usage, const std::string& rest = "") {
        return "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":null,x\"}}]" + usage +
               rest + "}\n\n";
    };
    const std::string null = ",\"usage\":null";
    const std::string more = ",\"obfuscation\":\"ab\"";
    CHECK(
        run_every_way(chunk(null) + chunk(null, more) + kFinish + kUsage + kDone, true).forwarded ==
        chunk("") + chunk("", more) + kFinish + kDone);
    CHECK(run_every_way(chunk(", \"usage\": null", more), true).forwarded == chunk("", more));
    // In front of everything, and beside another of the name.
    CHECK(run_every_way("data: {\"usage\":null,\"choices\":[]}\n\n", true).forwarded ==
          "data: {\"choices\":[]}\n\n");
    const std::string inner = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"usage\":null}]";
    CHECK(run_every_way(inner + null + "}\n\n", true).forwarded == inner + "}\n\n");
    // A client that asked sees it.
    CHECK(run_every_way(chunk(null), false).forwarded == chunk(null));
}

TEST_CASE("The usage event we asked for is metered and dropped, and nothing else is") {
    const auto seen = run_every_way(kWhole, true);
    CHECK(seen.forwarded == kPing + kRole + kHello + kHello + kFinish + kDone);
    CHECK(seen.prompt == 7);
    // It is the last of the stream, without its blank line.
    CHECK(run_every_way(kHello + kUsage.substr(0, kUsage.size() - 2), true).forwarded == kHello);
    // Usage beside content belongs to the client.
    const std::string both =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    CHECK(run_every_way(both + kFinish + kUsage + kDone, true).forwarded == both + kFinish + kDone);
    // Two in a row, and one in front.
    CHECK(run_every_way(kUsage + kFinish + kUsage + kUsage + kDone, true).forwarded ==
          kFinish + kDone);
    // An empty choices array without usage is a content filter's preamble (Azure), not ours.
    const std::string azure = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    CHECK(run_every_way(azure + kHello, true).forwarded == azure + kHello);
    // A client that asked for it gets it.
    CHECK(run_every_way(kWhole, false).forwarded == kWhole);
}

TEST_CASE("Dropping leaves at most the line feed of a blank line behind, split between CR and LF") {
    const std::string usage = kUsage.substr(0, kUsage.size() - 2) + "\r\n\r\n";
    const std::string stream = "data: {}\r\n\r\n" + usage + "data: {\"id\":1}\r\n\r\n";
    const std::string expected = "data: {}\r\n\r\ndata: {\"id\":1}\r\n\r\n";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        const auto got = run({stream.substr(0, cut), stream.substr(cut)}, true).forwarded;
        const bool fine = got == expected || got == "data: {}\r\n\r\n\ndata: {\"id\":1}\r\n\r\n";
        CAPTURE(cut, got);
        CHECK(fine);
    }
}

TEST_CASE("Usage reported in several events is the largest of each count, never a sum") {
    const auto chunk = [](int prompt, int completion) {
        return "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],"
               "\"usage\":{\"prompt_tokens\":" +
               std::to_string(prompt) + ",\"completion_tokens\":" + std::to_string(completion) +
               "}}\n\n";
    };
    const auto seen = run_every_way(chunk(7, 1) + chunk(7, 2) + chunk(7, 3) + kDone);
    CHECK(seen.prompt == 7);
    CHECK(seen.completion == 3);
}

TEST_CASE("Progress is what brings the answer forward, once") {
    const std::vector<std::pair<std::string, std::uint64_t>> steps = {
        {kPing, 0},
        {"event: ping\n\nid: 1\n\n", 0},
        {"event: ping\ndata: {}\n\n", 0},
        {"data: {\"type\":\"keepalive\"}\n\n", 0},
        {kRole, 0},
        {"data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n", 0},
        {"data: not json\n\n", 0},
        {kHello, 1},
        {kHello, 1},
        {kRole, 0},
        {kFinish, 1},
        {kFinish, 0},
        {kUsage, 1},
        {kUsage, 0},
        {kDone, 1},
        {kDone, 0},
    };
    StreamMeter meter(AnswerShape::chat, {}, false);
    std::string payload;
    std::uint64_t expected = 0;
    for (const auto& [event, forward] : steps) {
        CAPTURE(event);
        meter.scan(payload += event);
        CHECK(meter.progress() == (expected += forward));
    }
}

TEST_CASE("Content takes a finish back, whichever choice it belongs to; a later one restores it") {
    const std::string both =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n";
    const std::string text_both =
        "data: {\"choices\":[{\"text\":\"x\",\"finish_reason\":\"stop\"}]}\n\n";
    const std::string text = "data: {\"choices\":[{\"text\":\"x\"}]}\n\n";
    const auto finish = [](const std::string& stream, AnswerShape shape = AnswerShape::chat) {
        return run({stream}, false, false, shape).finish;
    };
    CHECK(finish(kHello + kFinish));
    CHECK_FALSE(finish(kFinish + kHello));
    CHECK(finish(kFinish + kHello + kFinish));
    CHECK(finish(kHello + kFinish + kRole + kUsage + kPing));
    CHECK(finish(both + both));
    CHECK_FALSE(finish(both + kHello));
    CHECK(finish(text_both + text_both, AnswerShape::completion));
    CHECK_FALSE(finish(text_both + text, AnswerShape::completion));
    // Where it was taken back once, a finish alone no longer says that this is all.
    Relay relay(AnswerShape::chat, false, false);
    relay.feed(both);
    CHECK_FALSE(relay.meter.facts().doubtful);
    relay.feed(both);
    CHECK(relay.meter.facts().finish);
    CHECK(relay.meter.facts().doubtful);
}

TEST_CASE("Of several choices each that said something needs a finish of its own") {
    const auto say = [](int index, const char* text) {
        return "data: {\"choices\":[{\"index\":" + std::to_string(index) +
               ",\"delta\":{\"content\":\"" + text + "\"}}]}\n\n";
    };
    const auto end = [](int index) {
        return "data: {\"choices\":[{\"index\":" + std::to_string(index) +
               ",\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    };
    const auto finish = [](const std::string& stream, AnswerShape shape = AnswerShape::chat) {
        const auto whole = run({stream}, false, false, shape);
        CHECK(run({stream.substr(0, 90), stream.substr(90)}, false, false, shape) == whole);
        return whole.finish;
    };
    CHECK_FALSE(finish(say(0, "a") + say(1, "b") + end(0)));
    CHECK_FALSE(finish(say(0, "a") + say(1, "b") + end(1)));
    CHECK_FALSE(finish(say(0, "a") + end(0) + say(1, "b")));
    CHECK(finish(say(0, "a") + end(0) + say(1, "b") + end(1)));
    CHECK(finish(say(0, "a") + say(1, "b") + say(0, "c") + end(1) + end(0)));
    CHECK(finish(say(1, "b") + end(1) + kUsage));
    CHECK_FALSE(finish(say(0, "a") + end(0) + say(1, "b") + end(1) + say(0, "c")));
    CHECK(finish(say(0, "a") + say(5, "b") + end(0) + end(5) + end(3)));
    CHECK_FALSE(finish(say(0, "a") + say(300, "b") + end(0)));
    const std::string two =
        R"(data: {"choices":[{"delta":{"content":"x"}},{"delta":{"content":"y"}}]})"
        "\n\n";
    CHECK_FALSE(finish(two + end(0)));
    CHECK(finish(two + end(0) + end(1)));
    // A list of prompts makes as many choices.
    const std::string text = R"(data: {"choices":[{"index":1,"text":"x"}]})"
                             "\n\n";
    CHECK_FALSE(finish(say(0, "a") + text + end(0), AnswerShape::completion));
    const auto candidate = [](const char* more) {
        return std::string(R"(data: {"candidates":[{"content":{"parts":[{"text":"x"}]})") + more +
               "}]}\n\n";
    };
    const auto first = candidate(""), second = candidate(R"(,"index":1)");
    const auto first_end = candidate(R"(,"finishReason":"STOP")");
    const auto second_end = candidate(R"(,"finishReason":"MAX_TOKENS","index":1)");
    CHECK_FALSE(finish(first + second + first_end, AnswerShape::gemini));
    CHECK_FALSE(finish(first + second_end, AnswerShape::gemini));
    CHECK(finish(first + second + second_end + first_end, AnswerShape::gemini));
}

TEST_CASE("What we asked for is taken out of an event, and nothing else") {
    const auto forwarded = [](const std::string& data) {
        return run_every_way("data: " + data + "\n\n", true).forwarded;
    };
    const std::string usage = R"("usage":{"prompt_tokens":7,"completion_tokens":3})";
    // Nothing else is in them.
    CHECK(forwarded("{" + usage + "}").empty());
    CHECK(forwarded(R"({"id":"x","model":"m","choices":null,)" + usage + "}").empty());
    CHECK(forwarded(R"({"choices": [ ], "system_fingerprint":"f", "x":null, )" + usage + " }")
              .empty());
    // Something is.
    const auto data = [](const std::string& text) { return "data: " + text + "\n\n"; };
    CHECK(forwarded(R"({"choices":[],)" + usage + R"(,"timings":{"n":1}})") ==
          data(R"({"choices":[],"timings":{"n":1}})"));
    CHECK(forwarded("{" + usage + R"(, "timings":{"n":1} })") == data(R"({"timings":{"n":1} })"));
    CHECK(forwarded(R"({"timings":{"n":1.50} , )" + usage + "}") ==
          data(R"({"timings":{"n":1.50}})"));
    CHECK(forwarded("{" + usage + R"(,"a":1,)" + usage + "}") == data(R"({"a":1})"));
}

TEST_CASE("What decodes to megabytes is decoded in slices, in memory that counts") {
    std::string pings;
    for (int i = 0; i < 100000; ++i) pings += kPing;
    const auto packed = gzip(pings + kHello);
    StreamMeter meter(AnswerShape::chat, coded(budget), false);
    int turns = 0;
    auto verdict = Verdict::none;
    do {
        const auto before = meter.decoded();
        verdict = meter.scan(packed);
        CHECK(meter.decoded() - before <= Decoder::kSlice);
        ++turns;
    } while (meter.backlog() && verdict == Verdict::none);
    CHECK(verdict == Verdict::commit);
    CHECK(turns > 2);

    net::MemoryBudget small{100 << 10};
    StreamMeter poor(AnswerShape::chat, coded(small), false);
    CHECK(poor.scan(gzip("data: " + std::string(1 << 20, 'x'))) == Verdict::no_memory);
}

TEST_CASE("Several events in one read are one range, unless something between is dropped") {
    StreamMeter meter(AnswerShape::chat, {}, true);
    const auto payload = kRole + kHello + kUsage + kFinish + kDone + "data: {";
    CHECK(meter.scan(payload) == Verdict::commit);
    REQUIRE(meter.ready().size() == 2);
    CHECK(meter.ready()[0].of(payload) == kRole + kHello);
    CHECK(meter.ready()[1].of(payload) == kFinish + kDone);
    CHECK(meter.ready_end() == payload.size() - 7);
    meter.take();
    CHECK(meter.ready().empty());
    CHECK(meter.ready_end() == 0);
}

TEST_CASE("A stream given up is passed on as it comes, from where it stood") {
    Relay relay(AnswerShape::chat, false, true);
    relay.feed(kHello + "data: {\"choices\"");
    relay.meter.give_up();
    CHECK(relay.meter.gave_up());
    relay.feed(":[");
    relay.feed("]}\n\n" + kUsage);
    relay.end();
    const auto seen = relay.seen();
    CHECK(seen.forwarded == kHello + "data: {\"choices\":[]}\n\n" + kUsage);
    CHECK(seen.prompt == 7);  // which is read all the same
    CHECK(seen.content == 1);
}

TEST_CASE("An unreadable stream commits with its first byte") {
    StreamMeter meter(AnswerShape::chat, {}, false);
    meter.give_up();
    CHECK(meter.scan("") == Verdict::none);
    CHECK(meter.progress() == 0);
    CHECK(meter.scan("x") == Verdict::commit);
}

TEST_CASE("A compressed stream is metered through its coding and passed on as it is") {
    const auto packed = gzip(kWhole);
    const auto whole = run({packed}, false, true);
    CHECK(whole.forwarded == packed);
    CHECK(whole.verdict == Verdict::commit);
    CHECK(whole.prompt == 7);
    CHECK(whole.content == 2);
    CHECK(whole.finish);
    CHECK(whole.done);
    for (std::size_t cut = 0; cut <= packed.size(); ++cut) {
        const auto split = run({packed.substr(0, cut), packed.substr(cut)}, false, true);
        REQUIRE(split == whole);
    }
    std::vector<std::string> bytes;
    for (const char c : packed) bytes.emplace_back(1, c);
    CHECK(run(bytes, false, true) == whole);
}

TEST_CASE("Where something of ours may have to be taken out, a compressed stream is decoded") {
    const std::string timed =
        R"(data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3},"timings":{}})"
        "\n\n";
    const auto stream = kRole + kHello + kFinish + timed + kUsage + kDone;
    const auto plain = run({stream}, true);
    const auto packed = gzip(stream);
    const auto whole = run({packed}, true, true);
    CHECK(whole == plain);
    CHECK(whole.forwarded.find("usage") == std::string::npos);
    for (std::size_t cut = 0; cut <= packed.size(); ++cut) {
        REQUIRE(run({packed.substr(0, cut), packed.substr(cut)}, true, true) == whole);
    }
    std::vector<std::string> bytes;
    for (const char c : packed) bytes.emplace_back(1, c);
    CHECK(run(bytes, true, true) == whole);
    // Half an event at the end of a stream that broke is not passed on.
    StreamMeter meter(AnswerShape::chat, coded(budget), true);
    const auto cut = gzip(kHello + "data: {\"choi");
    meter.scan(cut);
    const auto end = meter.source_end();
    CHECK(end == kHello.size());
    const auto events = meter.events();
    meter.scan_rest(cut);
    meter.hold_back(end, events);
    CHECK(meter.events() == 1);
    REQUIRE(meter.ready().size() == 1);
    CHECK(meter.ready()[0].of(meter.source(cut)) == kHello);
    // And where events are too large to be judged, all is.
    Relay relay(AnswerShape::chat, true, true);
    relay.feed(gzip(kHello + "data: {\"choices\":[{\"delta\":{\"content\":\"long"));
    relay.meter.give_up();
    relay.feed("");
    CHECK(relay.seen().forwarded == kHello + "data: {\"choices\":[{\"delta\":{\"content\":\"long");
}

TEST_CASE("A compressed error event is an error, and a broken coding is unreadable") {
    CHECK(run({gzip(kRole + kError)}, false, true).verdict == Verdict::error);
    StreamMeter meter(AnswerShape::chat, coded(budget), false);
    CHECK(meter.scan("this is not gzip at all, whatever the head said") == Verdict::unreadable);
}

TEST_CASE("The last event of a compressed stream counts without its blank line too") {
    const auto seen = run({gzip(kHello + "data: [DONE]")}, false, true);
    CHECK(seen.done);
}

TEST_CASE("The responses API ends with its own events") {
    const std::string delta =
        "event: response.output_text.delta\n"
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n";
    const std::string completed =
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":"
        "{\"model\":\"m-2\",\"usage\":{\"input_tokens\":4,\"output_tokens\":2}}}\n\n";
    const auto seen = run({delta + completed}, true, false, AnswerShape::responses);
    CHECK(seen.forwarded == delta + completed);
    CHECK(seen.verdict == Verdict::commit);
    CHECK(seen.done);
    CHECK(seen.finish);
    CHECK(seen.prompt == 4);
    CHECK(seen.completion == 2);
    const std::string failed =
        "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"x\"}}}\n\n";
    CHECK(run({failed}, true, false, AnswerShape::responses).verdict == Verdict::error);
}

TEST_CASE(
    "A key in a compressed stream is a leak, and masked where the stream is passed on decoded") {
    const std::string key = "sk-secret-0123456789";
    KeyMask mask;
    mask.add(key);
    const auto said = "data: {\"choices\":[{\"delta\":{\"content\":\"" + key + "\"}}]}\n\n";
    const auto packed = gzip(kRole + said + kFinish + kDone);
    StreamMeter meter(AnswerShape::chat, coded(budget), false, &mask);
    CHECK(meter.scan(packed) == Verdict::leak);

    auto stars = kRole + said + kFinish + kDone;
    stars.replace(stars.find(key), key.size(), std::string(key.size(), '*'));
    for (std::size_t cut = 0; cut <= packed.size(); ++cut) {
        auto decoding = coded(budget);
        decoding.pass_decoded = true;
        StreamMeter decoded(AnswerShape::chat, std::move(decoding), false, &mask);
        std::string passed;
        const auto take = [&](std::string_view payload) {
            for (const auto& span : decoded.ready()) passed += span.of(decoded.source(payload));
            const auto used = decoded.ready_end();
            decoded.take();
            return used;
        };
        decoded.scan(std::string_view(packed).substr(0, cut));
        const auto used = take(std::string_view(packed).substr(0, cut));
        decoded.scan(std::string_view(packed).substr(used));
        take(std::string_view(packed).substr(used));
        REQUIRE(passed == stars);
        CHECK(decoded.facts().done);
    }
}

TEST_CASE(
    "An error about a key is held, with what is behind it, where events are passed on as such") {
    const std::string json =
        R"({"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}})";
    const auto refused = "data: " + json + "\n\n";
    const auto seen = run_every_way(kHello + refused + kUsage + kDone);
    CHECK(seen.forwarded == kHello);
    CHECK(seen.error == json);
    const auto packed = gzip(kHello + refused);
    CHECK(run({packed}, false, true).forwarded == packed);
    // The client has the first one already: what follows is as it came.
    CHECK(run_every_way(kHello + kError + refused).forwarded == kHello + kError + refused);
}
