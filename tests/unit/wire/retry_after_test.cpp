#include "wire/classify.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace understudy::wire;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Wait = std::optional<milliseconds>;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::chrono::system_clock::time_point kNow{784111777s};

struct Row {
    const char* what;
    std::vector<std::pair<const char*, const char*>> fields;
    Wait wait;
};

void check(const std::vector<Row>& table) {
    for (const auto& row : table) {
        INFO(row.what);
        Fields fields;
        for (const auto& [name, value] : row.fields) fields.add(name, value);
        CHECK(retry_after(fields, kNow) == row.wait);
    }
}

Wait of(const char* value) {
    Fields fields;
    fields.add("Retry-After", value);
    return retry_after(fields, kNow);
}

}  // namespace

TEST_CASE("Retry-After is read in seconds, as a duration or as a date") {
    CHECK(of("2") == 2s);
    CHECK(of("0") == 0ms);
    CHECK(of("1.5") == 1500ms);
    CHECK(of(".25") == 250ms);
    CHECK(of("0.0001") == 1ms);
    CHECK(of("0s") == 0ms);
    CHECK(of("30s") == 30s);
    CHECK(of("6m0s") == 6min);
    CHECK(of("1d") == 24h);
    CHECK(of("Sun, 06 Nov 1994 08:49:47 GMT") == 10s);
    CHECK(of("Sunday, 06-Nov-94 08:49:47 GMT") == 10s);
    CHECK(of("Tuesday, 06-Nov-46 08:49:47 GMT") == Wait{});  // 1946: 2046 is too far ahead
    CHECK(of("Sun, 06 Nov 1994 08:49:37 GMT") == 0ms);
    CHECK(of("Sunday, 06-Nov-43 08:49:47 GMT") == 24h);
    CHECK(of("Sun Nov  6 08:50:37 1994") == 1min);
}

TEST_CASE("A wait that is less than none is as good as none") {
    for (const auto* value : {"-5", "-0.1", "-5s", "-1m", "Sun, 06 Nov 1994 08:49:00 GMT",
                              "Thu, 01 Jan 1970 00:00:00 GMT"}) {
        INFO(value);
        CHECK(of(value) == Wait{});
    }
    check({
        {"the next field is asked", {{"retry-after-ms", "-1"}, {"retry-after", "9"}}, 9s},
        {"and a reset", {{"retry-after", "-5"}, {"x-ratelimit-reset-requests", "3s"}}, 3s},
    });
}

TEST_CASE("long waits are capped at a day") {
    CHECK(of("86400") == 24h);
    CHECK(of("86401") == 24h);
    CHECK(of("99999999999999999999999999") == 24h);
    CHECK(of("999999h") == 24h);
    CHECK(of("Fri, 31 Dec 9999 23:59:59 GMT") == 24h);
}

TEST_CASE("garbage in Retry-After is no wait at all") {
    for (const auto* value : {"",
                              "-",
                              ".",
                              "soon",
                              "inf",
                              "nan",
                              "-inf",
                              "1e3",
                              "0x10",
                              "5 s",
                              "1 2",
                              "5x",
                              "s",
                              "+5",
                              "Sun, 06 Nov 1994",
                              "06 Nov 08:49:37",
                              "Sun, 32 Nov 1994 08:49:47 GMT",
                              "Sun, 30 Feb 1994 08:49:47 GMT",
                              "Sun, 06 Nov 1994 25:00:00 GMT",
                              "Sun, 06 Nov 1899 08:49:47 GMT",
                              "Sun, 06 Nov 99999 08:49:47 GMT",
                              "Sun, 00 Nov 1994 08:49:47 GMT",
                              "1994-11-06T08:49:47Z"}) {
        INFO(value);
        CHECK(of(value) == Wait{});
    }
}

TEST_CASE("the most exact field wins") {
    check({
        {"nothing", {}, {}},
        {"milliseconds first", {{"retry-after", "9"}, {"Retry-After-Ms", "1250"}}, 1250ms},
        {"fractions of milliseconds", {{"retry-after-ms", "12.5"}}, 13ms},
        {"garbage falls through", {{"retry-after-ms", "x"}, {"retry-after", "9"}}, 9s},
        {"and again", {{"retry-after", "later"}, {"x-ratelimit-reset-requests", "3s"}}, 3s},
        {"Retry-After before resets",
         {{"retry-after", "1"}, {"x-ratelimit-reset-tokens", "6m0s"}},
         1s},
    });
}

TEST_CASE("the longest reset of what is used up counts") {
    check({
        {"Go durations",
         {{"x-ratelimit-reset-requests", "12ms"}, {"x-ratelimit-reset-tokens", "1h2m3.5s"}},
         1h + 2min + 3500ms},
        {"plain seconds (Azure)", {{"x-ratelimit-reset-tokens", "55"}}, 55s},
        {"what remains does not count",
         {{"x-ratelimit-reset-requests", "8s"},
          {"x-ratelimit-remaining-requests", "7"},
          {"x-ratelimit-reset-tokens", "2s"},
          {"x-ratelimit-remaining-tokens", "0"}},
         2s},
        {"something remains of both",
         {{"x-ratelimit-reset-requests", "8s"}, {"x-ratelimit-remaining-requests", "7"}},
         {}},
        {"0 says nothing", {{"x-ratelimit-reset-requests", "0"}}, {}},
        {"-1 says nothing", {{"x-ratelimit-reset-tokens", "-1"}}, {}},
        {"0s says nothing", {{"x-ratelimit-reset-tokens", "0s"}}, {}},
        {"-1 remaining is none",  // the Responses API
         {{"x-ratelimit-reset-tokens", "4s"}, {"x-ratelimit-remaining-tokens", "-1"}},
         4s},
        {"a broken duration", {{"x-ratelimit-reset-tokens", "6m0"}}, {}},
    });
}

TEST_CASE("a reset is read whatever its suffix, its family and its notation") {
    check({
        {"Cerebras", {{"x-ratelimit-reset-tokens-minute", "1.4"}}, 1400ms},
        {"the one that is used up",
         {{"x-ratelimit-reset-requests-day", "33000"},
          {"x-ratelimit-remaining-requests-day", "99"},
          {"x-ratelimit-reset-tokens-minute", "12"},
          {"x-ratelimit-remaining-tokens-minute", "0"}},
         12s},
        {"any suffix", {{"X-RateLimit-Reset-Input-Images", "6m0s"}}, 6min},
        {"Azure's other spelling", {{"x-rate-limit-reset-tokens", "55"}}, 55s},
        {"Anthropic's dates",
         {{"anthropic-ratelimit-requests-reset", "1994-11-06T08:50:37Z"},
          {"anthropic-ratelimit-requests-remaining", "0"}},
         1min},
        {"with a fraction and an offset",
         {{"anthropic-ratelimit-tokens-reset", "1994-11-06T09:49:38.5+01:00"}},
         1500ms},
        {"Anthropic, what remains does not count",
         {{"anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:50:37Z"},
          {"anthropic-ratelimit-input-tokens-remaining", "5"}},
         {}},
        {"Anthropic's plans, the window that refused",
         {{"anthropic-ratelimit-unified-5h-reset", "784111800"},
          {"anthropic-ratelimit-unified-5h-status", "rejected"},
          {"anthropic-ratelimit-unified-7d-reset", "784500000"},
          {"anthropic-ratelimit-unified-7d-status", "allowed"}},
         23s},
        {"Unix milliseconds (OpenRouter)", {{"X-RateLimit-Reset", "1784111777000"}}, 24h},
        {"the draft's", {{"ratelimit-reset", "7"}, {"ratelimit-remaining", "0"}}, 7s},
        {"a date that is over", {{"x-ratelimit-reset", "784111000"}}, {}},
        {"no date", {{"anthropic-ratelimit-tokens-reset", "1994-13-06T08:50:37Z"}}, {}},
        {"half a date", {{"anthropic-ratelimit-tokens-reset", "1994-11-06T08:50:37"}}, {}},
        {"no rate limit", {{"x-password-reset", "5"}}, {}},
    });
}

TEST_CASE("the delay in a Google error is read") {
    const auto google = [](const char* delay) {
        std::string body = R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m",)";
        body += R"("details":[{"@type":"type.googleapis.com/google.rpc.Help"},{"@type":)";
        body += R"("type.googleapis.com/google.rpc.RetryInfo","retryDelay":)";
        return body.append(delay).append("}]}}");
    };
    std::string wrapped = "[";
    wrapped.append(google(R"("34.4s")")).append("]");
    CHECK(retry_delay(google(R"("34s")")) == 34s);
    CHECK(retry_delay(google(R"("1.5s")")) == 1500ms);
    CHECK(retry_delay(wrapped) == 34400ms);
    CHECK(retry_delay(google(R"("999999s")")) == 24h);
    CHECK(retry_delay(R"({"error":{"det\u0061ils":[{"retry\u0044elay":"3s"}]}})") == 3s);
    for (const auto* delay : {R"("")", R"("soon")", R"("0s")", R"("-1s")", "7", "null", "{}"}) {
        INFO(delay);
        CHECK(retry_delay(google(delay)) == Wait{});
    }
    CHECK(retry_delay("") == Wait{});
    CHECK(retry_delay(R"({"retryDelay":"5s"})") == Wait{});
}
