#include "wire/sse.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Event {
    std::string data;
    std::string name;
    bool has_data = true;
    bool operator==(const Event&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Event& event) {
    return out << event.name << '|' << event.data << '|' << event.has_data;
}

/// A reader as the relay is one: appends what comes, consumes events, keeps the rest.
class Reader {
  public:
    void feed(std::string_view bytes) {
        // Moved to a block of its own size each time, so that stale pointers show up in a
        // sanitizer.
        buffer_ = std::string(buffer_).append(bytes);
        SseEvent event;
        while (scanner_.next(buffer_, event)) {
            take(event);
            buffer_.erase(0, event.raw.size());
        }
    }
    void end() {
        SseEvent event;
        if (scanner_.finish(buffer_, event)) {
            take(event);
            buffer_.erase(0, event.raw.size());
        }
        raw += buffer_;
    }

    std::vector<Event> events;  // blocks without any field are left out
    std::vector<std::string> raws;
    std::string raw;  // all raw slices and the rest

  private:
    void take(const SseEvent& event) {
        CHECK(event.raw.data() == buffer_.data());
        raws.emplace_back(event.raw);
        raw += event.raw;
        if (!event.has_data && event.name.empty()) return;
        events.push_back({std::string(event.data), std::string(event.name), event.has_data});
    }

    SseScanner scanner_;
    std::string buffer_;
};

Reader read_whole(std::string_view stream) {
    Reader reader;
    reader.feed(stream);
    reader.end();
    return reader;
}

/// Feeds the stream whole, byte by byte and cut at every position; the events must be the same.
std::vector<Event> events_of(const std::string& stream) {
    const Reader whole = read_whole(stream);
    CHECK(whole.raw == stream);
    Reader bytes;
    for (const char c : stream) bytes.feed({&c, 1});
    bytes.end();
    CHECK(bytes.events == whole.events);
    CHECK(bytes.raw == stream);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        Reader split;
        split.feed(std::string_view(stream).substr(0, cut));
        split.feed(std::string_view(stream).substr(cut));
        split.end();
        CHECK(split.events == whole.events);
        CHECK(split.raw == stream);
    }
    return whole.events;
}

std::string with_line_end(std::string_view text, std::string_view line_end) {
    std::string out;
    for (const char c : text) out += c == '\n' ? std::string(line_end) : std::string(1, c);
    return out;
}

}  // namespace

TEST_CASE("A stream gives the same events with every line end and every cut") {
    const std::string_view stream =
        ": OPENROUTER PROCESSING\n\nevent: message\nid: 7\nretry: 10\ndata: {\"a\":1}\n\n"
        "data:{\"b\":2}\n\ndata: one\ndata:\ndata: two\n\n\ndata: [DONE]\n\n";
    const std::vector<Event> expected{
        {"{\"a\":1}", "message"}, {"{\"b\":2}", ""}, {"one\n\ntwo", ""}, {"[DONE]", ""}};
    for (const char* line_end : {"\n", "\r\n", "\r"}) {
        CAPTURE(line_end);
        CHECK(events_of(with_line_end(stream, line_end)) == expected);
    }
}

TEST_CASE("Fields are read as the standard says") {
    struct Row {
        const char* title;
        const char* stream;
        std::vector<Event> expected;
    };
    const std::vector<Row> rows{
        {"only one space is stripped", "data:  x \n\n", {{" x ", ""}}},
        {"a tab is not a space", "data:\tx\n\n", {{"\tx", ""}}},
        {"a colon in the value", "data: a: b\n\n", {{"a: b", ""}}},
        {"data without a colon", "data\n\n", {{"", ""}}},
        {"empty data", "data:\n\n", {{"", ""}}},
        {"two empty lines of data", "data\ndata\n\n", {{"\n", ""}}},
        {"field names have a case", "Data: x\n\n", {}},
        {"a space before the colon makes another field", "data : x\n\n", {}},
        {"a leading space makes another field", " data: x\n\n", {}},
        {"longer names are other fields", "datax: x\ndat: y\neventually: z\n\n", {}},
        {"comments are not data", ":data: x\n\n", {}},
        {"a comment inside an event", "data: a\n: ping\ndata: b\n\n", {{"a\nb", ""}}},
        {"an event without data", "event: ping\n\n", {{"", "ping", false}}},
        {"the last name counts", "event: a\nevent: b\ndata: x\n\n", {{"x", "b"}}},
        {"a name does not survive its event",
         "event: a\ndata: x\n\ndata: y\n\n",
         {{"x", "a"}, {"y", ""}}},
        {"an error field is an error event",
         "error: {\"code\":400}\n\n",
         {{"{\"code\":400}", "error"}}},
        {"blank lines are no events", "\n\n\ndata: x\n\n\n\n", {{"x", ""}}},
        {"mixed line ends",
         "data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\n\rdata: e\n\n",
         {{"a\nb\nc", ""}, {"d", ""}, {"e", ""}}},
        {"no blank line at the end", "data: a\n\ndata: [DONE]\n", {{"a", ""}, {"[DONE]", ""}}},
        {"no line end at the end", "data: a\n\ndata: [DONE]", {{"a", ""}, {"[DONE]", ""}}},
        {"a bare CR at the end", "data: a\r", {{"a", ""}}},
        {"a cut event", "event: x\nda", {{"", "x", false}}},
        {"a BOM at the start",
         "\xEF\xBB\xBF"
         "data: x\n\n",
         {{"x", ""}}},
        {"a BOM only at the start",
         "data: x\n\n\xEF\xBB\xBF"
         "data: y\n\n",
         {{"x", ""}}},
        {"half a BOM",
         "\xEF\xBB"
         "data: x\n\ndata: y\n\n",
         {{"y", ""}}},
        {"a BOM before a blank line", "\xEF\xBB\xBF\n\ndata: x\n\n", {{"x", ""}}},
        {"8-bit bytes", "data: \xff\xc3\n\n", {{"\xff\xc3", ""}}},
        {"nothing", "", {}},
        {"white space", " \r\n \n", {}},
    };
    for (const Row& row : rows) {
        INFO(row.title);
        CHECK(events_of(row.stream) == row.expected);
    }
}

TEST_CASE("A NUL byte is data like any other") {
    CHECK(events_of(std::string("data: a\0b\n\n", 11)) ==
          std::vector<Event>{{std::string("a\0b", 3), ""}});
}

TEST_CASE("The raw bytes of an event reach to the end of its blank line") {
    const auto raws = [](std::string_view stream) { return read_whole(stream).raws; };
    using Raws = std::vector<std::string>;
    CHECK(raws("data: a\n\ndata: b\n\n") == Raws{"data: a\n\n", "data: b\n\n"});
    CHECK(raws(": x\n\ndata: b") == Raws{": x\n\n", "data: b"});
    CHECK(raws("data: a\r\n\r\ndata: b\r\n\r\n") == Raws{"data: a\r\n\r\n", "data: b\r\n\r\n"});
    CHECK(raws("data: a\r\rdata: b\r\r") == Raws{"data: a\r\r", "data: b\r\r"});
    CHECK(raws("data: a\n\n\n") == Raws{"data: a\n\n", "\n"});
}

TEST_CASE("Data of one line is a slice of the buffer") {
    const std::string stream = "event: x\ndata: {\"a\":1}\n\n";
    SseScanner scanner;
    SseEvent event;
    REQUIRE(scanner.next(stream, event));
    CHECK(event.raw == stream);
    CHECK(event.data.data() == stream.data() + 15);
    CHECK(event.name.data() == stream.data() + 7);
}

TEST_CASE("An event is handed out with its last byte, not one read later") {
    for (const char* stream : {"data: a\n\n", "data: a\r\r", "data: a\r\n\r\n", "data: a\r\n\n"}) {
        CAPTURE(stream);
        Reader reader;
        reader.feed(stream);
        CHECK(reader.events.size() == 1);
    }
    Reader reader;
    reader.feed("data: a\r\n\r");
    CHECK(reader.events.empty());  // the LF will come, and belongs to this event
    reader.feed("\ndata: b\r\n\r\n");
    CHECK(reader.raws == std::vector<std::string>{"data: a\r\n\r\n", "data: b\r\n\r\n"});
}

TEST_CASE("An event of 10 MB in small reads costs linear time and arrives whole") {
    const std::string payload(10'000'000, 'A');
    const std::string stream = "data: " + payload + "\n\ndata: x\n\n";
    // The buffer of a real reader does not move with every read.
    std::string buffer;
    buffer.reserve(stream.size());
    SseScanner scanner;
    SseEvent event;
    std::size_t at = 0;
    bool found = false;
    while (!found) {
        buffer.append(stream, at, 1000);
        at += 1000;
        found = scanner.next(buffer, event);
    }
    CHECK(event.data == payload);
    buffer.erase(0, event.raw.size());
    buffer.append(stream, std::min(at, stream.size()));
    REQUIRE(scanner.next(buffer, event));
    CHECK(event.data == "x");
}

TEST_CASE("A scanner that was reset knows nothing of the stream before") {
    SseScanner scanner;
    SseEvent event;
    CHECK_FALSE(scanner.next("event: old\ndata: half", event));
    scanner.reset();
    REQUIRE(
        scanner.next("\xEF\xBB\xBF"
                     "data: new\n\n",
                     event));
    CHECK(event.data == "new");
    CHECK(event.name.empty());
}
