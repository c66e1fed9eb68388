#include "proxy/inbound.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::proxy;
using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::milliseconds;

namespace {

using Names = std::vector<std::pair<std::string, std::string>>;

/// A request with these fields; they stay alive with it.
struct Request {
    explicit Request(Names names) : fields(std::move(names)) {
        for (const auto& [name, value] : fields) inbound.head.fields.add(name, value);
        problem = read_overrides(inbound);
    }
    Names fields;
    Inbound inbound;
    std::string problem;
};

}  // namespace

TEST_CASE("A request without overrides has none") {
    const Request request(Names{{"x-understudy", "1"}, {"understudy-deadline", "1s"}});
    CHECK(request.problem.empty());
    CHECK(request.inbound.chain.empty());
    CHECK_FALSE(request.inbound.deadline);
    CHECK(request.inbound.may_fall_back);
    CHECK(request.inbound.session.empty());
}

TEST_CASE("Overrides are read whatever the case of their names") {
    const Request request(Names{{"X-Understudy-Chain", "backup, openai"},
                                {"x-UNDERSTUDY-deadline", "30s"},
                                {"X-Understudy-Fallback", "OFF"},
                                {"X-Understudy-Session", "conversation-7"}});
    CHECK(request.problem.empty());
    CHECK(request.inbound.chain == "backup, openai");
    CHECK(request.inbound.deadline == 30s);
    CHECK_FALSE(request.inbound.may_fall_back);
    CHECK(request.inbound.session == "conversation-7");
    CHECK(Request(Names{{"x-understudy-fallback", "On"}}).inbound.may_fall_back);
}

TEST_CASE("An override that cannot be understood is an error that names it and not its value") {
    for (const auto& [name, value] : Names{{"x-understudy-deadline", ""},
                                           {"x-understudy-deadline", "30"},
                                           {"x-understudy-deadline", "<script>"},
                                           {"x-understudy-deadline", "-1s"},
                                           {"x-understudy-fallback", ""},
                                           {"x-understudy-fallback", "no"},
                                           {"x-understudy-fallback", "false"},
                                           {"x-understudy-fallback", "off "}}) {
        INFO(name + ": " + value);
        const Request request(Names{{name, value}});
        CHECK(request.problem.starts_with(name + ": expected "));
        CHECK(request.problem.find("<script>") == std::string::npos);
    }
}

TEST_CASE("A session is named by either header, ours first, with any text that can be shown") {
    const auto session = [](Names names) { return Request(std::move(names)).inbound.session; };
    CHECK(session({{"x-litellm-session-id", "b"}}) == "b");
    CHECK(session({{"x-litellm-session-id", "b"}, {"x-understudy-session", "a"}}) == "a");
    CHECK(session({{"x-litellm-session-id", "b"}, {"x-understudy-session", ""}}) == "b");
    CHECK(session({{"x-understudy-session", std::string(128, 'a')}}) == std::string(128, 'a'));
    CHECK(session({{"x-understudy-session", std::string(256, 'a')}}) == std::string(256, 'a'));
    for (const auto& text : {"a b"s, "\xC3\xA9"s, "\"a\", <b>; c"s, "\xF0\x9F\x98\x80"s}) {
        CHECK(session({{"x-understudy-session", text}}) == text);
    }
    CHECK(session({{"x-understudy-session", "caf\xE9"}}) == "caf\xC3\xA9");  // Latin-1
    CHECK(session({{"x-understudy-session", std::string(128, '\xE9')}}).size() == 256);
}

TEST_CASE(
    "What cannot name a session is told with the header's name, and never dropped in silence") {
    for (const auto& name : {"x-understudy-session"s, "x-litellm-session-id"s}) {
        for (const auto& hostile : {"a\tb"s, "a\x7f"s, "a\0b"s, "\x1b[31m"s, "\xC2\x9B"s, "\x9B"s,
                                    " "s, std::string(257, 'a'), std::string(129, '\xE9')}) {
            const Request request(Names{{name, hostile}});
            CAPTURE(name, hostile);
            CHECK(request.problem.starts_with(name + ": expected"));
            CHECK(request.inbound.session.empty());
        }
    }
}

TEST_CASE("Durations are read as the configuration has them") {
    const std::vector<std::pair<const char*, milliseconds>> rows{
        {"250ms", 250ms}, {"1ms", 1ms},
        {"30s", 30s},     {"2m", 2min},
        {"1h", 1h},       {"1.5s", 1500ms},
        {"0.25s", 250ms}, {"0.5h", 30min},
        {"007s", 7s},     {"1000000000ms", 1'000'000'000ms},
    };
    for (const auto& [text, expected] : rows) {
        INFO(text);
        CHECK(parse_duration(text) == expected);
    }
}

TEST_CASE("What is not a positive duration is none") {
    for (const char* text :
         {"",     "s",     "30",  "30 s", " 30s", "30s ",  "30S",   "30sec", "30ss",  "+30s",
          "-30s", "0s",    "0ms", "-0s",  "1d",   "1us",   "0x10s", "1,5s",  "1s1s",  "infs",
          "inf",  "-infs", "ms",  ".",    ".s",   "1e99s", "1e10s", "--1s",  "1..2s", "s30"}) {
        INFO(text);
        CHECK_FALSE(parse_duration(text));
    }
    CHECK_FALSE(parse_duration(std::string_view("1s\0", 3)));
    CHECK_FALSE(parse_duration(std::string(5000, '9') + "s"));
}

TEST_CASE("Not a number is not a duration") {
    for (const char* text : {"nans", "nanms", "-nanh", "nan(1)s", "NaNs"}) {
        INFO(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("A client's request id is kept when it is harmless and forgotten when it is not") {
    const auto id = [](const std::string& value) {
        const Request request(Names{{"X-Request-Id", value}});
        return std::string(usable_request_id(request.inbound.head));
    };
    for (const auto& good : {"a"s, "req-1"s, "0f8fad5b-d9cb-469f-a165-70867728950e"s,
                             "~!@#\"\\,;="s, std::string(128, 'x')}) {
        CHECK(id(good) == good);
    }
    for (const auto& bad :
         {""s, " "s, "a b"s, "a\tb"s, "a\r\nset-cookie: x"s, "a\nb"s, "a\x7f"s, "a\x1b[2J"s,
          "a\0b"s, "\xC3\xA9"s, "\xFF\xFE"s, std::string(129, 'x'), std::string(100'000, 'x')}) {
        INFO(bad.size());
        CHECK(id(bad).empty());
    }
    CHECK(usable_request_id({}).empty());
}

TEST_CASE("A session's budget is an amount in dollars beside the session's name") {
    struct Row {
        std::string text;
        std::optional<std::int64_t> nano_usd;
    };
    for (const auto& [text, nano_usd] :
         {Row{"2.50", 2'500'000'000}, Row{"0", 0}, Row{"1e3", 1'000'000'000'000},
          Row{"0.000000001", 1}, Row{"1000000", 1'000'000'000'000'000}, Row{"", {}}, Row{"-1", {}},
          Row{"$5", {}}, Row{"5 USD", {}}, Row{"nan", {}}, Row{"inf", {}}, Row{"1000001", {}},
          Row{"1,5", {}}}) {
        CAPTURE(text);
        const Request request(
            Names{{"x-understudy-session", "s"}, {"x-understudy-session-budget-usd", text}});
        CHECK(request.problem.empty() == nano_usd.has_value());
        CHECK(request.inbound.session_budget == nano_usd);
    }
    const Request alone(Names{{"x-understudy-session-budget-usd", "1"}});
    CHECK(alone.problem == "x-understudy-session-budget-usd: needs x-understudy-session beside it");
}

TEST_CASE("Two answers have ids of their own, also where a client gives both requests one id") {
    Inbound request;
    request.request_id = "always-the-same";
    CHECK(new_answer_seed(request) != new_answer_seed(request));
}
