#include "proxy/tiers.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace understudy::proxy;
using understudy::config::ChainEntry;
using understudy::config::GroupOrder;

namespace {

// A chain whose entries have these tiers and weights.
struct Chain {
    explicit Chain(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& shape) {
        entries.resize(shape.size());
        runtime.resize(shape.size());
        for (std::size_t i = 0; i < shape.size(); ++i) {
            entries[i].tier = shape[i].first;
            entries[i].weight = shape[i].second;
            runtime[i].entry = &entries[i];
            entries[i].text = "entry" + std::to_string(i);
        }
        load.resize(shape.size());
        times.resize(shape.size());
    }
    void order_by(understudy::config::GroupOrder by, bool sticky = false) {
        for (auto& entry : entries) {
            entry.order = by;
            entry.sticky = sticky;
        }
    }
    std::vector<std::size_t> drawn(const std::function<double()>& random) const {
        std::vector<const RuntimeEntry*> order;
        for (const auto& entry : runtime) order.push_back(&entry);
        GroupFacts facts;
        facts.random = random;
        facts.inflight = [this](const RuntimeEntry& entry) {
            return load[static_cast<std::size_t>(&entry - runtime.data())];
        };
        facts.latency = [this](const RuntimeEntry& entry) {
            return times[static_cast<std::size_t>(&entry - runtime.data())];
        };
        facts.session = session;
        order_groups(order, facts);
        std::vector<std::size_t> places;
        for (const auto* entry : order) {
            places.push_back(static_cast<std::size_t>(entry - runtime.data()));
        }
        return places;
    }
    std::vector<ChainEntry> entries;
    std::vector<RuntimeEntry> runtime;
    std::vector<std::size_t> load;
    std::vector<std::optional<std::chrono::milliseconds>> times;
    std::string session;
};

}  // namespace

TEST_CASE("Only the members of a group change places, and all of them stay") {
    const Chain chain({{0, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 1}, {2, 1}, {2, 1}});
    std::mt19937 engine(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int i = 0; i < 1000; ++i) {
        auto order = chain.drawn([&] { return uniform(engine); });
        REQUIRE((order[0] == 0 && order[4] == 4));
        std::sort(order.begin() + 1, order.begin() + 4);
        std::sort(order.begin() + 5, order.end());
        REQUIRE(order == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6});
    }
}

TEST_CASE("An entry comes first as often as its weight says") {
    const Chain chain({{1, 6}, {1, 3}, {1, 1}});
    std::mt19937 engine(2);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::map<std::size_t, int> first;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) ++first[chain.drawn([&] { return uniform(engine); })[0]];
    // Five standard deviations are below 2 %.
    CHECK(first[0] == Approx(0.6 * kDraws).epsilon(0.05));
    CHECK(first[1] == Approx(0.3 * kDraws).epsilon(0.07));
    CHECK(first[2] == Approx(0.1 * kDraws).epsilon(0.12));
}

TEST_CASE("The ends of the range of random numbers are drawn from as well") {
    const Chain chain({{1, 1}, {1, 1}});
    CHECK(chain.drawn([] { return 0.0; }) == std::vector<std::size_t>{0, 1});
    CHECK(chain.drawn([] { return 0.999999; }) == std::vector<std::size_t>{1, 0});
    CHECK(Chain({}).drawn([] { return 0.5; }).empty());
}

TEST_CASE("By load: the fewest requests for its weight first, equals by chance") {
    using Order = std::vector<std::size_t>;
    std::mt19937 engine(3);
    std::uniform_real_distribution<double> uniform(0, 1);
    const auto random = [&] { return uniform(engine); };
    Chain chain({{1, 1}, {1, 4}, {1, 1}, {0, 1}});
    chain.order_by(GroupOrder::least_inflight);
    chain.load = {2, 4, 3, 0};
    for (int i = 0; i < 50; ++i) CHECK(chain.drawn(random) == Order{1, 0, 2, 3});
    chain.load = {1, 4, 1, 0};
    std::map<std::size_t, int> first;
    for (int i = 0; i < 600; ++i) ++first[chain.drawn(random).front()];
    CHECK(first.size() == 3);
}

TEST_CASE("By latency: the soonest first, and those of which nothing is known before them") {
    using Order = std::vector<std::size_t>;
    const auto random = [] { return 0.0; };
    Chain chain({{1, 1}, {1, 1}, {1, 1}});
    chain.order_by(GroupOrder::latency);
    chain.times = {std::chrono::milliseconds(300), std::chrono::milliseconds(100),
                   std::chrono::milliseconds(200)};
    CHECK(chain.drawn(random) == Order{1, 2, 0});
    chain.times[0].reset();
    CHECK(chain.drawn(random) == Order{0, 1, 2});
}

TEST_CASE("A session meets the same member first, spread by weight, and only its own ones move") {
    std::mt19937 engine(4);
    std::uniform_real_distribution<double> uniform(0, 1);
    const auto random = [&] { return uniform(engine); };
    Chain three({{1, 2}, {1, 1}, {1, 1}});
    three.order_by(GroupOrder::random, true);
    Chain two({{1, 2}, {1, 1}});
    two.order_by(GroupOrder::random, true);
    std::map<std::size_t, int> first;
    for (int i = 0; i < 2000; ++i) {
        three.session = two.session = "session-" + std::to_string(i);
        const auto member = three.drawn(random).front();
        CHECK(three.drawn(random).front() == member);
        // When the third member goes, only the sessions that were its own find another.
        if (member != 2) CHECK(two.drawn(random).front() == member);
        ++first[member];
    }
    CHECK(first[0] > 900);
    CHECK(first[0] < 1100);
    CHECK(first[1] > 400);
    CHECK(first[2] > 400);
    three.session.clear();
    std::map<std::size_t, int> any;
    for (int i = 0; i < 200; ++i) ++any[three.drawn(random).front()];
    CHECK(any.size() == 3);
}
