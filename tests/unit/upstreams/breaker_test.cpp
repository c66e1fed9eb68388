#include "upstreams/breaker.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using namespace std::chrono_literals;
using understudy::wire::FailureClass;
using understudy::wire::kFailureClassCount;
using Class = FailureClass;
using Kind = Availability::Kind;
using std::chrono::milliseconds;

namespace {

constexpr net::TimePoint kStart{net::TimePoint::duration(1'000'000'000'000)};

/// A breaker with a clock of its own; no rest is shortened unless a test says so.
struct Bench {
    Breaker breaker{understudy::config::Breaker{}};
    net::TimePoint now = kStart;

    void pass(milliseconds time) { now += time; }
    AttemptResult result(Class failure) const {
        AttemptResult r;
        r.failure = failure;
        r.started = now;
        return r;
    }
    /// An attempt that begins and ends now; what it has been given.
    std::uint32_t attempt(Class failure, std::optional<milliseconds> retry_after = std::nullopt) {
        auto r = result(failure);
        r.probe = breaker.start(now);
        r.retry_after = retry_after;
        breaker.settle(r, now, 0);
        return r.probe;
    }
    void attempts(int count, Class failure) {
        for (int i = 0; i < count; ++i) attempt(failure);
    }
    void open() {
        attempts(5, Class::server_error);
        REQUIRE(breaker.state(now) == BreakerState::open);
    }
    Kind kind() const { return breaker.look(now).kind; }
    /// Until it may be asked again.
    milliseconds rest() const {
        return std::chrono::duration_cast<milliseconds>(breaker.rests_until() - now);
    }
};

}  // namespace

TEST_CASE("what of an attempt's end counts for a breaker, class by class") {
    struct Row {
        Class failure;
        Account account;
        bool cut_short;
        const char* expected;  // after five of them
    };
    const std::vector<Row> rows{
        {Class::connection, Account::own, false, "open"},
        {Class::timeout, Account::own, false, "open"},
        {Class::server_error, Account::own, false, "open"},
        {Class::malformed, Account::own, false, "open"},
        {Class::connection, Account::client, false, "open"},
        {Class::timeout, Account::none, false, "open"},
        {Class::timeout, Account::own, true, "closed"},
        {Class::connection, Account::own, true, "closed"},
        {Class::rate_limit, Account::own, false, "open"},
        {Class::rate_limit, Account::none, false, "open"},
        {Class::rate_limit, Account::client, false, "closed"},
        {Class::auth, Account::own, false, "down"},
        {Class::quota, Account::own, false, "down"},
        {Class::auth, Account::client, false, "closed"},
        {Class::quota, Account::client, false, "closed"},
        {Class::auth, Account::none, false, "closed"},
        {Class::none, Account::own, false, "closed"},
        {Class::not_found, Account::own, false, "closed"},
        {Class::context_length, Account::own, false, "closed"},
        {Class::content_filter, Account::own, false, "closed"},
        {Class::bad_request, Account::own, false, "closed"},
        {Class::budget, Account::own, false, "closed"},
        {Class::client_closed, Account::own, false, "closed"},
        {Class::overloaded, Account::own, false, "closed"},
        {Class::unsupported, Account::own, false, "closed"},
        {Class::dropped, Account::own, false, "closed"},
        {Class::empty, Account::own, false, "closed"},
        {Class::length, Account::own, false, "closed"},
        {Class::refusal, Account::own, false, "closed"},
        {Class::invalid_json, Account::own, false, "closed"},
        {Class::invalid_tool_call, Account::own, false, "closed"},
    };
    std::array<bool, kFailureClassCount> seen{};
    for (const auto& row : rows) {
        seen[static_cast<std::size_t>(row.failure)] = true;
        CAPTURE(name_of(row.failure), static_cast<int>(row.account), row.cut_short);
        Bench b;
        for (int i = 0; i < 5; ++i) {
            auto r = b.result(row.failure);
            r.account = row.account;
            r.cut_short = row.cut_short;
            b.breaker.settle(r, b.now, 0);
        }
        const auto state = b.breaker.state(b.now);
        CHECK(std::string(row.expected) == (state == BreakerState::closed ? "closed"
                                            : state == BreakerState::open ? "open"
                                                                          : "down"));
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CAPTURE(understudy::wire::kFailureClassNames[i]);
        CHECK(seen[i]);
    }
}

TEST_CASE("a dead upstream is left alone after as many failures as are configured") {
    Bench b;
    b.attempts(4, Class::connection);
    CHECK(b.kind() == Kind::ready);
    CHECK_FALSE(b.breaker.clean(b.now));
    b.attempt(Class::timeout);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.rest() == 3s);
}

TEST_CASE("failures that do not come within the window open nothing") {
    Bench b;
    for (int i = 0; i < 100; ++i) {
        b.attempt(Class::server_error);
        b.pass(15'001ms);  // the fifth comes 60 s and a little after the first
        REQUIRE(b.kind() == Kind::ready);
    }
    b.pass(60s);
    CHECK(b.breaker.clean(b.now));
}

TEST_CASE("the part that fails decides under load, not the number") {
    struct Row {
        int every;  // one in so many fails
        bool opens;
    };
    for (const auto& row : std::vector<Row>{{1, true}, {2, true}, {3, false}, {10, false}}) {
        CAPTURE(row.every);
        Bench b;
        bool opened = false;
        for (int i = 0; i < 10'000 && !opened; ++i) {
            b.attempt(i % row.every == 0 ? Class::server_error : Class::none);
            b.pass(1ms);
            opened = b.kind() != Kind::ready;
        }
        CHECK(opened == row.opens);
    }
}

TEST_CASE("an upstream that fails half of the time by chance is found out, one in ten is not") {
    std::mt19937 random(7);
    int opened = 0;
    for (int round = 0; round < 100; ++round) {
        Bench half, tenth;
        int needed = 0;
        while (half.kind() == Kind::ready) {
            half.attempt(random() % 2 == 0 ? Class::server_error : Class::none);
            half.pass(10ms);
            ++needed;
        }
        CHECK(needed < 500);
        for (int i = 0; i < 100; ++i) {
            tenth.attempt(random() % 10 == 0 ? Class::server_error : Class::none);
            tenth.pass(10ms);
        }
        opened += tenth.kind() != Kind::ready;
    }
    CHECK(opened <= 1);
}

TEST_CASE("where many failures make a row, half of a large sample is enough") {
    Bench b;
    understudy::config::Breaker settings;
    settings.failures = 50;
    b.breaker.use(settings);
    int asked = 0;
    while (b.kind() == Kind::ready) {
        b.attempt(asked % 2 == 0 ? Class::server_error : Class::none);
        b.pass(10ms);
        ++asked;
    }
    CHECK(asked == 399);
}

TEST_CASE("answers that were asked for before do not hide that all since have failed") {
    Bench b;
    auto old = b.result(Class::none);
    b.pass(20s);
    for (int i = 0; i < 5; ++i) {
        b.attempt(Class::connection);
        b.breaker.settle(old, b.now, 0);
        b.pass(10ms);
    }
    CHECK(b.kind() == Kind::resting);
}

TEST_CASE("requests that were under way together and fail together count one by one") {
    Bench b;
    const auto together = b.result(Class::connection);
    b.pass(10ms);
    for (int i = 0; i < 100; ++i) b.breaker.settle(together, b.now, 0);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.rest() == 3s);  // those beyond the fifth have made it no longer
}

TEST_CASE("after the rest one probe goes, and only one") {
    Bench b;
    b.open();
    b.pass(2'999ms);
    CHECK(b.breaker.start(b.now) == 0);
    CHECK(b.kind() == Kind::resting);
    b.pass(1ms);
    CHECK(b.kind() == Kind::probe);
    CHECK(b.breaker.state(b.now) == BreakerState::half_open);
    const auto probe = b.breaker.start(b.now);
    REQUIRE(probe != 0);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.breaker.start(b.now) == 0);

    SECTION("its good answer closes") {
        auto r = b.result(Class::none);
        r.probe = probe;
        CHECK(b.breaker.settle(r, b.now, 0));
        CHECK(b.kind() == Kind::ready);
        CHECK(b.breaker.clean(b.now));
    }
    SECTION("already its beginning does") {
        CHECK(b.breaker.begun(probe, b.now));
        CHECK(b.kind() == Kind::ready);
        CHECK_FALSE(b.breaker.begun(probe, b.now));
    }
    SECTION("given back, the next request is it") {
        b.breaker.give_back(probe);
        CHECK(b.kind() == Kind::probe);
        CHECK(b.breaker.start(b.now) == probe + 1);
    }
    SECTION("a client that leaves gives it back") {
        auto r = b.result(Class::client_closed);
        r.probe = probe;
        CHECK_FALSE(b.breaker.settle(r, b.now, 0));
        CHECK(b.kind() == Kind::probe);
    }
    SECTION("so does one that its request had no time to wait for") {
        auto r = b.result(Class::timeout);
        r.probe = probe;
        r.cut_short = true;
        CHECK_FALSE(b.breaker.settle(r, b.now, 0));
        CHECK(b.kind() == Kind::probe);
    }
    SECTION("and one that was the client's own fault") {
        auto r = b.result(Class::bad_request);
        r.probe = probe;
        CHECK_FALSE(b.breaker.settle(r, b.now, 0));
        CHECK(b.kind() == Kind::probe);
    }
    SECTION("what is settled twice, or belongs to another time, changes nothing") {
        b.breaker.give_back(probe);
        const auto second = b.breaker.start(b.now);
        auto r = b.result(Class::server_error);
        r.probe = probe;
        r.started = kStart;
        b.breaker.give_back(probe);
        CHECK_FALSE(b.breaker.settle(r, b.now, 0));
        CHECK(b.kind() == Kind::resting);  // the second is still out
        r.probe = second;
        CHECK(b.breaker.settle(r, b.now, 0));
        CHECK(b.breaker.state(b.now) == BreakerState::open);
    }
}

TEST_CASE("a probe that says nothing keeps the others away for a while, and not until its end") {
    Bench b;
    b.open();
    b.pass(3s);
    auto slow = b.result(Class::none);
    slow.probe = b.breaker.start(b.now);
    REQUIRE(slow.probe != 0);
    b.pass(9'999ms);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.breaker.start(b.now) == 0);
    b.pass(1ms);
    CHECK(b.kind() == Kind::probe);
    auto next = b.result(Class::none);
    next.probe = b.breaker.start(b.now);
    REQUIRE(next.probe != 0);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.breaker.start(b.now) == 0);
    b.pass(5s);

    SECTION("the first one closes it, and the second one's failure is of the time before") {
        CHECK(b.breaker.settle(slow, b.now, 0));
        CHECK(b.kind() == Kind::ready);
        next.failure = Class::timeout;
        CHECK_FALSE(b.breaker.settle(next, b.now, 0));
        CHECK(b.breaker.clean(b.now));
    }
    SECTION("the second one closes it, and the first one's failure is of the time before") {
        CHECK(b.breaker.begun(next.probe, b.now));
        CHECK_FALSE(b.breaker.begun(slow.probe, b.now));
        slow.failure = Class::timeout;
        CHECK_FALSE(b.breaker.settle(slow, b.now, 0));
        CHECK(b.breaker.clean(b.now));
        next.failure = Class::malformed;  // what closed it may still break
        CHECK_FALSE(b.breaker.settle(next, b.now, 0));
        CHECK_FALSE(b.breaker.clean(b.now));
    }
    SECTION("the failure of either makes it rest, once") {
        slow.failure = next.failure = Class::timeout;
        CHECK(b.breaker.settle(slow, b.now, 0));
        CHECK(b.rest() == 6s);
        b.pass(1s);
        CHECK_FALSE(b.breaker.settle(next, b.now, 0));
        CHECK(b.rest() == 5s);
    }
    SECTION("one that is given back leaves the other out") {
        b.breaker.give_back(next.probe);
        CHECK(b.kind() == Kind::resting);
        b.breaker.give_back(slow.probe);
        CHECK(b.kind() == Kind::probe);
    }
    SECTION("where a cooldown is longer, so is the patience") {
        CHECK(Breaker({5, 60s, 30s}).probe_patience() == 30s);
    }
}

TEST_CASE("every failed probe doubles the rest, up to ten seconds, and a recovery ends it") {
    Bench b;
    b.open();
    std::vector<milliseconds> rests{b.rest()};
    for (int i = 0; i < 4; ++i) {
        b.pass(b.rest());
        CHECK(b.attempt(Class::server_error) != 0);
        rests.push_back(b.rest());
    }
    CHECK(rests == std::vector<milliseconds>{3s, 6s, 10s, 10s, 10s});
    b.pass(10s);
    b.attempt(Class::none);
    CHECK(b.kind() == Kind::ready);
}

TEST_CASE("how long a rest is") {
    understudy::config::Breaker settings;
    struct Row {
        milliseconds cooldown;
        std::uint32_t level;
        double random;
        milliseconds expected;
    };
    const std::vector<Row> rows{
        {3s, 0, 0, 3s},    {3s, 0, 0.5, 2'625ms}, {3s, 0, 0.9999999, 2'250ms},
        {3s, 1, 0, 6s},    {3s, 2, 0, 10s},       {3s, 4'000'000'000, 0, 10s},
        {1s, 2, 0, 4s},    {30s, 0, 0, 30s},      {30s, 1, 0, 30s},
        {24h, 20, 0, 24h}, {1ms, 0, 0, 1ms},      {10s, 1, 1, 7'500ms},
    };
    for (const auto& row : rows) {
        settings.cooldown = row.cooldown;
        CAPTURE(row.cooldown.count(), row.level, row.random);
        CHECK(Breaker::rest(settings, row.level, row.random) == row.expected);
    }
}

TEST_CASE("one that fails again soon after it recovered goes on where it was") {
    Bench b;
    b.open();
    b.pass(3s);
    b.attempt(Class::server_error);
    CHECK(b.rest() == 6s);
    b.pass(6s);
    b.attempt(Class::none);
    b.pass(1s);
    b.open();
    CHECK(b.rest() == 10s);
    b.pass(10s);
    b.attempt(Class::none);
    b.pass(60s);  // well for a whole window
    b.open();
    CHECK(b.rest() == 3s);
}

TEST_CASE("what began before it was well again says nothing") {
    Bench b;
    const auto before = b.result(Class::timeout);
    b.open();
    b.pass(3s);
    b.attempt(Class::none);
    for (int i = 0; i < 50; ++i) CHECK_FALSE(b.breaker.settle(before, b.now, 0));
    CHECK(b.breaker.clean(b.now));
    auto limited = before;
    limited.failure = Class::rate_limit;
    CHECK_FALSE(b.breaker.settle(limited, b.now, 0));

    b.open();
    auto good = before;
    good.failure = Class::none;
    CHECK_FALSE(b.breaker.settle(good, b.now, 0));
    CHECK(b.kind() == Kind::resting);
}

TEST_CASE("a probe that began well and then broke has failed once, as any other") {
    Bench b;
    b.open();
    b.pass(3s);
    auto r = b.result(Class::connection);
    r.probe = b.breaker.start(b.now);
    b.breaker.begun(r.probe, b.now);
    b.pass(1s);
    CHECK_FALSE(b.breaker.settle(r, b.now, 0));
    CHECK_FALSE(b.breaker.clean(b.now));
    b.attempts(4, Class::connection);
    CHECK(b.kind() == Kind::resting);
    CHECK(b.rest() == 6s);
}

TEST_CASE("who is asked because all rest may be found well") {
    Bench b;
    b.open();
    b.pass(1s);
    CHECK(b.attempt(Class::server_error) == 0);
    CHECK(b.rest() == 2s);  // its failure makes the rest no longer
    b.attempt(Class::none);
    CHECK(b.kind() == Kind::ready);
}

TEST_CASE("a 429 rests the entry, at least as long as the provider says, and is no failure") {
    struct Row {
        std::optional<milliseconds> retry_after;
        milliseconds rest;
        Kind kind;
    };
    const std::vector<Row> rows{{std::nullopt, 3s, Kind::resting},
                                {0ms, 3s, Kind::resting},
                                {500ms, 3s, Kind::named},
                                {20s, 20s, Kind::named},
                                {24h, 24h, Kind::named}};
    for (const auto& row : rows) {
        Bench b;
        b.attempt(Class::rate_limit, row.retry_after);
        CHECK(b.rest() == row.rest);
        CHECK(b.kind() == row.kind);
        b.pass(row.rest);
        CHECK(b.kind() == Kind::probe);
        b.attempt(Class::none);
        CHECK(b.breaker.clean(b.now));
    }
    Bench b;
    b.attempts(4, Class::server_error);
    b.attempt(Class::rate_limit, 500ms);
    CHECK(b.breaker.look(b.now) == Availability{Kind::named, b.now + 500ms});
    b.pass(500ms);
    CHECK(b.breaker.look(b.now) == Availability{Kind::resting, b.now + 2500ms});
}

TEST_CASE("a 429 that its request waits for rests nobody") {
    Bench b;
    auto r = b.result(Class::rate_limit);
    r.retry_after = 2s;
    r.waited_for = true;
    CHECK_FALSE(b.breaker.settle(r, b.now, 0));
    CHECK(b.kind() == Kind::ready);
    CHECK(b.breaker.clean(b.now));
}

TEST_CASE("the provider's word is a floor of every rest") {
    Bench b;
    SECTION("of one that opens") {
        b.attempts(4, Class::server_error);
        b.attempt(Class::server_error, 45s);
        CHECK(b.rest() == 45s);
    }
    SECTION("of a failure that names a time, already the first one") {
        b.attempt(Class::server_error, 8s);
        CHECK(b.rest() == 8s);
        CHECK(b.kind() == Kind::named);
    }
    SECTION("but not of one that is waited for") {
        auto r = b.result(Class::server_error);
        r.retry_after = 1s;
        r.waited_for = true;
        b.breaker.settle(r, b.now, 0);
        CHECK(b.kind() == Kind::ready);
        CHECK_FALSE(b.breaker.clean(b.now));  // it counts all the same
    }
    SECTION("of a probe's failure") {
        b.open();
        b.pass(3s);
        b.attempt(Class::rate_limit, 30s);
        CHECK(b.rest() == 30s);
    }
    SECTION("of a rest that goes on") {
        b.open();
        auto r = b.result(Class::rate_limit);
        r.retry_after = 30s;
        b.breaker.settle(r, b.now, 0);
        CHECK(b.rest() == 30s);
        r.retry_after = 5s;
        b.breaker.settle(r, b.now, 0);
        CHECK(b.rest() == 30s);
    }
    SECTION("and jitter does not shorten it") {
        auto r = b.result(Class::rate_limit);
        r.retry_after = 30s;
        b.breaker.settle(r, b.now, 0.99);
        CHECK(b.rest() == 30s);
    }
}

TEST_CASE("a refused key is down until a reload, whatever comes meanwhile") {
    for (const auto failure : {Class::auth, Class::quota}) {
        Bench b;
        b.attempt(failure);
        CHECK(b.breaker.look(b.now) == Availability{Kind::down, {}});
        b.pass(24h);
        CHECK(b.kind() == Kind::down);
        CHECK(b.attempt(Class::none) == 0);
        b.attempt(Class::rate_limit, 1s);
        b.attempts(5, Class::server_error);
        CHECK(b.kind() == Kind::down);
        b.breaker.forget_refusal();
        CHECK(b.kind() == Kind::ready);
        CHECK(b.breaker.clean(b.now));
    }
    Bench resting;
    resting.open();
    resting.breaker.forget_refusal();
    CHECK(resting.kind() == Kind::resting);
}

TEST_CASE("a refusal of what one request asked for says nothing of the account") {
    for (const auto failure : {Class::auth, Class::quota}) {
        Bench b;
        AttemptResult result;
        result.failure = failure;
        result.one_request = true;
        CHECK_FALSE(b.breaker.settle(result, b.now, 0));
        CHECK(b.kind() == Kind::ready);
        CHECK(b.breaker.clean(b.now));
    }
}

TEST_CASE("a failure can ask for ten minutes at most, and 0 asks for nothing") {
    Bench b;
    b.attempt(Class::server_error, 0s);
    CHECK(b.kind() == Kind::ready);
    b.attempt(Class::server_error, 20h);
    CHECK(b.kind() == Kind::named);
    b.pass(10min);
    CHECK(b.kind() == Kind::probe);
    Bench limited;
    limited.attempt(Class::rate_limit, 20h);
    limited.pass(10min);
    CHECK(limited.kind() == Kind::named);
}

TEST_CASE("a probe that finds the key refused is the last") {
    Bench b;
    b.open();
    b.pass(3s);
    b.attempt(Class::auth);
    CHECK(b.kind() == Kind::down);
}

TEST_CASE(
    "an outage of a minute with a request every four seconds costs few attempts and the "
    "upstream is used again within 16 s of its recovery") {
    std::mt19937_64 engine(11);
    std::uniform_real_distribution<double> random(0, 1);
    for (int round = 0; round < 2000; ++round) {
        Bench b;
        const auto recovery = b.now + 60s + milliseconds(engine() % 20'000);
        int asked = 0;
        std::optional<net::TimePoint> used;
        while (!used) {
            if (b.breaker.look(b.now).usable()) {
                auto r = b.result(b.now < recovery ? Class::server_error : Class::none);
                r.probe = b.breaker.start(b.now);
                b.breaker.settle(r, b.now, random(engine));
                if (r.failure == Class::none) {
                    used = b.now;
                } else {
                    ++asked;
                }
            }
            b.pass(4s);
        }
        REQUIRE(asked <= 12);
        REQUIRE(*used - recovery < 16s);
    }
}

TEST_CASE("whatever comes in whatever order: one probe at a time, and every rest ends") {
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        Bench b;
        std::vector<AttemptResult> out;
        auto last_probe = b.now;
        for (int step = 0; step < 400; ++step) {
            const auto choice = random() % 4;
            if (choice == 0) {
                b.pass(milliseconds(random() % 4000));
            } else if (choice == 1 && b.breaker.look(b.now).usable()) {
                auto r = b.result(Class::none);
                r.probe = b.breaker.start(b.now);
                if (r.probe != 0) last_probe = b.now;
                out.push_back(r);
            } else if (!out.empty()) {
                const auto i = random() % out.size();
                auto r = out[i];
                out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
                r.failure = static_cast<Class>(random() % kFailureClassCount);
                if (r.failure == Class::auth || r.failure == Class::quota)
                    r.account = Account::client;
                if (random() % 3 == 0) r.retry_after = milliseconds(random() % 5000);
                if (random() % 5 == 0) {
                    b.breaker.give_back(r.probe);
                } else {
                    b.breaker.settle(r, b.now, 0.5);
                }
            }
            if (b.breaker.state(b.now) != BreakerState::half_open) continue;
            // Only one that has begun not long ago, and is still out, keeps the others away.
            auto copy = b.breaker;
            for (const auto& r : out) copy.give_back(r.probe);
            REQUIRE(copy.look(b.now).kind == Kind::probe);
            if (b.kind() != Kind::probe) REQUIRE(b.now - last_probe < b.breaker.probe_patience());
        }
        b.pass(10s);
        REQUIRE(b.breaker.state(b.now) != BreakerState::open);
    }
}
