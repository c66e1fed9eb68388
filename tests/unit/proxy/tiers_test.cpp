#include "proxy/tiers.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

using namespace understudy::proxy;
using understudy::config::ChainEntry;

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
        }
    }
    std::vector<std::size_t> drawn(const std::function<double()>& random) const {
        std::vector<const RuntimeEntry*> order;
        for (const auto& entry : runtime) order.push_back(&entry);
        draw_order(order, random);
        std::vector<std::size_t> places;
        for (const auto* entry : order) {
            places.push_back(static_cast<std::size_t>(entry - runtime.data()));
        }
        return places;
    }
    std::vector<ChainEntry> entries;
    std::vector<RuntimeEntry> runtime;
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
