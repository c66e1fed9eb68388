#include "limits/minute_window.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <numeric>
#include <random>

using understudy::limits::MinuteWindow;

TEST_CASE("What came in leaves a minute after its second has ended") {
    MinuteWindow window;
    window.add(100, 5);
    window.add(130, 7);
    REQUIRE(window.sum(130) == 12);
    REQUIRE(window.sum(160) == 12);
    REQUIRE(window.sum(161) == 7);
    REQUIRE(window.sum(190) == 7);
    REQUIRE(window.sum(191) == 0);
    REQUIRE(window.sum(1'000'000) == 0);
}

TEST_CASE("A wait says when there is room again") {
    MinuteWindow window;
    window.add(100, 5);
    window.add(130, 7);
    struct Row {
        std::int64_t second;
        std::uint64_t most;
        std::int64_t wait;
    };
    for (const auto& [second, most, wait] :
         {Row{130, 12, 0}, Row{130, 11, 31}, Row{130, 7, 31}, Row{130, 6, 61}, Row{130, 0, 61},
          Row{150, 11, 11}, Row{160, 7, 1}, Row{161, 7, 0}, Row{161, 0, 30}, Row{191, 0, 0}}) {
        MinuteWindow copy = window;
        CAPTURE(second, most);
        REQUIRE(copy.wait(second, most) == wait);
        REQUIRE(copy.sum(second + wait) <= most);
        if (wait > 0) {
            MinuteWindow before = window;
            REQUIRE(before.sum(second + wait - 1) > most);
        }
    }
}

TEST_CASE("A second that has passed counts as the last one seen") {
    MinuteWindow window;
    window.add(100, 1);
    window.add(40, 2);
    REQUIRE(window.sum(100) == 3);
    REQUIRE(window.sum(0) == 3);
    REQUIRE(window.sum(161) == 0);
}

TEST_CASE("The window agrees with a list of all that came") {
    std::mt19937 random(7);
    MinuteWindow window;
    std::deque<std::pair<std::int64_t, std::uint64_t>> all;
    std::int64_t second = -50;
    for (int i = 0; i < 20'000; ++i) {
        second += random() % 20 == 0 ? random() % 200 : random() % 3;
        const std::uint64_t n = random() % 10;
        window.add(second, n);
        all.emplace_back(std::max<std::int64_t>(second, 0), n);
        while (!all.empty() && all.front().first < std::max<std::int64_t>(second, 0) - 60)
            all.pop_front();
        const auto sum =
            std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                            [](auto so_far, const auto& e) { return so_far + e.second; });
        REQUIRE(window.sum(second) == sum);
    }
}
