#include "config/describe.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;
using understudy::wire::Fields;
using understudy::wire::HeadReader;
using understudy::wire::ParseResult;
using understudy::wire::RequestContent;
using understudy::wire::RequestHead;

namespace {

std::shared_ptr<const Config> loaded(std::string_view route) {
    const auto result = load_yaml(route_with(route));
    REQUIRE(texts(result.problems).empty());
    return result.config;
}

RequestContent content(bool images, bool tools, std::uint64_t tokens) {
    RequestContent out;
    out.images = images;
    out.tools = tools;
    out.prompt_tokens = tokens;
    return out;
}

}  // namespace

TEST_CASE("Every condition of a route must hold") {
    const std::string raw =
        "GET / HTTP/1.1\r\nHost: a\r\nX-Team: blue-2\r\nX-Two: a\r\nx-two: b\r\n\r\n";
    RequestHead head;
    HeadReader reader;
    REQUIRE(reader.read_request(raw, head) == ParseResult::done);
    struct Row {
        const char* when;
        RequestContent content;
        bool holds;
    };
    const Row rows[] = {
        {"{ images: true }", content(true, false, 0), true},
        {"{ images: true }", content(false, true, 9), false},
        {"{ images: false }", content(true, false, 0), false},
        {"{ images: false }", content(false, true, 0), true},
        {"{ tools: true }", content(false, true, 0), true},
        {"{ tools: true }", content(false, false, 0), false},
        {"{ tools: false }", content(false, true, 0), false},
        {"{ prompt_tokens_over: 100 }", content(false, false, 100), false},
        {"{ prompt_tokens_over: 100 }", content(false, false, 101), true},
        {"{ header: { x-team: blue-2 } }", content(false, false, 0), true},
        {"{ header: { X-TEAM: 'blue*' } }", content(false, false, 0), true},
        {"{ header: { x-team: blue } }", content(false, false, 0), false},
        {"{ header: { x-two: b } }", content(false, false, 0), true},
        {"{ header: { x-none: '*' } }", content(false, false, 0), false},
        {"{ images: true, tools: true }", content(true, false, 0), false},
        {"{ images: true, tools: true, prompt_tokens_over: 5, header: { x-two: a } }",
         content(true, true, 6), true},
    };
    for (const auto& row : rows) {
        INFO(row.when);
        const auto config =
            loaded("{ model: a, chain: [one], when: " + std::string(row.when) + " }");
        const auto& when = config->routes[0].when;
        CHECK(holds(when, row.content, head.fields) == row.holds);
        CHECK(unmet(when, row.content, head.fields).has_value() != row.holds);
    }
}

TEST_CASE("Routes with one glob differ by their conditions, and their names tell") {
    const auto config = loaded(
        "{ model: '*', when: { images: true }, chain: [two] }\n"
        "  - { model: '*', when: { tools: false, prompt_tokens_over: 7 }, chain: [two] }\n"
        "  - { model: '*', chain: [one, two] }");
    REQUIRE(config->routes.size() == 3);
    CHECK(config->routes[0].label() == "* when images");
    CHECK(config->routes[1].label() == "* when no tools, over 7 prompt tokens");
    CHECK(config->routes[2].label() == "*");
    CHECK(config->route_for("x") == &config->routes[2]);
    for (const auto& warning : config->warnings) {
        CHECK(warning.find("never matches") == std::string::npos);
    }
}

TEST_CASE("Mistakes in conditions and groups are named") {
    const auto said = [](std::string_view route) {
        const auto all = problems_of(route_with(route));
        std::string out;
        for (const auto& one : all) out += one + '\n';
        return out;
    };
    CHECK(said("{ model: a, chain: [one], when: {} }").find("sets no condition") !=
          std::string::npos);
    CHECK(said("{ model: a, chain: [one], when: { image: true } }").find("images") !=
          std::string::npos);
    CHECK(
        said("{ model: a, chain: [one], when: { prompt_tokens_over: 0 } }").find("out of range") !=
        std::string::npos);
    CHECK(said("{ model: a, chain: [one], when: { tools: true } }\n"
               "  - { model: a, chain: [two], when: { tools: true } }")
              .find("and the same conditions") != std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: [one] }] }").find("at least two") != std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: [one, three] }] }").find("no upstream for \"three\"") !=
          std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: [one, two] }, two/own] }").find("twice") !=
          std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: { one: 0, two: 1 } }] }").find("out of range") !=
          std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: { one: 2, two: 1 }, by: latency }] }")
              .find("knows no weights") != std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: [one, two], sticky: client }] }").find("`session`") !=
          std::string::npos);
    CHECK(said("{ model: a, chain: [{ any: [one, two], by: latencies }] }").find("latency") !=
          std::string::npos);
}

TEST_CASE("A group says by what its members are ordered, and whether sessions stick") {
    const auto order = [](const char* group) {
        return loaded(std::string("{ model: a, chain: [") + group + "] }")->routes[0].chain[1];
    };
    CHECK(order("{ any: [one, two], by: least_inflight }").order == GroupOrder::least_inflight);
    CHECK(order("{ any: { one: 3, two: 1 }, by: least_inflight }").weight == 1);
    CHECK(order("{ any: [one, two], by: latency, sticky: session }").order == GroupOrder::latency);
    CHECK(order("{ any: [one, two], sticky: session }").sticky);
    CHECK_FALSE(order("{ any: [one, two] }").sticky);
    CHECK(order("{ any: [one, two], by: weight, sticky: session }").weight ==
          order("{ any: [one, two] }").weight);
}

TEST_CASE("A group is one tier with weights") {
    const auto config =
        loaded("{ model: a, chain: [{ any: { one: 3, two/x: 1 }, by: weight }, two] }");
    const auto& chain = config->routes[0].chain;
    REQUIRE(chain.size() == 3);
    CHECK(config->routes[0].grouped());
    CHECK((chain[0].tier == chain[1].tier && chain[0].tier > 0 && chain[2].tier == 0));
    CHECK((chain[0].weight == 3 && chain[1].weight == 1));
    CHECK(chain[1].model == "x");
    CHECK(describe(*config, false).find("one x3 | two/x -> two") != std::string::npos);
}

TEST_CASE("A request is explained by what it holds") {
    const auto config = loaded(
        "{ model: 'gpt*', chain: [one] }\n"
        "  - { model: '*', when: { images: true }, chain: [two] }\n"
        "  - { model: '*', chain: [one, two] }");
    const auto text = explain_request(*config, {"m", content(false, true, 12)}, false);
    REQUIRE(text);
    CHECK(text->find("model m, no images, tools, about 12 prompt tokens") != std::string::npos);
    CHECK(text->find("\"gpt*\": the model's name is another") != std::string::npos);
    CHECK(text->find("\"* when images\": images: true, but there are none") != std::string::npos);
    CHECK(text->find("m takes the route \"*\"") != std::string::npos);
    CHECK(explain(*config, "m", false)->find("images: then \"* when images\" takes it") !=
          std::string::npos);
}
