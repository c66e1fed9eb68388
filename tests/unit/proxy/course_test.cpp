#include "proxy/course.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace understudy::proxy;
using namespace std::chrono_literals;
using understudy::config::Route;
using understudy::wire::FailureClass;
using Action = Move::Action;
using Phase = Course::Phase;
using TimePoint = Course::TimePoint;

namespace {

constexpr TimePoint kStart{1h};
constexpr auto kHedge = 2s;
constexpr auto kDeadline = 60s;

Route route_with(std::uint32_t retries) {
    Route route;
    route.retries = retries;
    return route;
}

CourseRules rules_for(const Route& route) {
    CourseRules rules;
    rules.route = &route;
    rules.deadline = kStart + kDeadline;
    return rules;
}

Surroundings around(TimePoint now, std::optional<std::size_t> next) {
    Surroundings s;
    s.now = now;
    s.next = next;
    s.may_hedge = true;
    return s;
}

LaneFailure because(FailureClass failure) {
    LaneFailure f;
    f.failure = failure;
    return f;
}

void check_start(const Move& move, std::size_t entry, Cause cause, std::size_t lane = 0) {
    REQUIRE(move.action == Action::start);
    CHECK(move.entry == entry);
    CHECK(name_of(move.cause) == name_of(cause));
    CHECK(move.lane == lane);
}

}  // namespace

TEST_CASE("A course starts at its first entry and goes on from failure to failure") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    check_start(course.begin(0), 0, Cause::first);
    check_start(course.failed(0, because(FailureClass::server_error), around(kStart, 1)), 1,
                Cause::failover);
    // Once the first entry is left, any failure moves on.
    check_start(course.failed(0, because(FailureClass::bad_request), around(kStart, 2)), 2,
                Cause::failover);
    CHECK(course.failed(0, because(FailureClass::timeout), around(kStart, {})).action ==
          Action::stop);
    CHECK(course.phase() == Phase::over);
}

TEST_CASE("Without an entry that may be used nothing is started") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    CHECK(course.begin(std::nullopt).action == Action::stop);
    CHECK(course.phase() == Phase::over);
}

TEST_CASE("The entry that is tried first is the one whose refusals are the client's") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    check_start(course.begin(1), 1, Cause::first);  // the one before it rests
    CHECK(course.failed(0, because(FailureClass::bad_request), around(kStart, 2)).action ==
          Action::stop);
}

TEST_CASE("Who comes behind an entry that cannot do what is asked stands in its place") {
    const auto route = route_with(1);
    Course course(rules_for(route));
    course.begin(0);
    const auto cannot = because(FailureClass::unsupported);
    check_start(course.failed(0, cannot, around(kStart, 1)), 1, Cause::failover);
    CHECK(course.is_first(0));
    CHECK(course.failed(0, because(FailureClass::bad_request), around(kStart, 2)).action ==
          Action::stop);

    Course other(rules_for(route));
    other.begin(0);
    other.failed(0, because(FailureClass::timeout), around(kStart, 1));
    check_start(other.failed(0, cannot, around(kStart, 2)), 2, Cause::failover);
    CHECK_FALSE(other.is_first(0));
    CHECK(other.failed(0, cannot, around(kStart, {})).action == Action::stop);
}

TEST_CASE("A retry is waited for, and starts when its time has come and not before") {
    const auto route = route_with(1);
    Course course(rules_for(route));
    course.begin(0);
    auto failure = because(FailureClass::rate_limit);
    failure.retry_after = 2s;
    CHECK(course.failed(0, failure, around(kStart, 1)).action == Action::wait);
    CHECK(course.due() == kStart + 2s);
    CHECK(course.tick(around(kStart + 1s, 1)).action == Action::wait);
    check_start(course.tick(around(kStart + 2s, 1)), 0, Cause::retry);
    check_start(course.failed(0, failure, around(kStart + 3s, 1)), 1, Cause::failover);
}

TEST_CASE("What refuses an addition of ours is asked again at once, one time for each entry") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    course.begin(0);
    auto refusal = because(FailureClass::bad_request);
    refusal.refused_addition = true;
    check_start(course.failed(0, refusal, around(kStart, 1)), 0, Cause::repair);
    CHECK(course.failed(0, refusal, around(kStart, 1)).action == Action::stop);
}

TEST_CASE("Another key of the entry is used at once, as often as there is one") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    course.begin(0);
    for (const auto why :
         {FailureClass::rate_limit, FailureClass::auth, FailureClass::quota, FailureClass::auth}) {
        auto failure = because(why);
        failure.other_key = true;
        auto situation = around(kStart, 1);
        situation.may_add = situation.may_retry = false;  // it is no further attempt
        CHECK_FALSE(course.would_retry(0, failure, situation));
        check_start(course.failed(0, failure, situation), 0, Cause::repair);
    }
    auto late = because(FailureClass::rate_limit);
    late.other_key = true;
    CHECK(course.failed(0, late, around(kStart + kDeadline, 1)).action == Action::stop);
}

TEST_CASE(
    "An entry that has another API for the same is asked there at once, and repaired there, too") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    course.begin(0);
    auto failure = because(FailureClass::not_found);
    failure.other_words = true;
    auto situation = around(kStart, 1);
    situation.may_add = situation.may_retry = false;
    CHECK_FALSE(course.would_retry(0, failure, situation));
    check_start(course.failed(0, failure, situation), 0, Cause::repair);
    auto refusal = because(FailureClass::bad_request);
    refusal.refused_addition = true;
    check_start(course.failed(0, refusal, around(kStart, 1)), 0, Cause::repair);
    CHECK(course.failed(0, because(FailureClass::not_found), around(kStart, 1)).action ==
          Action::stop);
}

TEST_CASE("Where there is no room for a retry, or the entry rests, the next one is asked") {
    const auto route = route_with(2);
    Course course(rules_for(route));
    course.begin(0);
    const auto failure = because(FailureClass::server_error);
    auto situation = around(kStart, 1);
    CHECK(course.would_retry(0, failure, situation));
    situation.may_retry = false;
    CHECK_FALSE(course.would_retry(0, failure, situation));
    check_start(course.failed(0, failure, situation), 1, Cause::failover);
    situation.next.reset();
    CHECK(course.failed(0, failure, situation).action == Action::stop);
}

TEST_CASE("A retry that is waited for goes elsewhere when its entry may not be asked any more") {
    const auto route = route_with(1);
    auto rules = rules_for(route);
    SECTION("nobody may be asked instead where the client wants the first only") {
        rules.may_fall_back = false;
    }
    SECTION("but otherwise the next one") {}
    Course course(rules);
    course.begin(0);
    auto failure = because(FailureClass::rate_limit);
    failure.retry_after = 2s;
    CHECK_FALSE(course.resumes());
    CHECK(course.failed(0, failure, around(kStart, 1)).action == Action::wait);
    CHECK(course.resumes() == std::size_t{0});
    auto situation = around(kStart + 2s, 1);
    situation.may_resume = false;
    if (!rules.may_fall_back) {
        CHECK(course.tick(situation).action == Action::stop);
        return;
    }
    check_start(course.tick(situation), 1, Cause::failover);
    CHECK_FALSE(course.resumes());
    CHECK(course.has_retries_left());  // of the new entry
}

TEST_CASE("A class with a chain of its own moves on there, also where it does not fall back") {
    const auto route = route_with(0);
    Course course(rules_for(route));
    course.begin(0);
    auto failure = because(FailureClass::context_length);
    SECTION("it has one") {
        failure.rerouted = true;
        check_start(course.failed(0, failure, around(kStart, 1)), 1, Cause::failover);
    }
    SECTION("it has none") {
        CHECK(course.failed(0, failure, around(kStart, 1)).action == Action::stop);
    }
}

TEST_CASE("A hedge starts beside what is slow, once, and the first answer drops the other") {
    const auto route = route_with(0);
    auto rules = rules_for(route);
    rules.hedges = true;
    Course course(rules);
    course.begin(0, kStart + kHedge);
    CHECK(course.due() == kStart + kHedge);
    CHECK(course.tick(around(kStart + 1s, 1)).action == Action::wait);
    check_start(course.tick(around(kStart + kHedge, 1)), 1, Cause::hedge, 1);
    CHECK(course.due() == TimePoint::max());

    SECTION("the hedge answers first") {
        const auto move = course.ready(1);
        CHECK(move.action == Action::commit);
        CHECK(move.lane == 1);
        CHECK_FALSE(course.running(0));
    }
    SECTION("the hedge fails: the first is waited for") {
        CHECK(course.failed(1, because(FailureClass::auth), around(kStart + 3s, 2)).action ==
              Action::wait);
        CHECK(course.running(0));
        check_start(course.failed(0, because(FailureClass::timeout), around(kStart + 4s, 2)), 2,
                    Cause::failover);
    }
    SECTION("the hedge meets a shortage of ours: the first has all it needs") {
        CHECK(course.failed(1, because(FailureClass::overloaded), around(kStart + 3s, 2)).action ==
              Action::wait);
        CHECK(course.ready(0).action == Action::commit);
    }
    SECTION("the first fails: the hedge is the next already") {
        CHECK(course.failed(0, because(FailureClass::timeout), around(kStart + 3s, 2)).action ==
              Action::wait);
        CHECK(course.running(1));
        check_start(course.failed(1, because(FailureClass::bad_request), around(kStart + 4s, 2)), 2,
                    Cause::failover);
    }
    SECTION("the first refuses what the client asked: nobody else is to answer") {
        CHECK(course.failed(0, because(FailureClass::bad_request), around(kStart + 3s, 2)).action ==
              Action::stop);
        CHECK_FALSE(course.running(1));
    }
}

TEST_CASE("No hedge without room for it, without a next entry, or where nothing may fall back") {
    const auto route = route_with(0);
    auto rules = rules_for(route);
    rules.hedges = true;
    auto situation = around(kStart + kHedge, 1);
    SECTION("its budget is used up") {
        situation.may_hedge = false;
    }
    SECTION("that of all extra attempts is") {
        situation.may_add = false;
    }
    SECTION("nobody is left") {
        situation.next.reset();
    }
    SECTION("the client wants none") {
        rules.may_fall_back = false;
    }
    SECTION("the deadline has passed") {
        rules.deadline = situation.now;
    }
    Course course(rules);
    course.begin(0, kStart + kHedge);
    CHECK(course.tick(situation).action == Action::wait);
    CHECK(course.due() == TimePoint::max());  // and it is not asked again
}

TEST_CASE("The retry budget ends a chain with what it has") {
    const auto route = route_with(2);
    Course course(rules_for(route));
    course.begin(0);
    auto situation = around(kStart, 1);
    situation.may_add = false;
    CHECK(course.failed(0, because(FailureClass::server_error), situation).action == Action::stop);
}

TEST_CASE("A broken stream is gone on with by the next entry, down the ladder, then by the next") {
    const auto route = route_with(0);
    auto rules = rules_for(route);
    rules.rescues = true;
    Course course(rules);
    course.begin(0);
    course.ready(0);
    auto situation = around(kStart, 1);
    situation.rung_next = Rung::prefill;
    const auto first = course.broke(FailureClass::malformed, situation);
    check_start(first, 1, Cause::rescue);
    CHECK(first.rung == Rung::prefill);

    auto refused = around(kStart, 2);
    refused.rung_below = Rung::instruct;
    refused.rung_next = Rung::restart;
    const auto second = course.failed(0, because(FailureClass::bad_request), refused);
    check_start(second, 1, Cause::rescue);
    CHECK(second.rung == Rung::instruct);

    refused.rung_below = Rung::none;
    const auto third = course.failed(0, because(FailureClass::server_error), refused);
    check_start(third, 2, Cause::rescue);
    CHECK(third.rung == Rung::restart);
    CHECK(course.ready(0).action == Action::commit);

    // It breaks in its turn, and nobody is left.
    CHECK(course.broke(FailureClass::malformed, around(kStart, {})).action == Action::stop);
}

TEST_CASE("Who was dropped because another answered sooner goes on when that breaks") {
    const auto route = route_with(1);
    auto rules = rules_for(route);
    rules.rescues = rules.hedges = true;
    Course course(rules);
    course.begin(0, kStart + kHedge);
    check_start(course.tick(around(kStart + kHedge, 1)), 1, Cause::hedge, 1);
    auto situation = around(kStart + 3s, {});
    SECTION("the hedge") {
        course.ready(0);
        situation.next = 1;
        situation.rung_next = Rung::restart;
        check_start(course.broke(FailureClass::malformed, situation), 1, Cause::rescue);
    }
    SECTION("the first") {
        course.ready(1);
        situation.next = 0;
        situation.rung_next = Rung::restart;
        check_start(course.broke(FailureClass::malformed, situation), 0, Cause::rescue);
    }
    SECTION("or the one that broke, where nobody else is left") {
        course.ready(0);
        situation.rung_same = Rung::restart;
        check_start(course.broke(FailureClass::malformed, situation), 0, Cause::rescue);
    }
}

TEST_CASE(
    "A break of the first entry is gone on with where its class falls back, of others always") {
    auto route = route_with(0);
    route.fallback_on = {FailureClass::connection, FailureClass::malformed};
    auto rules = rules_for(route);
    rules.rescues = true;
    Course course(rules);
    course.begin(0);
    auto situation = around(kStart, 1);
    situation.rung_next = Rung::prefill;
    SECTION("the class is not among those") {
        course.ready(0);
        CHECK(course.broke(FailureClass::timeout, situation).action == Action::stop);
        CHECK(course.phase() == Phase::over);
    }
    SECTION("it is, and then the second breaks") {
        course.ready(0);
        check_start(course.broke(FailureClass::malformed, situation), 1, Cause::rescue);
        course.ready(0);
        situation.next = 2;
        check_start(course.broke(FailureClass::timeout, situation), 2, Cause::rescue);
    }
    SECTION("the answer came from the second") {
        check_start(course.failed(0, because(FailureClass::connection), situation), 1,
                    Cause::failover);
        course.ready(0);
        situation.next = 2;
        check_start(course.broke(FailureClass::timeout, situation), 2, Cause::rescue);
    }
}

TEST_CASE("Whose answer was another one than was begun is asked in the next way, then the next") {
    const auto route = route_with(0);
    auto rules = rules_for(route);
    rules.rescues = true;
    Course course(rules);
    course.begin(0);
    course.ready(0);
    auto situation = around(kStart, 1);
    situation.rung_next = Rung::instruct;
    course.broke(FailureClass::malformed, situation);
    course.ready(0);
    auto diverged = around(kStart, 2);
    diverged.rung_next = Rung::instruct;
    diverged.rung_below = Rung::restart;
    const auto again = course.broke(FailureClass::malformed, diverged);
    check_start(again, 1, Cause::rescue);
    CHECK(again.rung == Rung::restart);
    course.ready(0);
    // Nothing is below that.
    check_start(course.broke(FailureClass::malformed, diverged), 2, Cause::rescue);
}

TEST_CASE("A chain of one entry is gone on with there, as often as it may be tried again") {
    const auto route = route_with(1);
    auto rules = rules_for(route);
    rules.rescues = true;
    Course course(rules);
    course.begin(0);
    course.ready(0);
    auto situation = around(kStart, {});
    situation.rung_same = Rung::prefill;
    check_start(course.broke(FailureClass::malformed, situation), 0, Cause::rescue);
    course.ready(0);
    CHECK(course.broke(FailureClass::malformed, situation).action == Action::stop);
}

TEST_CASE("A rescue that failed is tried again by the same one where nobody else is left") {
    const auto route = route_with(2);
    auto rules = rules_for(route);
    rules.rescues = true;
    Course course(rules);
    course.begin(0);
    course.ready(0);
    auto broken = around(kStart, 1);
    broken.rung_next = Rung::prefill;
    check_start(course.broke(FailureClass::malformed, broken), 1, Cause::rescue);

    auto situation = around(kStart, {});
    situation.rung_same = Rung::prefill;
    auto failure = because(FailureClass::server_error);
    failure.retry_after = 2s;
    SECTION("behind a wait, as often as the route has it") {
        for (int i = 0; i < 2; ++i) {
            CHECK(course.would_retry(0, failure, situation));
            CHECK(course.failed(0, failure, situation).action == Action::wait);
            CHECK(course.resumes() == std::size_t{1});
            CHECK(course.due() == situation.now + 2s);
            situation.now = course.due();
            const auto again = course.tick(situation);
            check_start(again, 1, Cause::rescue);
            CHECK(again.rung == Rung::prefill);
            CHECK_FALSE(course.resumes());
        }
        CHECK_FALSE(course.would_retry(0, failure, situation));
        CHECK(course.failed(0, failure, situation).action == Action::stop);
    }
    SECTION("not where it may not be asked when the time has come") {
        course.failed(0, failure, situation);
        situation.now = course.due();
        situation.may_resume = false;
        CHECK(course.tick(situation).action == Action::stop);
    }
    SECTION("not for what is never retried") {
        failure.failure = FailureClass::timeout;
        CHECK(course.failed(0, failure, situation).action == Action::stop);
    }
    SECTION("not where it cannot go on") {
        situation.rung_same = Rung::none;
        CHECK(course.failed(0, failure, situation).action == Action::stop);
    }
    SECTION("somebody else comes first") {
        situation.next = 2;
        situation.rung_next = Rung::restart;
        CHECK_FALSE(course.would_retry(0, failure, situation));
        check_start(course.failed(0, failure, situation), 2, Cause::rescue);
        CHECK(course.has_retries_left());
    }
}

TEST_CASE("No rescue where none is wanted, nor after the deadline, nor beyond the retry budget") {
    const auto route = route_with(0);
    auto rules = rules_for(route);
    rules.rescues = true;
    auto situation = around(kStart, 1);
    situation.rung_next = Rung::prefill;
    SECTION("the route") {
        rules.rescues = false;
    }
    SECTION("the client") {
        rules.may_fall_back = false;
    }
    SECTION("the deadline") {
        situation.now = rules.deadline;
    }
    SECTION("the budget") {
        situation.may_add = false;
    }
    SECTION("the entry") {
        situation.rung_next = Rung::none;
    }
    Course course(rules);
    course.begin(0);
    course.ready(0);
    CHECK(course.broke(FailureClass::malformed, situation).action == Action::stop);
}

// ------------------------------------------------------------------- every path of small chains

namespace {

/// What the world knows of one request beside its course.
struct World {
    World(const CourseRules& rules, std::size_t chain) : course(rules), entries(chain) {}
    Course course;
    std::size_t entries;
    std::set<std::size_t> spent{};  // entries that have failed
    TimePoint now = kStart;
    int starts = 0;
    int settled = 0;  // attempts that came to an end, each once
    int finishes = 0;
    bool client_here = true;

    std::string key() const {
        std::ostringstream out;
        std::apply(
            [&](auto phase, auto first, auto furthest, auto used, auto repaired, auto resume,
                auto hedge, auto a, auto b, auto resumed, auto resumed_rung) {
                out << static_cast<int>(phase) << ' ' << first << ' ' << furthest << ' ' << used
                    << ' ' << repaired << ' ' << resume.time_since_epoch().count() << ' '
                    << hedge.time_since_epoch().count() << ' ' << resumed << ' '
                    << static_cast<int>(resumed_rung);
                for (const auto& [running, entry, rung] : {a, b}) {
                    out << ' ' << running << ' ' << entry << ' ' << static_cast<int>(rung);
                }
            },
            course.state());
        out << ' ' << now.time_since_epoch().count() << ' ' << client_here << ' ' << entries;
        for (const auto entry : spent) out << " x" << entry;
        return out.str();
    }
};

class Explorer {
  public:
    std::set<std::string> seen;
    std::set<std::string> under_way;
    std::size_t paths = 0;
    int most_starts = 0;

    void explore(const World& world) {
        const auto key = world.key();
        // Every path ends: a state that leads back to itself would be one that does not.
        REQUIRE(under_way.count(key) == 0);
        if (!seen.insert(key).second) return;
        under_way.insert(key);
        most_starts = std::max(most_starts, world.starts);
        if (world.course.phase() == Phase::over) {
            check_end(world);
        } else {
            step(world);
        }
        under_way.erase(key);
    }

  private:
    void check_end(const World& world) {
        ++paths;
        REQUIRE_FALSE(world.course.running(0));
        REQUIRE_FALSE(world.course.running(1));
        REQUIRE(world.starts == world.settled);
        REQUIRE(world.finishes <= 1);
    }

    void step(const World& world) {
        for (std::size_t lane = 0; lane < kMaxLanes; ++lane) {
            if (!world.course.running(lane)) continue;
            if (world.course.phase() == Phase::committed) {
                end_committed(world);
            } else {
                fail(world, lane);
                auto next = world;
                const int others = next.course.running(1 - lane) ? 1 : 0;
                act(next, next.course.ready(lane), others);
            }
        }
        if (world.course.due() != TimePoint::max()) pass_time(world, world.course.due());
        if (world.now < kStart + kDeadline) pass_time(world, kStart + kDeadline);
        auto gone = world;
        gone.client_here = false;
        act(gone, gone.course.left(), running(world));
    }

    static int running(const World& world) {
        return static_cast<int>(world.course.running(0)) +
               static_cast<int>(world.course.running(1));
    }

    void end_committed(const World& world) {
        auto whole = world;
        ++whole.finishes;
        act(whole, whole.course.finished(), 1);
        for (const auto rung : {Rung::none, Rung::prefill, Rung::restart}) {
            for (const bool may_add : {true, false}) {
                auto broken = world;
                const auto from = broken.course.entry_of(broken.course.running(0) ? 0 : 1);
                broken.spent.insert(from);
                auto s = surroundings_of_break(broken, from);
                s.rung_next = s.rung_same = rung;
                s.rung_below = may_add ? Rung::instruct : Rung::none;
                s.may_add = may_add;
                act(broken, broken.course.broke(FailureClass::malformed, s), 1);
            }
        }
    }

    void fail(const World& world, std::size_t lane) {
        for (const auto why :
             {FailureClass::connection, FailureClass::timeout, FailureClass::rate_limit,
              FailureClass::bad_request, FailureClass::overloaded, FailureClass::budget,
              FailureClass::client_closed}) {
            for (int variant = 0; variant < 8; ++variant) {
                auto next = world;
                auto failure = because(why);
                failure.refused_addition = (variant & 1) != 0;
                failure.places_taken = (variant & 2) != 0;
                const auto from = next.course.entry_of(lane);
                next.spent.insert(from);
                const bool rescuing = next.course.phase() == Phase::rescuing;
                auto s = rescuing ? surroundings_of_break(next, from) : surroundings(next);
                s.may_add = (variant & 4) == 0;
                s.may_retry = (variant & 2) == 0;
                s.rung_next = Rung::prefill;
                s.rung_below = (variant & 1) != 0 ? Rung::instruct : Rung::none;
                s.rung_same = (variant & 1) == 0 ? Rung::restart : Rung::none;
                const int before = running(next);
                const auto move = next.course.failed(lane, failure, s);
                const bool all = move.action == Action::stop;
                act(next, move, all ? before : 1);
            }
        }
    }

    void pass_time(const World& world, TimePoint to) {
        for (const bool may : {true, false}) {
            auto next = world;
            next.now = std::max(next.now, to);
            auto s = surroundings(next);
            s.may_hedge = s.may_resume = may;
            const int before = running(next);
            const auto due = next.course.due();
            const auto move = next.course.tick(s);
            // What was due is done, or is not due any more.
            REQUIRE((due > next.now || next.course.due() != due ||
                     next.course.phase() != Phase::trying));
            act(next, move, move.action == Action::stop ? before : 0);
        }
    }

    Surroundings surroundings(const World& world) const {
        const auto next = world.course.furthest() + 1;
        auto s = around(world.now, next < world.entries ? std::optional(next) : std::nullopt);
        s.jitter = 0.5;
        return s;
    }

    /// Who goes on with a stream: any that has not failed, those behind first.
    Surroundings surroundings_of_break(const World& world, std::size_t from) const {
        auto s = surroundings(world);
        s.next.reset();
        for (std::size_t step = 1; step < world.entries && !s.next; ++step) {
            const auto place = (from + step) % world.entries;
            if (world.spent.count(place) == 0) s.next = place;
        }
        return s;
    }

    void act(World& world, const Move& move, int settled) {
        world.settled += settled;
        if (move.action == Action::start) {
            ++world.starts;
            // Nothing is started after the client left or the deadline passed.
            REQUIRE(world.client_here);
            REQUIRE(world.now < kStart + kDeadline);
            REQUIRE(move.entry < world.entries);
            REQUIRE(world.course.running(move.lane));
        }
        if (move.action == Action::commit) {
            REQUIRE(world.course.running(move.lane));
            REQUIRE_FALSE(world.course.running(1 - move.lane));
        }
        if (move.action == Action::stop) REQUIRE(world.course.phase() == Phase::over);
        REQUIRE(world.starts - world.settled == running(world));
        explore(world);
    }
};

}  // namespace

TEST_CASE("Every path through small chains ends, settles each attempt once and starts none late") {
    std::size_t states = 0;
    for (const std::uint32_t retries : {0U, 1U, 2U}) {
        const auto route = route_with(retries);
        for (std::size_t entries = 1; entries <= 3; ++entries) {
            for (int options = 0; options < 8; ++options) {
                auto rules = rules_for(route);
                rules.hedges = (options & 1) != 0;
                rules.rescues = (options & 2) != 0;
                rules.may_fall_back = (options & 4) == 0;
                World world(rules, entries);
                world.starts = 1;
                REQUIRE(world.course.begin(0, kStart + kHedge).action == Action::start);
                Explorer explorer;
                explorer.explore(world);
                states += explorer.seen.size();
                // Each entry: once, its retries, one repair, and up to three ways of going on.
                CHECK(explorer.most_starts <=
                      static_cast<int>(entries * (1 + retries + 1 + 3) + retries));
            }
        }
    }
    CHECK(states > 1000);
    WARN("states explored: " << states);
}
