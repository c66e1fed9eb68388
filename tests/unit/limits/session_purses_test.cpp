#include "limits/session_purses.hpp"

#include "tests/unit/limits/support.hpp"

using namespace understudy::limits;
using namespace understudy::limits::test;

TEST_CASE("A session has one purse, of its key alone") {
    SessionPurses sessions;
    REQUIRE(sessions.empty());
    REQUIRE(sessions.find("k", "a") == nullptr);
    const auto a = sessions.find_or_make("k", "a");
    REQUIRE_FALSE(sessions.empty());
    REQUIRE_FALSE(a->is_complete());
    REQUIRE(sessions.find_or_make("k", "a") == a);
    REQUIRE(sessions.find("k", "b") == nullptr);
    REQUIRE(sessions.find("other", "a") == nullptr);
    REQUIRE(sessions.find("", "ka") == nullptr);
    const auto others = sessions.find_or_make("other", "a");
    REQUIRE(others != a);
    a->book(at(1), 5);
    REQUIRE(others->spent(Period::always, at(1)) == 0);
    std::vector<std::string> seen;
    sessions.for_each([&seen](const auto& key, const auto& session, const auto&) {
        seen.push_back(key + '/' + session);
    });
    REQUIRE(seen == std::vector<std::string>{"other/a", "k/a"});
}

TEST_CASE("The session that was not used for longest gives way, unless it is in use") {
    SessionPurses sessions(2);
    auto a = sessions.find_or_make("", "a");
    sessions.find_or_make("", "b");
    SECTION("the oldest goes") {
        a.reset();
        sessions.find_or_make("", "c");
        REQUIRE(sessions.find("", "a") == nullptr);
        REQUIRE(sessions.find("", "b") != nullptr);
    }
    SECTION("one that is asked for is young again") {
        a.reset();
        REQUIRE(sessions.find("", "a") != nullptr);
        sessions.find_or_make("", "c");
        REQUIRE(sessions.find("", "a") != nullptr);
        REQUIRE(sessions.find("", "b") == nullptr);
    }
    SECTION("one in use stays") {
        sessions.find_or_make("", "c");
        REQUIRE(sessions.find("", "a") == a);
        REQUIRE(sessions.find("", "b") == nullptr);
    }
    SECTION("where all are in use there is no more") {
        const auto b = sessions.find("", "b");
        REQUIRE(sessions.find_or_make("", "c") == nullptr);
        REQUIRE(sessions.find("", "a") == a);
    }
}
