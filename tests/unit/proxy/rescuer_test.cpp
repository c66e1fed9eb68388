// What an exchange keeps of a stream that may be gone on with, and of the one that goes on.
#include "proxy/rescuer.hpp"

#include "tests/unit/proxy/rescue_support.hpp"
#include "tests/unit/proxy/support.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using namespace understudy::proxy;
using proxy::rescue::test::chunk_data;
using proxy::rescue::test::event_of;
using proxy::rescue::test::hear;

namespace {

constexpr const char* kConfig =
    "upstreams: [{name: a, base_url: http://127.0.0.1:1/v1, continuation: prefill}]\n"
    "ledger: off\n";

struct World {
    explicit World(std::size_t memory = std::size_t{1} << 24,
                   wire::AnswerShape shape = wire::AnswerShape::chat)
        : budget(memory), rescuer(rescue::dialect_of(shape), request, *runtime, budget) {
        request.body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]})";
        REQUIRE_FALSE(wire::scan_request(request.body, request.facts));
    }

    std::string take(const std::string& bytes, bool ended = false) {
        net::GatherList data;
        data.add(bytes);
        return std::string(rescuer.take(data, ended));
    }

    test::Bench bench;
    net::MemoryBudget budget;
    Inbound request;
    std::shared_ptr<Runtime> runtime = bench.load(kConfig);
    Rescuer rescuer;
};

std::string text_event(const std::string& text) {
    return event_of(chunk_data({{"content", text}}));
}

}  // namespace

TEST_CASE("At its proper end what is left of a rescue is its last event") {
    World world;
    world.rescuer.sent(text_event("The quick"));
    REQUIRE(world.rescuer.possible());
    world.rescuer.begin(Rung::prefill, "b", "m", "malformed");
    auto out = world.take(text_event(" brown"));
    const std::string finish = "data: " + chunk_data(rescue::test::Json::object(), "stop");
    SECTION("a finish") {
        out += world.take(finish);
        CHECK_FALSE(world.rescuer.finished());
        out += world.take("", true);
        CHECK(world.rescuer.finished());
    }
    SECTION("a finish, in its last piece") {
        out += world.take(finish + "\n", true);
        CHECK(world.rescuer.finished());
    }
    SECTION("the marker") {
        out += world.take(finish + "\n\ndata: [DONE]", true);
        CHECK(hear(out).done == 1);
    }
    CHECK(hear(out).text == " brown");
    CHECK(hear(out).finishes == 1);
}

TEST_CASE("A rescue for which there is no memory tells nothing more") {
    World world(64 * 1024);
    world.rescuer.sent(text_event("The quick"));
    REQUIRE(world.rescuer.possible());
    world.rescuer.begin(Rung::prefill, "b", "m", "malformed");
    CHECK(hear(world.take(text_event(" brown"))).text == " brown");
    CHECK_FALSE(world.rescuer.starved());
    SECTION("an event that does not end") {
        CHECK(world.take("data: " + std::string(100'000, 'x')).empty());
    }
    SECTION("one that cannot be told any more") {
        CHECK(world.take(text_event(std::string(40'000, 'x'))).empty());
    }
    CHECK(world.rescuer.starved());
    CHECK_FALSE(world.rescuer.finished());
    CHECK(world.budget.used() <= 64 * 1024);
    // What the client has is known as before: the next one may go on behind it.
    CHECK(world.rescuer.possible());
    const auto* const asked = world.rescuer.ask(world.runtime->routes().front().entries.front(),
                                                Rung::prefill, false, world.request.body);
    REQUIRE(asked != nullptr);
    CHECK(asked->body.find("The quick brown\"") != std::string::npos);
    world.rescuer.begin(Rung::prefill, "c", "m", "overloaded");
    CHECK_FALSE(world.rescuer.starved());
    CHECK(hear(world.take(text_event(" fox"))).text == " fox");
}

TEST_CASE("A transcript that has given up ends a rescue that is still held") {
    World world;
    world.rescuer.sent(text_event("The quick brown fox jumps over the lazy dog and runs away"));
    REQUIRE(world.rescuer.possible());
    world.rescuer.begin(Rung::restart, "b", "m", "malformed");
    CHECK(world.take(text_event("The quick brown fox jumps over the la")).empty());
    world.rescuer.give_up("no memory to follow it");
    CHECK(world.take(text_event("zy dog and runs away")).empty());
    CHECK(world.rescuer.diverged());
    CHECK_FALSE(world.rescuer.possible());
}

TEST_CASE("A Response that fails is charged for while it is told, or told without its text") {
    const auto data = [](const std::string& json) { return "data: " + json + "\n\n"; };
    const std::string text(100'000, 'x');
    World world(std::size_t{1} << 24, wire::AnswerShape::responses);
    world.rescuer.sent(data(R"({"type":"response.created","response":{"id":"resp_7"}})") +
                       data(R"({"type":"response.output_item.added","output_index":0,"item":)"
                            R"({"type":"message","id":"m"}})") +
                       data(R"({"type":"response.content_part.added","output_index":0,"part":)"
                            R"({"type":"output_text"}})") +
                       data(R"({"type":"response.output_text.delta","delta":")" + text + R"("})"));
    const auto before = world.budget.used();
    REQUIRE(before > text.size());
    SECTION("there is room") {
        const auto response = world.rescuer.failed("{}");
        CHECK(response.find(text) != std::string::npos);
        CHECK(world.budget.used() >= before + 2 * text.size());  // and the event that has it
    }
    SECTION("there is none") {
        world.budget.set_limit(before + text.size());
        CHECK(world.rescuer.failed("{}").empty());
        CHECK(world.budget.used() <= before);
    }
}
