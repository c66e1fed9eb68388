// A model that gets a label in metrics keeps what its breaker knows.
#include "tests/unit/proxy/breaker_stage.hpp"

#include <catch2/catch.hpp>

using namespace understudy;
using namespace understudy::proxy;
using namespace understudy::proxy::test;
using net::Clock;

TEST_CASE("what is known of a model without a label stays known when it becomes one") {
    Stage stage;
    auto runtime = stage.load();
    auto now = Clock::now();
    const auto settled = [&](std::string_view model, Class failure, bool forbidden = false) {
        Admission admission(*runtime, entry(*runtime, 0), model, now);
        auto result = ended(failure, now);
        result.forbidden = forbidden;
        if (failure == Class::rate_limit) result.retry_after = 30s;
        admission.settle(result, model, now, 0);
    };
    const auto answered = [&](std::string_view model) {
        runtime->series(runtime->config().upstreams[0], model, metrics::Operation::chat, true);
        CHECK(runtime->label(runtime->config().upstreams[0], model) == model);
    };
    // A request that began before all this ends well: by that it says nothing of the time since.
    Admission older(*runtime, entry(*runtime, 0), "gpt-a", now);
    const auto began = now;
    now += 1s;
    const auto ends_well = [&] {
        answered("gpt-a");
        older.settle(ended(Class::none, began), "gpt-a", now, 0);
    };
    SECTION("failures that were counted") {
        settled("gpt-a", Class::server_error);
        answered("gpt-a");
        settled("gpt-a", Class::server_error);
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);
        CHECK(has_line(stage.bench.metrics(),
                       R"(understudy_breaker_state{upstream="one",model="gpt-a"} 2)"));
        CHECK(has_line(stage.bench.metrics(),
                       R"(understudy_breaker_state{upstream="one",model="other"} 0)"));
    }
    SECTION("that it rests") {
        settled("gpt-a", Class::server_error);
        settled("gpt-a", Class::server_error);
        ends_well();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        now += 3s;
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::probe);
        settled("gpt-a", Class::none);
        CHECK(entry(*runtime, 0).breakers->quiet());
    }
    SECTION("a time that the provider has named") {
        settled("gpt-a", Class::rate_limit);
        ends_well();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::named);
        CHECK(kind(*runtime, 0, now + 29s, "gpt-a") == Kind::named);
    }
    SECTION("that the key is refused, for all or for this model") {
        const bool forbidden = GENERATE(false, true);
        settled("gpt-a", Class::auth, forbidden);
        ends_well();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::down);
        CHECK(kind(*runtime, 0, now, "gpt-b") == (forbidden ? Kind::ready : Kind::down));
        runtime = stage.load();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::ready);
        CHECK(entry(*runtime, 0).breakers->quiet());
    }
    SECTION("that nobody can connect, and who finds out that it is over finds it out for both") {
        settled("gpt-a", Class::connection);
        settled("gpt-b", Class::connection);
        const bool before = GENERATE(true, false);
        if (before) ends_well();
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        now += 3s;
        Admission probe(*runtime, entry(*runtime, 0), "gpt-a", now);
        REQUIRE(probe.is_probe());
        if (!before) ends_well();
        const auto failure = GENERATE(Class::none, Class::connection);
        if (failure == Class::none) probe.begun(now);
        probe.settle(ended(failure, now), "gpt-a", now, 0);
        const bool well = failure == Class::none;
        CHECK(kind(*runtime, 0, now, "gpt-a") == (well ? Kind::ready : Kind::resting));
        // The label's own row says nothing of the others.
        const auto others = before ? Kind::probe : well ? Kind::ready : Kind::resting;
        CHECK(kind(*runtime, 0, now, "gpt-b") == others);
    }
    SECTION("by a reload that names it, also for requests that go on without it") {
        settled("gpt-a", Class::server_error);
        settled("gpt-b", Class::server_error);
        settled("gpt-b", Class::server_error);
        auto old = runtime;
        runtime = stage.load([](auto& c) {
            with_breakers(c);
            c.routes[0].model = "gpt-b";
            c.routes.push_back(c.routes[0]);
            c.routes[1].model = "gpt-a";
        });
        CHECK(runtime->label(runtime->config().upstreams[0], "gpt-b") == "gpt-b");
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::resting);
        fail(*old, 0, now, Class::server_error, 1, "gpt-a");
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        CHECK(kind(*old, 0, now, "gpt-a") == Kind::resting);
    }
}

TEST_CASE("a label that came while a probe of all was out waits for that, and no longer") {
    Stage stage;
    auto runtime = stage.load([](auto& c) {
        for (auto& upstream : c.upstreams) upstream.breaker = config::Breaker{2, 60s, 120s};
    });
    auto now = Clock::now();
    fail(*runtime, 0, now, Class::connection, 2, "gpt-b");
    now += 120s;
    Admission probe(*runtime, entry(*runtime, 0), "gpt-b", now);
    REQUIRE(probe.is_probe());
    // Another worker's request for it, from before, has been answered.
    runtime->series(runtime->config().upstreams[0], "gpt-a", metrics::Operation::chat, true);
    REQUIRE(runtime->label(runtime->config().upstreams[0], "gpt-a") == "gpt-a");
    now += 1s;
    CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);  // no second one to who may be dead
    SECTION("all rest on, and so does it") {
        probe.settle(ended(Class::connection, now), "gpt-b", now, 0);
        CHECK(kind(*runtime, 0, now + 119s, "gpt-a") == Kind::resting);
        CHECK(kind(*runtime, 0, now + 120s, "gpt-a") == Kind::probe);
        CHECK(kind(*runtime, 0, now + 120s, "gpt-b") == Kind::probe);
    }
    SECTION("all are well, and it finds out for itself") {
        probe.begun(now);
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::probe);
        CHECK(kind(*runtime, 0, now, "gpt-b") == Kind::ready);
        Admission own(*runtime, entry(*runtime, 0), "gpt-a", now);
        CHECK(own.is_probe());
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::resting);
        own.settle(ended(Class::none, now), "gpt-a", now, 0);
        probe.settle(ended(Class::none, now), "gpt-b", now, 0);
        CHECK(entry(*runtime, 0).breakers->quiet());
    }
    SECTION("nobody knows, because the client left") {
        probe.settle(ended(Class::client_closed, now), "gpt-b", now, 0);
        CHECK(kind(*runtime, 0, now, "gpt-a") == Kind::probe);
    }
    SECTION("its own probe, once it has waited in vain, is not forgotten for that") {
        now += 120s;
        Admission own(*runtime, entry(*runtime, 0), "gpt-a", now);
        REQUIRE(own.is_probe());
        probe.settle(ended(Class::connection, now), "gpt-b", now, 0);
        own.settle(ended(Class::none, now), "gpt-a", now + 1s, 0);
        CHECK(kind(*runtime, 0, now + 1s, "gpt-a") == Kind::ready);
    }
}
