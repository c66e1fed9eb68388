// Breakers and key pools as a worker meets them: through a Runtime, over reloads, by many threads.
#include "proxy/admission.hpp"

#include "tests/unit/proxy/breaker_stage.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace understudy;
using namespace understudy::proxy;
using namespace understudy::proxy::test;
using namespace std::chrono_literals;
using net::Clock;
using net::TimePoint;
using upstreams::Account;
using upstreams::AttemptResult;
using upstreams::KeyPool;
using wire::FailureClass;

TEST_CASE("without breakers nothing rests and nothing is on the page") {
    Stage stage;
    const auto runtime = stage.load([](auto&) {});
    const auto now = Clock::now();
    CHECK(entry(*runtime, 0).breakers == nullptr);
    CHECK(entry(*runtime, 0).keys == nullptr);
    fail(*runtime, 0, now, Class::connection, 50);
    fail(*runtime, 0, now, Class::auth);
    CHECK(kind(*runtime, 0, now) == Kind::ready);
    CHECK(any_route_usable(*runtime, now));
    CHECK(stage.bench.metrics().find("understudy_breaker") == std::string::npos);
}

TEST_CASE("an upstream rests for the model that failed there, and only for that one") {
    Stage stage;
    const auto runtime = stage.load();
    const auto now = Clock::now();
    CHECK(has_line(stage.bench.metrics(),
                   R"(understudy_breaker_state{upstream="one",model="other"} 0)"));
    CHECK(has_line(stage.bench.metrics(),
                   R"(understudy_breaker_opened_total{upstream="two",model="named"} 0)"));
    fail(*runtime, 1, now, Class::server_error, 2, "named");
    CHECK(kind(*runtime, 1, now, "named") == Kind::resting);
    CHECK(kind(*runtime, 0, now, "named") == Kind::ready);
    const auto page = stage.bench.metrics();
    CHECK(has_line(page, R"(understudy_breaker_state{upstream="two",model="named"} 2)"));
    CHECK(has_line(page, R"(understudy_breaker_opened_total{upstream="two",model="named"} 1)"));
    count_skipped(*runtime, entry(*runtime, 1), "named");
    CHECK(has_line(stage.bench.metrics(),
                   R"(understudy_skipped_total{upstream="two",model="named"} 1)"));
}

TEST_CASE("models that nobody has answered are one, and one that was answered is another") {
    Stage stage;
    const auto runtime = stage.load();
    const auto now = Clock::now();
    const auto& one = runtime->config().upstreams[0];
    runtime->series(one, "gpt-c", metrics::Operation::chat, true);
    fail(*runtime, 0, now, Class::connection, 1, "gpt-a");
    fail(*runtime, 0, now, Class::connection, 1, "gpt-b");
    CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::ready);
    CHECK(kind(*runtime, 0, now, "gpt-d") == Kind::resting);
}

TEST_CASE("of models without a label each rests alone for what is said of it, and counts alone") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    const auto settled = [&](std::string_view model, Class failure) {
        Admission admission(*runtime, entry(*runtime, 0), model, now);
        admission.settle(ended(failure, now), model, now, 0);
    };
    for (const auto failure :
         {Class::server_error, Class::timeout, Class::malformed, Class::server_error}) {
        settled(failure == Class::timeout ? "gpt-b" : "gpt-c", failure);
        settled("gpt-a", failure);
    }
    settled("gpt-limited", Class::rate_limit);
    CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
    CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);  // one failure of two
    CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::resting);
    CHECK(kind(*runtime, 0, now, "gpt-limited") == Kind::resting);
    CHECK(kind(*runtime, 0, now, "gpt-d") == Kind::ready);
    const auto page = stage.bench.metrics();
    CHECK(has_line(page, R"(understudy_breaker_state{upstream="one",model="other"} 2)"));
    CHECK(has_line(page, R"(understudy_breaker_opened_total{upstream="one",model="other"} 3)"));
    CHECK_FALSE(entry(*runtime, 0).breakers->usable(now));

    now += 3s;
    {
        Admission probe(*runtime, entry(*runtime, 0), "gpt-a", now);
        CHECK(probe.is_probe());
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::probe);
    }
    CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::probe);  // given back
    Admission probe(*runtime, entry(*runtime, 0), "gpt-a", now);
    probe.begun(now);
    CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::ready);
    CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::probe);
    probe.settle(ended(Class::none, now), "gpt-a", now, 0);

    SECTION("what a client may make up leaves nothing behind") {
        for (int i = 0; i < 10; ++i) {
            const auto name = "made-up-" + std::to_string(i);
            settled(name, Class::not_found);
            settled(name, Class::bad_request);
            settled(name, Class::client_closed);
        }
        settled("gpt-c", Class::none);
        settled("gpt-limited", Class::none);
        CHECK(has_line(stage.bench.metrics(),
                       R"(understudy_breaker_state{upstream="one",model="other"} 0)"));
    }
    SECTION("and not more than so many of them are told apart; who rests stays longest") {
        for (std::size_t i = 0; i < 3 * Breakers::kMostUnlabelled; ++i) {
            now += 1ms;
            CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::probe);
            settled("made-up-" + std::to_string(i), Class::server_error);
        }
        CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::probe);
    }
}

TEST_CASE("that nobody can connect is no matter of a model, and one request finds out its end") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::connection);
    now += 3s;
    const auto probe_of = [&](std::string_view model) {
        Admission probe(*runtime, entry(*runtime, 0), model, now);
        REQUIRE(probe.is_probe());
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::resting);
        return probe;
    };
    auto probe = probe_of("gpt-a");
    SECTION("by an answer of whatever kind, which may make its model rest") {
        probe.settle(ended(Class::rate_limit, now), "gpt-a", now, 0);
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);
    }
    SECTION("silence is no end of it") {
        probe.settle(ended(Class::timeout, now), "gpt-a", now, 0);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::resting);
        now += 6s;
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::probe);
    }
    SECTION("a client that leaves hands it on") {
        probe.settle(ended(Class::client_closed, now), "gpt-a", now, 0);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::probe);
    }
    SECTION("a model that rests by itself does not take it") {
        probe = Admission();
        auto limited = ended(Class::rate_limit, now);
        limited.retry_after = 60s;
        entry(*runtime, 0).breakers->settle({"other", "gpt-c"}, {}, limited, now, 0);
        CHECK(kind(*runtime, 0, now, "gpt-c") == Kind::named);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::probe);
    }
}

TEST_CASE("a 403 for a model without a label puts down that model and no other") {
    Stage stage;
    auto runtime = stage.load();
    const auto now = Clock::now();
    const auto forbid = [&](std::string_view model, std::size_t position = 0) {
        Admission admission(*runtime, entry(*runtime, position), model, now);
        auto result = ended(Class::auth, now);
        result.forbidden = true;
        admission.settle(result, model, now, 0);
    };
    forbid("gpt-a");
    CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::down);
    CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);
    const auto page = stage.bench.metrics();
    CHECK(has_line(page, R"(understudy_breaker_state{upstream="one",model="other"} 0)"));
    CHECK(page.find("gpt-a") == std::string::npos);
    // Nobody else pays for it with a lock.
    std::size_t locked = 0;
    for (int i = 0; i < 64; ++i)
        locked += entry(*runtime, 0).breakers->quiet("gpt-" + std::to_string(i)) ? 0 : 1;
    CHECK(locked < 16);
    CHECK_FALSE(entry(*runtime, 0).breakers->quiet("gpt-a"));
    for (std::size_t i = 0; i < 3 * Breakers::kMostUnlabelled; ++i)
        forbid("made-up-" + std::to_string(i));
    CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);
    SECTION("one that the configuration names has its own place") {
        forbid("named", 1);
        CHECK(kind(*runtime, 1, now, "named") == Kind::down);
        CHECK(has_line(stage.bench.metrics(),
                       R"(understudy_breaker_state{upstream="two",model="named"} 3)"));
    }
    SECTION("a key that is not known, or has no credit, is so whatever was asked for") {
        fail(*runtime, 0, now, Class::auth, 1, "gpt-c");
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::down);
    }
    SECTION("a reload forgets it") {
        runtime = stage.load();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::ready);
        CHECK(entry(*runtime, 0).breakers->quiet());
    }
}

TEST_CASE("names of models cannot fill the table") {
    Breakers breakers("one", config::Breaker{1, 60s, 3s});
    const auto now = Clock::now();
    for (std::size_t i = 0; i < 3 * Breakers::kMostModels; ++i) {
        const auto name = "m" + std::to_string(i);
        breakers.settle({name, name}, {}, ended(Class::connection, now), now, 0);
    }
    metrics::States states;
    breakers.collect(now, states);
    CHECK(states.breakers.size() <= Breakers::kMostModels + 1);
}

TEST_CASE("an admission that is dropped gives its probe back, also after a move") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error);
    now += 3s;
    {
        Admission probe(*runtime, entry(*runtime, 0), "gpt-x", now);
        CHECK(probe.is_probe());
        CHECK(kind(*runtime, 0, now) == Kind::resting);
        Admission moved(std::move(probe));
        Admission other(*runtime, entry(*runtime, 0), "gpt-x", now);
        CHECK_FALSE(other.is_probe());
        other = std::move(moved);
        CHECK(other.is_probe());
        CHECK(kind(*runtime, 0, now) == Kind::resting);
    }
    CHECK(kind(*runtime, 0, now) == Kind::probe);
}

TEST_CASE("of two requests that choose at the same moment one is the probe") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error);
    now += 3s;
    const std::vector<const RuntimeEntry*> chain{&entry(*runtime, 0), &entry(*runtime, 1)};
    Claim first, second;
    CHECK(next_entry(*runtime, chain, "gpt-x", 0, true, now, first).entry == 0);
    CHECK(next_entry(*runtime, chain, "gpt-x", 0, true, now, second).entry == 1);
    CHECK(first.is_of(*chain[0]));
    CHECK_FALSE(second);
    SECTION("it is the one that asks") {
        Admission probe(*runtime, *chain[0], "gpt-x", now, 0, std::move(first));
        CHECK(probe.is_probe());
        CHECK_FALSE(first);
        CHECK(kind(*runtime, 0, now) == Kind::resting);
    }
    SECTION("who has chosen and then does not ask keeps nobody from it") {
        first = Claim();
        CHECK(next_entry(*runtime, chain, "gpt-x", 0, true, now, second).entry == 0);
        CHECK(second.is_of(*chain[0]));
    }
}

TEST_CASE("the probe of a model that becomes known by it closes the breaker that it was sent for") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error);
    now += 3s;
    Admission probe(*runtime, entry(*runtime, 0), "gpt-x", now);
    REQUIRE(probe.is_probe());
    probe.begun(now);
    CHECK(kind(*runtime, 0, now, "gpt-unknown") == Kind::ready);
    runtime->series(*entry(*runtime, 0).upstream, "gpt-x", metrics::Operation::chat, true);
    probe.settle(ended(Class::none, now), "gpt-x", now, 0);
    CHECK(entry(*runtime, 0).breakers->quiet());
}

TEST_CASE("failures that are forgotten cost nothing any more") {
    Stage stage;
    const auto runtime = stage.load();
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error, 1);
    CHECK_FALSE(entry(*runtime, 0).breakers->quiet());
    now += 61s;
    CHECK(kind(*runtime, 0, now, "named") == Kind::ready);  // a request for any model there
    CHECK(entry(*runtime, 0).breakers->quiet());
}

TEST_CASE("a reload goes on with what is known of upstreams that stay the same") {
    Stage stage;
    auto runtime = stage.load();
    const auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error);
    fail(*runtime, 1, now, Class::auth, 1, "named");
    CHECK(kind(*runtime, 0, now) == Kind::resting);
    CHECK(kind(*runtime, 1, now, "named") == Kind::down);
    CHECK_FALSE(any_route_usable(*runtime, now));

    SECTION("nothing changed: the rest goes on, the refused key is tried again") {
        runtime = stage.load();
        CHECK(kind(*runtime, 0, now) == Kind::resting);
        CHECK(kind(*runtime, 1, now, "named") == Kind::ready);
        CHECK(any_route_usable(*runtime, now));
    }
    SECTION("another key, another address: what was known was of something else") {
        runtime = stage.load([](auto& c) {
            with_breakers(c);
            c.upstreams[0].api_key.emplace("another-key");
            c.upstreams[1].base_url.port = 3;
        });
        CHECK(kind(*runtime, 0, now) == Kind::ready);
        CHECK(kind(*runtime, 1, now, "named") == Kind::ready);
    }
    SECTION("no breaker any more: nobody rests") {
        runtime = stage.load([](auto&) {});
        CHECK(kind(*runtime, 0, now) == Kind::ready);
        runtime = stage.load();
        CHECK(kind(*runtime, 0, now) == Kind::ready);
    }
    SECTION("other settings count from now on") {
        runtime = stage.load([](auto& c) {
            with_breakers(c);
            for (auto& u : c.upstreams) u.breaker->failures = 1;
        });
        fail(*runtime, 1, now, Class::server_error, 1, "named");
        CHECK(kind(*runtime, 1, now, "named") == Kind::resting);
    }
    SECTION("a request of the old configuration still tells the new one") {
        auto later = stage.load();
        fail(*runtime, 1, now, Class::server_error, 2, "named");
        CHECK(kind(*later, 1, now, "named") == Kind::resting);
    }
}

TEST_CASE("a failed check rests the upstream for every model until a good one") {
    Stage stage;
    const auto runtime = stage.load([](auto& c) {
        c.upstreams[0].health = config::HealthCheck{"/health", 10s};
    });
    const auto now = Clock::now();
    auto& breakers = *entry(*runtime, 0).breakers;
    CHECK(kind(*runtime, 0, now) == Kind::ready);
    CHECK(breakers.checked(false, now + 30s));
    CHECK_FALSE(breakers.checked(false, now + 40s));
    CHECK(availability(*runtime, entry(*runtime, 0), "gpt-x", now) ==
          upstreams::Availability{Kind::resting, now + 40s});
    CHECK(kind(*runtime, 1, now, "named") == Kind::ready);
    CHECK_FALSE(breakers.usable(now));
    CHECK(any_route_usable(*runtime, now));  // by the other entry
    CHECK(has_line(stage.bench.metrics(),
                   R"(understudy_breaker_state{upstream="one",model="other"} 2)"));
    CHECK(breakers.checked(true, {}));
    CHECK(kind(*runtime, 0, now) == Kind::ready);
    CHECK(breakers.quiet());
    // Without a breaker requests change nothing.
    fail(*runtime, 0, now, Class::connection, 50);
    CHECK(kind(*runtime, 0, now) == Kind::ready);
    // One that is not followed by another holds for its time.
    breakers.checked(false, now + 30s);
    CHECK(kind(*runtime, 0, now + 30s) == Kind::ready);
    CHECK(breakers.quiet());
}

TEST_CASE("an upstream is usable as long as some model is answered there") {
    Breakers breakers("one", config::Breaker{2, 60s, 3s});
    const auto now = Clock::now();
    breakers.declare("other");
    CHECK(breakers.usable(now));
    const auto settle = [&](std::string_view model, Class failure) {
        breakers.settle({model, model}, {}, ended(failure, now), now, 0);
    };
    for (int i = 0; i < 2; ++i) settle("a", Class::connection);
    CHECK_FALSE(breakers.usable(now));  // `other` has not been asked for
    settle("b", Class::connection);
    CHECK_FALSE(breakers.usable(now));
    settle("b", Class::none);
    CHECK(breakers.usable(now));
    CHECK(breakers.usable(now + 3s));  // half open
}

TEST_CASE("of a pool's keys the next one serves the same entry, each once for a request") {
    Stage stage;
    const auto runtime = stage.load([](auto& c) {
        with_breakers(c);
        c.upstreams[0].more_keys.emplace_back("second-key");
        c.upstreams[0].more_keys.emplace_back("third-key");
    });
    const auto now = Clock::now();
    const auto& one = entry(*runtime, 0);
    REQUIRE(one.keys != nullptr);
    CHECK(entry(*runtime, 1).keys == nullptr);
    std::vector<std::size_t> used;
    KeyPool::Tried tried = 0;
    const auto attempt = [&](Class failure, unsigned status) {
        Admission admission(*runtime, one, "gpt-x", now, tried);
        used.push_back(admission.key());
        std::optional<std::chrono::milliseconds> retry_after;
        if (failure == Class::rate_limit) retry_after = 20s;
        const bool again =
            admission.settle_key(understudy::upstreams::judge_key(failure, status, false), failure,
                                 retry_after, now, tried);
        admission.settle(ended(failure, now), "gpt-x", now, 0);
        return again;
    };
    CHECK(attempt(Class::rate_limit, 429));
    CHECK(attempt(Class::auth, 401));
    CHECK(kind(*runtime, 0, now) == Kind::ready);
    CHECK_FALSE(attempt(Class::quota, 402));
    CHECK(used == std::vector<std::size_t>{0, 1, 2});
    CHECK(availability(*runtime, one, "gpt-x", now).kind == Kind::named);
    CHECK(one.breakers->quiet());  // what is said of keys opens no breaker
    auto page = stage.bench.metrics();
    CHECK(has_line(page, R"(understudy_key_state{upstream="one",key="1"} 1)"));
    CHECK(has_line(page, R"(understudy_key_state{upstream="one",key="2"} 2)"));
    CHECK(has_line(page, R"(understudy_key_state{upstream="one",key="3"} 1)"));
    CHECK(page.find("second-key") == std::string::npos);
    CHECK(kind(*runtime, 0, now + 20s + 1ms) == Kind::ready);

    const auto later = stage.load([](auto& c) {
        with_breakers(c);
        c.upstreams[0].more_keys.emplace_back("second-key");
        c.upstreams[0].more_keys.emplace_back("third-key");
    });
    page = stage.bench.metrics();
    CHECK(has_line(page, R"(understudy_key_state{upstream="one",key="1"} 1)"));
    CHECK(has_line(page, R"(understudy_key_state{upstream="one",key="2"} 0)"));
}

TEST_CASE("failures of the upstream itself open its breaker whatever key was used") {
    Stage stage;
    const auto runtime = stage.load([](auto& c) {
        with_breakers(c);
        c.upstreams[0].more_keys.emplace_back("second-key");
    });
    const auto now = Clock::now();
    fail(*runtime, 0, now, Class::server_error);
    CHECK(kind(*runtime, 0, now) == Kind::resting);
}

TEST_CASE("a pool whose keys are all refused is down until a reload") {
    Stage stage;
    const auto two_keys = [](auto& c) { c.upstreams[0].more_keys.emplace_back("second-key"); };
    auto runtime = stage.load(two_keys);
    const auto now = Clock::now();
    for (int i = 0; i < 2; ++i) {
        KeyPool::Tried tried = 0;
        Admission admission(*runtime, entry(*runtime, 0), "gpt-x", now);
        const bool again = admission.settle_key(understudy::upstreams::KeyVerdict::refused,
                                                Class::auth, std::nullopt, now, tried);
        CHECK(again == (i == 0));
    }
    CHECK(kind(*runtime, 0, now) == Kind::down);
    runtime = stage.load(two_keys);
    CHECK(kind(*runtime, 0, now) == Kind::ready);
}

TEST_CASE("of many workers exactly one sends the probe, round after round") {
    Stage stage;
    const auto runtime = stage.load();
    auto& breakers = *entry(*runtime, 0).breakers;
    std::atomic<std::int64_t> clock{0};
    const auto start = Clock::now();
    std::atomic<int> out{0}, most{0}, probes{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                const auto now = start + std::chrono::milliseconds(clock.fetch_add(1));
                if (breakers.quiet() || breakers.look({"m", "m"}, now).usable()) {
                    const auto probe = breakers.start({"m", "m"}, now);
                    if (probe) {
                        const int others = out.fetch_add(1);
                        if (others + 1 > most) most = others + 1;
                        ++probes;
                        out.fetch_sub(1);
                    }
                    const auto result = ended(i % 3 == 0 ? Class::none : Class::connection, now);
                    breakers.settle({"m", "m"}, probe, result, now, 0.5);
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(most <= 1);
    CHECK(probes > 0);
}
