// Where the ledger is kept, how long, and whether at all.
#include "config/scalars.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;
using namespace std::chrono_literals;

namespace {

std::optional<Ledger> ledger_of(const std::string& setting, Variables variables) {
    const auto loaded = load_yaml(upstream_with("") + setting, std::move(variables));
    CAPTURE(setting, texts(loaded.problems));
    REQUIRE(loaded.config);
    return loaded.config->ledger;
}

const Variables kHome{{"HOME", "/home/x"}};

}  // namespace

TEST_CASE("A ledger is kept unless the configuration says otherwise") {
    const auto usual = ledger_of("", kHome);
    REQUIRE(usual);
    CHECK(usual->path == "/home/x/.local/state/understudy/ledger.db");
    CHECK(usual->keep == 90 * 24h);
    CHECK_FALSE(usual->required);
    CHECK(usual->by_default);
    for (const auto* same : {"ledger: on", "ledger: true", "ledger: {}"}) {
        CHECK(ledger_of(same, kHome) == usual);
    }
    CHECK_FALSE(ledger_of("ledger: off", kHome));
    CHECK_FALSE(ledger_of("ledger: false", kHome));
    const auto told = load_yaml("ledger: true\n" + upstream_with(""), kHome).config;
    REQUIRE(told);
    REQUIRE(told->warnings.size() == 1);
    CHECK(told->warnings[0].find("is read as `on`") != std::string::npos);
    CHECK_FALSE(ledger_of("", {}));  // there is nowhere to keep it
}

TEST_CASE("The usual place is the state directory of the service, of the user, or at home") {
    Variables variables = kHome;
    variables["XDG_STATE_HOME"] = "/state";
    CHECK(ledger_of("", variables)->path == "/state/understudy/ledger.db");
    variables["XDG_STATE_HOME"] = "relative";  // which the specification has ignored
    CHECK(ledger_of("", variables)->path == "/home/x/.local/state/understudy/ledger.db");
    variables["STATE_DIRECTORY"] = "/var/lib/understudy:/var/lib/other";
    CHECK(ledger_of("", variables)->path == "/var/lib/understudy/ledger.db");
}

TEST_CASE("A ledger's path is as seen from the configuration, and may be all there is to say") {
    for (const auto* setting : {"ledger: ~/l.db", "ledger: { path: ~/l.db }"}) {
        const auto ledger = ledger_of(setting, kHome);
        REQUIRE(ledger);
        CHECK(ledger->path == "/home/x/l.db");
        CHECK_FALSE(ledger->by_default);
    }
    CHECK(ledger_of("ledger: /l", {})->path == "/l");
    const auto all = ledger_of("ledger: { path: /l.db, keep: forever, required: true }", {});
    CHECK(all->keep == 0h);
    CHECK(all->required);
    const auto some = ledger_of("ledger: { keep: 12h, required: true }", kHome);
    CHECK(some->keep == 12h);
    CHECK(some->by_default);
}

TEST_CASE("An age is written in days or hours, or is for ever") {
    CHECK(parse_age("90d").value == 90 * 24h);
    CHECK(parse_age("1d").value == 24h);
    CHECK(parse_age("1h").value == 1h);
    CHECK(parse_age("120m").value == 2h);
    CHECK(parse_age("876000h").value == 36'500 * 24h);
    CHECK(parse_age("forever").value == 0h);
    for (const char* wrong :
         {"", "d", "0d", "-1d", "1.5d", "90", "90 d", "1w", "30m", "90m", "0h", "ever",
          "99999999999d", "36501d", "876001h", "5000000h", "99999999999h"}) {
        CAPTURE(wrong);
        const auto parsed = parse_age(wrong);
        CHECK_FALSE(parsed);
        CHECK(parsed.error.find("is not an age") != std::string::npos);
    }
}
