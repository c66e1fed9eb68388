#include "wire/event_stream.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace understudy::wire;
using Kind = EventStreamMessage::Kind;

namespace {

std::string bytes_of(std::uint32_t number) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xffU);
    return out;
}

std::string sum_of(const std::string& bytes) {
    return bytes_of(static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()))));
}

std::string framed(const std::string& headers, const std::string& payload) {
    auto out = bytes_of(static_cast<std::uint32_t>(16 + headers.size() + payload.size())) +
               bytes_of(static_cast<std::uint32_t>(headers.size()));
    out += sum_of(out);
    out += headers + payload;
    return out + sum_of(out);
}

std::string header(const std::string& name, const std::string& value) {
    return static_cast<char>(name.size()) + name + '\7' + static_cast<char>(value.size() >> 8U) +
           static_cast<char>(value.size() & 0xffU) + value;
}

std::string event(const std::string& type, const std::string& payload) {
    return framed(header(":event-type", type) + header(":content-type", "application/json") +
                      header(":message-type", "event"),
                  payload);
}

std::string from_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return out;
}

const char* problem_of(const std::string& bytes) {
    EventStreamScanner scanner;
    EventStreamMessage message;
    REQUIRE_FALSE(scanner.next(bytes, message));
    REQUIRE_FALSE(scanner.next(bytes, message));  // and nothing behind it
    return scanner.problem();
}

}  // namespace

TEST_CASE("A message as AWS's own library writes it") {
    const auto bytes = from_hex(
        "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74"
        "656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d7479706507000565"
        "76656e747b22726f6c65223a22617373697374616e74227d6fa8c599");
    REQUIRE(bytes.size() == 118);
    EventStreamScanner scanner;
    EventStreamMessage message;
    REQUIRE(scanner.next(bytes, message));
    CHECK(message.raw == bytes);
    CHECK(message.kind == Kind::event);
    CHECK(message.type == "messageStart");
    CHECK(message.content_type == "application/json");
    CHECK(message.payload == R"({"role":"assistant"})");
    CHECK(bytes == event("messageStart", R"({"role":"assistant"})"));
}

TEST_CASE("Messages come out whole, wherever the stream is split") {
    const std::vector<std::pair<std::string, std::string>> said{
        {"messageStart", R"({"role":"assistant"})"},
        {"contentBlockDelta", R"({"delta":{"text":"Hi"},"contentBlockIndex":0})"},
        {"messageStop", "{}"},
        {"empty", ""}};
    std::string stream;
    for (const auto& [type, payload] : said) stream += event(type, payload);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        EventStreamScanner scanner;
        EventStreamMessage message;
        std::size_t from = 0;
        std::size_t found = 0;
        for (const auto here : {cut, stream.size()}) {
            while (scanner.next(std::string_view(stream).substr(from, here - from), message)) {
                REQUIRE(message.type == said[found].first);
                REQUIRE(message.payload == said[found].second);
                from += message.raw.size();
                ++found;
            }
            REQUIRE(scanner.problem() == nullptr);
            REQUIRE(scanner.needed() > here - from);
        }
        REQUIRE(found == said.size());
        REQUIRE(from == stream.size());
    }
}

TEST_CASE("Exceptions and errors are told apart from events") {
    const auto exception = framed(
        header(":exception-type", "throttlingException") + header(":message-type", "exception"),
        R"({"message":"Slow down"})");
    EventStreamScanner scanner;
    EventStreamMessage message;
    REQUIRE(scanner.next(exception, message));
    CHECK(message.kind == Kind::exception);
    CHECK(message.type == "throttlingException");
    const auto error =
        framed(header(":error-code", "InternalFailure") + header(":error-message", "Broken") +
                   header(":message-type", "error"),
               "");
    REQUIRE(scanner.next(error, message));
    CHECK(message.kind == Kind::error);
    CHECK(message.type == "InternalFailure");
    CHECK(message.error_message == "Broken");
    CHECK(message.payload.empty());
}

TEST_CASE("Headers of every type are stepped over") {
    const auto named = [](const char* name, char type, const std::string& value) {
        return std::string(1, static_cast<char>(std::string(name).size())) + name + type + value;
    };
    const auto headers = named("t", 0, "") + named("f", 1, "") + named("b", 2, "1") +
                         named("s", 3, "12") + named("i", 4, "1234") + named("l", 5, "12345678") +
                         named("y", 6, std::string("\0\3abc", 5)) + named("d", 8, "12345678") +
                         named("u", 9, "1234567890123456") + header(":message-type", "event");
    EventStreamScanner scanner;
    EventStreamMessage message;
    const auto bytes = framed(headers, "x");  // the message points into it
    REQUIRE(scanner.next(bytes, message));
    CHECK(message.payload == "x");
    // One whose name is known and whose value is no text says nothing.
    CHECK(problem_of(framed(named(":message-type", 6, std::string("\0\5event", 7)), "")) !=
          nullptr);
}

TEST_CASE("A bit that has changed anywhere is seen") {
    const auto good = event("messageStop", "{}");
    for (std::size_t i = 0; i < good.size() * 8; ++i) {
        auto bad = good;
        bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
        CAPTURE(i);
        REQUIRE(problem_of(bad) != nullptr);
    }
}

TEST_CASE("Lengths are refused before anything is waited for") {
    const auto prelude = [](std::uint32_t total, std::uint32_t headers) {
        auto out = bytes_of(total) + bytes_of(headers);
        return out + sum_of(out);
    };
    CHECK(problem_of(prelude(15, 0)) != nullptr);
    CHECK(problem_of(prelude(0, 0)) != nullptr);
    CHECK(problem_of(prelude(100, 85)) != nullptr);
    CHECK(problem_of(prelude(0xffffffff, 0)) != nullptr);
    CHECK(problem_of(prelude(0xffffffff, 0xffffffff)) != nullptr);
    CHECK(problem_of(prelude(200'000, 128 * 1024 + 1)) != nullptr);
    CHECK(problem_of(prelude(24 * 1024 * 1024 + 17, 0)) != nullptr);
    EventStreamScanner scanner;
    EventStreamMessage message;
    CHECK_FALSE(scanner.next(prelude(24 * 1024 * 1024 + 16, 0), message));
    CHECK(scanner.problem() == nullptr);
    CHECK(scanner.needed() == 24 * 1024 * 1024 + 16);
}

TEST_CASE("Headers that cannot be read are refused, right checksums or not") {
    for (const std::string& headers :
         {std::string("\0", 1), std::string("\5ab", 3), std::string("\1a\12", 3),
          std::string("\1a\7", 3), std::string("\1a\7\0\5abc", 8), std::string("\1a\5abc", 6),
          std::string("\1a", 2), std::string()}) {
        CAPTURE(headers);
        CHECK(problem_of(framed(headers, "{}")) != nullptr);
    }
}

namespace {

/// The text that these bytes become, and what is left of them behind it.
struct Converted {
    std::string text, rest;
    std::string problem;
};

Converted converted(std::string bytes, std::size_t most = 1 << 20) {
    EventStreamText stream(most);
    const auto step = stream.convert(bytes.data(), bytes.size());
    return {bytes.substr(0, step.text), bytes.substr(step.used),
            stream.problem() == nullptr ? "" : stream.problem()};
}

}  // namespace

TEST_CASE("Messages become server-sent events where they stand") {
    const auto exception = [](const std::string& type, const std::string& payload) {
        return framed(header(":exception-type", type) + header(":message-type", "exception"),
                      payload);
    };
    struct Row {
        const char* title;
        std::string bytes, text;
    };
    const Row rows[] = {
        {"an event", event("messageStop", R"({"stopReason":"end_turn"})"),
         "event: messageStop\ndata: {\"stopReason\":\"end_turn\"}\n\n"},
        {"lines in its JSON", event("messageStop", "{\n\"a\":\r1}"),
         "event: messageStop\ndata: { \"a\": 1}\n\n"},
        {"an empty one", event("contentBlockStop", ""), "event: contentBlockStop\ndata: {}\n\n"},
        {"one without a type", framed(header(":message-type", "event"), "{}"),
         "event: \ndata: {}\n\n"},
        {"a type that would end the line", event("a\nb:\r", "{}"), "event: ab\ndata: {}\n\n"},
        {"an exception", exception("throttlingException", R"({"message":"Slow"})"),
         "event: error\ndata: {\"__type\":\"throttlingException\",\"message\":\"Slow\"}\n\n"},
        {"one that says nothing", exception("x", " { } "),
         "event: error\ndata: {\"__type\":\"x\"} \n\n"},
        {"one that is no object", exception("x", "7"),
         "event: error\ndata: {\"__type\":\"x\"}\n\n"},
        {"one without a name", exception("", R"({"message":"m"})"),
         "event: error\ndata: {\"message\":\"m\"}\n\n"},
        {"an error",
         framed(header(":error-code", "Internal\nFailure") +
                    header(":error-message", "It \"broke\"\n\\") + header(":message-type", "error"),
                ""),
         "event: error\ndata: {\"__type\":\"InternalFailure\",\"message\":\"It 'broke' /\"}\n\n"},
        {"an error that says nothing", framed(header(":message-type", ""), ""),
         "event: error\ndata: {}\n\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.title);
        const auto one = converted(row.bytes);
        CHECK(one.text == row.text);
        CHECK(one.rest.empty());
        CHECK(one.problem.empty());
        CHECK(one.text.size() <= row.bytes.size());
        // Of several, and of one that has only begun, the whole ones.
        const auto several = converted(row.bytes + row.bytes + row.bytes.substr(0, 20));
        CHECK(several.text == row.text + row.text);
        CHECK(several.rest == row.bytes.substr(0, 20));
    }
}

TEST_CASE("What stands in front of a broken message is text, and nothing behind it") {
    const auto good = event("messageStart", "{}");
    auto bad = good;
    bad.back() = static_cast<char>(bad.back() ^ 1);
    const auto seen = converted(good + bad + good);
    CHECK(seen.text == "event: messageStart\ndata: {}\n\n");
    CHECK(seen.problem == "event stream: a message does not match its checksum");
    CHECK(converted(event("a", std::string(200, ' ')).substr(0, 12), 100).problem.find("larger") !=
          std::string::npos);
    CHECK(converted(event("a", std::string(200, ' ')).substr(0, 11), 100).problem.empty());
}
