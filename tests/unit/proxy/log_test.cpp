#include "proxy/log.hpp"

#include "wire/json_scan.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <limits>

using namespace understudy::proxy;
using namespace understudy::wire;
using namespace std::string_literals;

namespace {

std::string decoded_member(const std::string& object, std::string_view name) {
    std::vector<JsonMember> members;
    Span range;
    REQUIRE_FALSE(scan_object(object, members, range));
    for (const auto& member : members) {
        if (key_equals(member.key.of(object), name)) {
            return decode_string(member.value.of(object)).value_or("?");
        }
    }
    return "absent";
}

}  // namespace

TEST_CASE("A text line names its fields and quotes only what needs it") {
    CHECK(format_text("listening", {}) == "listening");
    CHECK(format_text("request", {{"id", "a-1"},
                                  {"status", std::uint64_t{200}},
                                  {"ms", std::uint64_t{834}},
                                  {"ratio", 0.25},
                                  {"model", "gpt 4"},
                                  {"trace", "openai/x;ok;200;1ms, b;-"},
                                  {"empty", ""},
                                  {"eq", "a=b"}}) ==
          R"(request id=a-1 status=200 ms=834 ratio=0.25 model="gpt 4" )"
          R"(trace="openai/x;ok;200;1ms, b;-" empty="" eq="a=b")");
}

TEST_CASE("A JSON line is one object without its braces, numbers as numbers") {
    CHECK(format_json("request", {{"id", "a"}, {"status", std::uint64_t{200}}, {"ratio", 0.5}}) ==
          R"("event":"request","id":"a","status":200,"ratio":0.5)");
    CHECK(format_json("e", {{"stream", true}, {"cost_usd", LogNumber{"0.000198"}}}) ==
          R"("event":"e","stream":true,"cost_usd":0.000198)");
    CHECK(format_text("e", {{"stream", false}, {"cost_usd", LogNumber{"12"}}}) ==
          "e stream=false cost_usd=12");
    const auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(format_json("e", {{"n", most}}) == R"("event":"e","n":18446744073709551615)");
}

TEST_CASE("No value can begin a line, end a field or forge another") {
    for (const auto& hostile :
         {"a\nrequest id=forged"s, "a\r\nb"s, "x status=200"s, "\"quoted\""s, "a\\"s, "\\\""s,
          "\x1b[31mred\x1b[0m"s, "a\0b"s, "\x7f"s, "\",\"level\":\"off"s, "{}"s, "\xC3\xA9"s,
          "\xE2\x80\xA8"s, "%v %l %s {}"s}) {
        const auto text = format_text("request", {{"model", hostile}, {"last", "1"}});
        CHECK(text.find('\n') == std::string::npos);
        CHECK(text.find('\r') == std::string::npos);
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find('\0') == std::string::npos);
        REQUIRE(text.starts_with("request model="));
        REQUIRE(text.ends_with(" last=1"));
        const auto value = text.substr(14, text.size() - 14 - 7);
        CHECK((value == hostile || decode_string(value) == hostile));

        const auto json = '{' + format_json("request", {{"model", hostile}, {"last", "1"}}) + '}';
        CHECK(json.find('\n') == std::string::npos);
        CHECK(decoded_member(json, "model") == hostile);
        CHECK(decoded_member(json, "last") == "1");
        CHECK(decoded_member(json, "level") == "absent");
    }
}

TEST_CASE("Bytes that are not UTF-8 do not spoil a line") {
    for (const auto& broken : {"\xFF"s, "\xC0\x80"s, "\xC3"s, "\xED\xA0\x80"s}) {
        const auto json = '{' + format_json("request", {{"model", broken}}) + '}';
        CHECK(json.find(broken) == std::string::npos);
        CHECK(decoded_member(json, "model") != "?");
        CHECK(format_text("request", {{"model", broken}}).find(broken) == std::string::npos);
    }
}

TEST_CASE("Numbers that JSON does not have are not written as such") {
    JsonKind kind{};
    for (const double n :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CHECK_FALSE(check_json('{' + format_json("e", {{"n", n}}) + '}', kind));
    }
}

TEST_CASE("Nobody listens before the log is set up, and nothing happens") {
    log(understudy::config::LogLevel::error, "request", {{"id", "x"}});
    CHECK(log_enabled(understudy::config::LogLevel::info));
    CHECK_FALSE(log_enabled(understudy::config::LogLevel::debug));
}

TEST_CASE("What was logged is out when flush_log returns") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_NONBLOCK) == 0);
    const int own_stderr = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    init_log({understudy::config::LogLevel::info, false});
    for (std::uint64_t i = 0; i < 20; ++i) {
        log(understudy::config::LogLevel::warn, "line", {{"n", i}});
    }
    flush_log();
    std::string text(65536, '\0');
    const auto count = ::read(ends[0], text.data(), text.size());
    shutdown_log();
    ::dup2(own_stderr, STDERR_FILENO);
    for (const int descriptor : {ends[0], ends[1], own_stderr}) ::close(descriptor);
    REQUIRE(count > 0);
    text.resize(static_cast<std::size_t>(count));
    CHECK(std::count(text.begin(), text.end(), '\n') == 20);
    CHECK(text.ends_with("Z warning line n=19\n"));
}

namespace {

/// stderr, for as long as this lives, is a pipe that nobody reads until asked to.
class PipedStderr {
  public:
    PipedStderr() : own_(::dup(STDERR_FILENO)) {
        REQUIRE(::pipe(ends_) == 0);
        ::dup2(ends_[1], STDERR_FILENO);
    }
    ~PipedStderr() {
        ::dup2(own_, STDERR_FILENO);
        ::close(own_);
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    /// Reads until `what` has come.
    std::string read_until(std::string_view what) {
        std::string all;
        std::string piece(65536, '\0');
        while (all.find(what) == std::string::npos) {
            const auto count = ::read(ends_[0], piece.data(), piece.size());
            if (count <= 0) break;
            all.append(piece, 0, static_cast<std::size_t>(count));
        }
        return all;
    }

  private:
    int own_;
    int ends_[2];
};

}  // namespace

TEST_CASE("A line is written in the form it was made in, also across a reload") {
    PipedStderr pipe;
    init_log({understudy::config::LogLevel::info, false});
    for (int i = 0; i < 50; ++i) log(understudy::config::LogLevel::info, "text", {});
    init_log({understudy::config::LogLevel::info, true});
    log(understudy::config::LogLevel::info, "last", {});
    CHECK(flush_log());
    shutdown_log();
    const auto all = pipe.read_until("last\"}\n");
    CHECK(all.find("Z info text\n") != std::string::npos);
    CHECK(all.find("{\"time\"") == all.rfind("{\"time\""));
    CHECK(all.ends_with("\"level\":\"info\",\"event\":\"last\"}\n"));
}

TEST_CASE("A stderr that blocks holds nobody up, and lines that were lost are counted") {
    PipedStderr pipe;
    init_log({understudy::config::LogLevel::info, false});
    const std::string filler(200, 'x');
    for (int i = 0; i < 3000; ++i) {
        log(understudy::config::LogLevel::info, "line", {{"filler", filler}});
    }
    init_log({understudy::config::LogLevel::info, false});  // a reload
    CHECK_FALSE(flush_log());
    log(understudy::config::LogLevel::info, "last", {});
    const auto all = pipe.read_until(" last\n");
    CHECK(all.find(" warning log_lines_dropped count=") != std::string::npos);
    CHECK(flush_log());
    shutdown_log();
}

TEST_CASE("What a terminal obeys or what turns text around is escaped, in both formats") {
    struct Row {
        const char* raw;
        const char* shown;
    };
    for (const auto& [raw, shown] : {
             Row{"\xC2\x9B", "\\u009b"},
             Row{"\x7F", "\\u007f"},
             Row{"\xE2\x80\xAE", "\\u202e"},
             Row{"\xE2\x81\xA6", "\\u2066"},
             Row{"\xE2\x80\x8B", "\\u200b"},
             Row{"\xD8\x9C", "\\u061c"},
             Row{"\xEF\xBB\xBF", "\\ufeff"},
             Row{"\xF3\xA0\x80\xA0", "\\udb40\\udc20"},
             Row{"\x9B", "\xEF\xBF\xBD"},
             Row{"\xC3\xA9", "\xC3\xA9"},
         }) {
        INFO(shown);
        const LogFields fields{{"m", std::string("a") + raw + "b"}};
        CHECK(format_text("e", fields) == "e m=\"a" + std::string(shown) + "b\"");
        CHECK(format_json("e", fields) == "\"event\":\"e\",\"m\":\"a" + std::string(shown) + "b\"");
    }
}
