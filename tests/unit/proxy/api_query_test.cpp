#include "proxy/api_query.hpp"

#include <catch2/catch.hpp>

using namespace understudy::proxy;
namespace ledger = understudy::ledger;

namespace {

constexpr std::int64_t kNow = 1'790'000'000'000'000;

template <class Ask>
Ask asked(std::string_view target) {
    const auto result = read_api_query(target, kNow);
    INFO(target);
    const auto* const query = std::get_if<ApiQuery>(&result);
    REQUIRE(query != nullptr);
    REQUIRE(std::holds_alternative<Ask>(*query));
    return std::get<Ask>(*query);
}

LocalError refused(std::string_view target) {
    const auto result = read_api_query(target, kNow);
    INFO(target);
    const auto* const error = std::get_if<LocalError>(&result);
    REQUIRE(error != nullptr);
    return *error;
}

}  // namespace

TEST_CASE("Usage is asked for by what, and since when") {
    auto ask = asked<AskUsage>("/api/usage");
    CHECK(ask.by == ledger::By::model);
    CHECK(ask.span.from_us == kNow - 86'400'000'000);
    CHECK(ask.span.to_us == INT64_MAX);
    CHECK_FALSE(ask.csv);
    ask = asked<AskUsage>("/api/usage?by=session&since=7d&until=1h&format=csv");
    CHECK(ask.by == ledger::By::session);
    CHECK(ask.span.from_us == kNow - 7 * 86'400'000'000);
    CHECK(ask.span.to_us == kNow - 3'600'000'000);
    CHECK(ask.csv);
    CHECK(asked<AskUsage>("/api/usage?since=1789000000").span.from_us == 1'789'000'000'000'000);
    CHECK(asked<AskUsage>("/api/usage?since=forever").span.from_us == 0);
    CHECK(refused("/api/usage?since=99999999999h").status == 400);
    CHECK(asked<AskUsage>("/api/usage").limit == 1000);
    ask = asked<AskUsage>("/api/usage?limit=10000&skip=20000");
    CHECK(ask.limit == 10'000);
    CHECK(ask.skip == 20'000);
    CHECK(refused("/api/usage?limit=10001").message.find("1 to 10000") != std::string::npos);
    CHECK(refused("/api/usage?skip=-1").status == 400);
    CHECK(asked<AskUsage>("/api/usage?skip=100000").skip == 100'000);
    CHECK(refused("/api/usage?skip=100001").status == 400);
}

TEST_CASE("How the upstreams are is asked for without more") {
    asked<AskUpstreams>("/api/upstreams");
    CHECK(refused("/api/upstreams?x=1").status == 400);
}

TEST_CASE("Requests are asked for by any of their names") {
    const auto f = asked<AskRequests>(
                       "/api/requests?session=a%20b+c&key=team&model=m%2F1&upstream=u&outcome="
                       "exhausted&route=%2A&limit=7&before=123&since=0")
                       .filter;
    CHECK(f.session == "a b c");
    CHECK(f.key == "team");
    CHECK(f.model == "m/1");
    CHECK(f.upstream == "u");
    CHECK(f.outcome == "exhausted");
    CHECK(f.route == "*");
    CHECK(f.limit == 7);
    CHECK(f.before == 123);
    CHECK(f.span.from_us == 0);
    CHECK(asked<AskRequests>("/api/requests").filter.limit == 50);
}

TEST_CASE("Words of a closed set are checked, and the set is told") {
    for (const auto* outcome : {"primary", "fallback", "rescued", "client_error", "exhausted",
                                "client_closed", "rejected"}) {
        CHECK(asked<AskRequests>(std::string("/api/requests?outcome=") + outcome).filter.outcome ==
              outcome);
    }
    for (const auto* target :
         {"/api/requests?outcome=zzz", "/api/requests?outcome=", "/api/requests?outcome=Primary"}) {
        const auto error = refused(target);
        CHECK(error.status == 400);
        CHECK(error.message ==
              "outcome: expected primary, fallback, rescued, client_error, exhausted, "
              "client_closed or rejected.");
    }
}

TEST_CASE("One request and one session are asked for by name") {
    CHECK(asked<AskRequest>("/api/requests/req_1").id == "req_1");
    CHECK(asked<AskRequest>("/api/requests/a%2Fb").id == "a/b");
    CHECK(asked<AskSession>("/api/sessions/conversation%207").name == "conversation 7");
}

TEST_CASE("What cannot be meant is refused with what would have been right") {
    for (const auto* target :
         {"/api/usage?by=colour", "/api/usage?since=yesterday", "/api/usage?until=-1",
          "/api/usage?format=xml", "/api/usage?limit=0", "/api/requests?limit=0",
          "/api/requests?limit=1001", "/api/requests?before=x", "/api/requests?by=model",
          "/api/requests/a?x=1", "/api/sessions/a?by=model"}) {
        CHECK(refused(target).status == 400);
        CHECK(refused(target).message.size() > 20);
    }
    for (const auto* target : {"/api/", "/api/other", "/api/requests/", "/api/sessions/",
                               "/api/sessions", "/api/usage/x"}) {
        CHECK(refused(target).status == 404);
    }
}
