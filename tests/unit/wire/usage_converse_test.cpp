#include "wire/usage_converse.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

TEST_CASE("Converse counts the cache apart from the input") {
    const auto usage =
        parse_converse_usage(R"({"inputTokens":10,"outputTokens":7,"totalTokens":24,)"
                             R"("cacheReadInputTokens":5,"cacheWriteInputTokens":2})");
    REQUIRE(usage);
    CHECK(usage->prompt == 17);
    CHECK(usage->completion == 7);
    CHECK(usage->cache_read == 5);
    CHECK(usage->cache_write == 2);
    for (const auto* text :
         {R"({})", R"(null)", R"([])", R"({"inputTokens":0,"outputTokens":0})",
          R"({"inputTokens":-1,"outputTokens":2})", R"({"inputTokens":"1"})",
          R"({"inputTokens":1.5})", R"({"inputTokens":100000001})", R"({"inputTokens":1)", ""}) {
        CAPTURE(text);
        CHECK_FALSE(parse_converse_usage(text));
    }
    CHECK(parse_converse_usage(R"({"inputTokens":null,"outputTokens":2,"new":{}})"));
}

TEST_CASE("Converse says for how long the cache keeps what was written") {
    const auto hours = [](const std::string& details) {
        const auto usage = parse_converse_usage(
            R"({"inputTokens":10,"outputTokens":7,"cacheWriteInputTokens":9,"cacheDetails":)" +
            details + "}");
        return usage ? static_cast<int>(usage->cache_write_1h) : -1;
    };
    CHECK(hours(R"([{"ttl":"1h","inputTokens":4},{"ttl":"5m","inputTokens":5}])") == 4);
    CHECK(hours(R"([{"inputTokens":4,"ttl":"1h"}])") == 4);
    CHECK(hours(R"([{"ttl":"1h","inputTokens":40}])") == 9);
    CHECK(hours(R"([{"ttl":"5m","inputTokens":9}])") == 0);
    CHECK(hours("[]") == 0);
    CHECK(hours("null") == 0);
    CHECK(hours(R"([{"ttl":"1h","inputTokens":-4}])") == -1);
}
