#include "wire/classify.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
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
    CHECK(of("-5") == 0ms);
    CHECK(of("30s") == 30s);
    CHECK(of("6m0s") == 6min);
    CHECK(of("Sun, 06 Nov 1994 08:49:47 GMT") == 10s);
    CHECK(of("Sunday, 06-Nov-94 08:49:47 GMT") == 10s);
    CHECK(of("Tuesday, 06-Nov-46 08:49:47 GMT") == 0ms);  // 1946: 2046 is too far ahead
    CHECK(of("Sunday, 06-Nov-43 08:49:47 GMT") == 24h);
    CHECK(of("Sun Nov  6 08:50:37 1994") == 1min);
    CHECK(of("Sun, 06 Nov 1994 08:49:00 GMT") == 0ms);
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
