#include "limits/minute_window.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <numeric>
#include <random>

using understudy::limits::MinuteWindow;
using Ticks = MinuteWindow::Ticks;
using namespace std::chrono_literals;

TEST_CASE("What came in leaves a minute after its quarter of a second began") {
    MinuteWindow window;
    window.add(100s, 5);
    window.add(130s + Ticks(3), 7);
    REQUIRE(window.sum(131s) == 12);
    REQUIRE(window.sum(160s - Ticks(1)) == 12);
    REQUIRE(window.sum(160s) == 7);
    REQUIRE(window.sum(190s + Ticks(2)) == 7);
    REQUIRE(window.sum(190s + Ticks(3)) == 0);
    REQUIRE(window.sum(1'000'000s) == 0);
}

TEST_CASE("A wait says when there is room again, and is never above a minute") {
    MinuteWindow window;
    window.add(100s, 5);
    window.add(130s, 7);
    struct Row {
        Ticks now;
        std::uint64_t most;
        std::chrono::seconds wait;
    };
    for (const auto& [now, most, wait] :
         {Row{130s, 12, 0s}, Row{130s, 11, 30s}, Row{130s, 7, 30s}, Row{130s, 6, 60s},
          Row{130s, 0, 60s}, Row{130s + Ticks(1), 0, 60s}, Row{131s, 0, 59s}, Row{150s, 11, 10s},
          Row{150s + Ticks(3), 11, 10s}, Row{160s - Ticks(1), 7, 1s}, Row{160s, 7, 0s},
          Row{160s, 0, 30s}, Row{190s, 0, 0s}}) {
        MinuteWindow copy = window;
        CAPTURE(now.count(), most);
        REQUIRE(copy.wait(now, most) == wait);
        REQUIRE(copy.sum(now + wait) <= most);
        if (wait > 0s) {
            MinuteWindow before = window;
            REQUIRE(before.sum(now + wait - 1s) > most);
        }
    }
}

TEST_CASE("A tick that has passed counts as the last one seen") {
    MinuteWindow window;
    window.add(100s, 1);
    window.add(40s, 2);
    REQUIRE(window.sum(100s) == 3);
    REQUIRE(window.sum(0s) == 3);
    REQUIRE(window.sum(160s) == 0);
}

TEST_CASE("The window agrees with a list of all that came") {
    std::mt19937 random(7);
    MinuteWindow window;
    std::deque<std::pair<Ticks, std::uint64_t>> all;
    Ticks now = -50s;
    for (int i = 0; i < 20'000; ++i) {
        now += Ticks(random() % 20 == 0 ? random() % 800 : random() % 3);
        const auto seen = std::max(now, Ticks(0));
        const std::uint64_t n = random() % 10;
        window.add(now, n);
        all.emplace_back(seen, n);
        while (!all.empty() && all.front().first <= seen - 60s) all.pop_front();
        const auto sum =
            std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                            [](auto so_far, const auto& e) { return so_far + e.second; });
        REQUIRE(window.sum(now) == sum);
    }
}

// By milliseconds, of which the window knows quarters of a second alone.
TEST_CASE("Who waits as told is let in, and no 59.75 seconds see more than the limit") {
    using std::chrono::milliseconds;
    constexpr std::uint64_t limit = 7;
    const auto tick = [](milliseconds at) { return std::chrono::floor<Ticks>(at); };
    std::mt19937 random(11);
    MinuteWindow window;
    std::deque<milliseconds> let_in;
    milliseconds now = 0ms;
    for (int i = 0; i < 5000; ++i) {
        now += milliseconds(random() % 9000);
        if (window.sum(tick(now)) >= limit) {
            const auto wait = window.wait(tick(now), limit - 1);
            REQUIRE(wait > 0s);
            REQUIRE(wait <= 60s);
            if (random() % 2 == 0) continue;
            now += wait;
            REQUIRE(window.sum(tick(now)) < limit);
        }
        window.add(tick(now), 1);
        let_in.push_back(now);
        while (let_in.front() <= now - 59'750ms) let_in.pop_front();
        REQUIRE(let_in.size() <= limit);
    }
}
