#include "proxy/sent_model.hpp"

#include "config/presets.hpp"

#include <catch2/catch.hpp>

using namespace understudy::proxy;
using understudy::config::find_preset;
using understudy::config::Upstream;

TEST_CASE(
    "An entry is asked for its own model, for its service's name of the client's, or for that") {
    Upstream upstream;
    upstream.preset = find_preset("openrouter");
    REQUIRE(upstream.preset != nullptr);
    RuntimeEntry entry;
    entry.upstream = &upstream;

    const SentModel plain(entry, "gpt-4o");
    CHECK(plain.name() == "gpt-4o");
    CHECK(plain.replacement() == nullptr);

    upstream.known_names = true;
    const SentModel known(entry, "gpt-4o");
    CHECK(known.name() == "openai/gpt-4o");
    REQUIRE(known.replacement() != nullptr);
    CHECK(*known.replacement() == "openai/gpt-4o");
    // Whoever asks with the name that was found gets the same.
    const SentModel again(entry, known.name());
    CHECK(again.name() == known.name());
    const SentModel unknown(entry, "somebody's own");
    CHECK(unknown.name() == "somebody's own");
    CHECK(unknown.replacement() == nullptr);

    entry.model = "fixed";
    const SentModel own(entry, "gpt-4o");
    CHECK(own.name() == "fixed");
    CHECK(*own.replacement() == "fixed");
}
