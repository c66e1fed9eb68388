#include "ledger/ledger.hpp"

#include "ledger/request_id.hpp"
#include "ledger/sqlite/sqlite_store.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <string>
#include <thread>

using namespace understudy::ledger;
using namespace understudy::ledger::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kMaxWait = 20s;

template <class Condition>
bool soon(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + kMaxWait;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// A store that does as it is told, and remembers.
class Scripted final : public Store {
  public:
    struct State {
        std::atomic<Fault> fault{Fault::none}, open{Fault::none};
        std::atomic<std::uint64_t> counter{5}, own{0};
        std::atomic<bool> changed{false}, older{false};
        std::atomic<std::size_t> rows{0}, writes{0}, aside{0}, forgotten{0};
        std::atomic<bool> hold{false};
        std::atomic<std::int64_t> newest{0}, newest_until{0}, forgotten_before{0};
    };
    explicit Scripted(State& state) : state_(state) {}
    Fault open() override { return leave_ && state_.older ? Fault::locked : state_.open.load(); }
    void leave_form(bool leave) override { leave_ = leave; }
    Fault write(const Batch& batch) override {
        while (state_.hold) std::this_thread::sleep_for(1ms);
        ++state_.writes;
        if (state_.fault != Fault::none) return state_.fault;
        for (const auto& chunk : batch) state_.rows += chunk.rows();
        return Fault::none;
    }
    std::int64_t newest(std::int64_t until) override {
        state_.newest_until = until;
        return state_.newest;
    }
    Fault forget(std::int64_t before_us, bool& more) override {
        state_.forgotten_before = before_us;
        more = ++state_.forgotten < 3;
        return Fault::none;
    }
    Fault counters(std::vector<Counter>& out) override {
        out.push_back({"requests", {"*", "primary", "", ""}, state_.counter, state_.own});
        return Fault::none;
    }
    bool changed_elsewhere() override { return state_.changed.exchange(false); }
    std::string set_aside() override {
        ++state_.aside;
        state_.fault = Fault::none;
        return "elsewhere";
    }
    void rest() override {}
    const std::string& why() const override { return why_; }
    const std::string& place() const override { return place_; }

  private:
    State& state_;
    bool leave_ = false;
    std::string why_ = "as the script has it", place_ = "here";
};

/// What the ledger has said, in order.
class Said {
  public:
    void add(const News& news) {
        const std::lock_guard lock(mutex_);
        events_.emplace_back(news.event);
        last_ = news.message;
    }
    std::string last() const {
        const std::lock_guard lock(mutex_);
        return last_;
    }
    std::vector<std::string> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    bool has(std::string_view event) const {
        const auto all = events();
        return std::find(all.begin(), all.end(), event) != all.end();
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> events_;
    std::string last_;
};

struct Bench {
    explicit Bench(std::size_t most = 1 << 20, Settings settings = {}) {
        settings.mailboxes = 2;
        settings.most_bytes = most;
        settings.tell = [this](const News& news) { said.add(news); };
        settings.grown = [this](std::span<const Counter> counters) {
            for (const auto& counter : counters) grown += counter.value;
        };
        ledger.emplace(std::make_unique<Scripted>(state), std::move(settings));
    }
    Scripted::State state;
    Said said;
    std::atomic<std::uint64_t> grown{0};
    std::optional<Ledger> ledger;
};

}  // namespace

TEST_CASE("Rows of all mailboxes are written together and soon, without being asked for") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    CHECK(b.ledger->health().up);
    CHECK(b.grown == 5);
    for (int i = 0; i < 100; ++i) {
        CHECK(b.ledger->put(0, attempt()));
        CHECK(b.ledger->put(1, request()));
    }
    CHECK(soon([&] { return b.state.rows == 200; }));
    CHECK(b.state.writes <= 20);
    CHECK(soon([&] { return b.ledger->health().rows_written == 200; }));
    CHECK(b.ledger->health().rows_lost == 0);
    b.ledger->put(0, attempt());
    CHECK(soon([&] { return b.state.rows == 201; }));
    CHECK(b.said.events().empty());
}

TEST_CASE("What cannot be written is said once, waits, and goes in when it can") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    b.state.fault = Fault::full;
    b.ledger->put(0, attempt());
    REQUIRE(soon([&] { return !b.ledger->health().up; }));
    CHECK(soon([&] { return b.said.events() == std::vector<std::string>{"ledger_down"}; }));
    REQUIRE(soon([&] { return b.state.writes > 3; }));
    for (int i = 0; i < 50; ++i) CHECK(b.ledger->put(1, attempt()));
    CHECK(b.said.events().size() == 1);
    CHECK(b.ledger->health().waiting_bytes > 0);
    b.state.fault = Fault::none;
    REQUIRE(soon([&] { return b.state.rows == 51; }));
    REQUIRE(soon([&] { return b.ledger->health().up; }));
    CHECK(soon([&] {
        return b.said.events() == std::vector<std::string>{"ledger_down", "ledger_up"};
    }));
    CHECK(b.ledger->health().rows_lost == 0);
}

TEST_CASE("A store that has been removed is said to be, and begun anew") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    SECTION("found when a batch is written") {
        b.state.fault = Fault::removed;
        b.ledger->put(0, attempt());
        REQUIRE(soon([&] { return b.said.has("ledger_down"); }));
        CHECK_FALSE(b.ledger->health().up);
        CHECK(b.said.last().find("(removed)") != std::string::npos);
        b.state.fault = Fault::none;
    }
    SECTION("found before one is written") {
        b.state.open = Fault::removed;
        b.ledger->put(0, attempt());
        REQUIRE(soon([&] { return b.said.has("ledger_down"); }));
        b.state.open = Fault::none;
    }
    REQUIRE(soon([&] { return b.state.rows == 1; }));
    REQUIRE(soon([&] { return b.ledger->health().up; }));
    CHECK(b.said.has("ledger_up"));
    CHECK(b.ledger->health().rows_lost == 0);
}

TEST_CASE("A corrupt store is put aside and written anew, and not again and again") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    b.state.fault = Fault::corrupt;
    b.ledger->put(0, attempt());
    REQUIRE(soon([&] { return b.state.rows == 1; }));
    CHECK(b.state.aside == 1);
    CHECK(soon([&] { return b.said.events() == std::vector<std::string>{"ledger_replaced"}; }));
    b.state.fault = Fault::corrupt;
    b.ledger->put(0, attempt());
    REQUIRE(soon([&] { return !b.ledger->health().up; }));
    CHECK(b.state.aside == 1);
}

TEST_CASE("Requests are slowed before they are refused, and refused before a row is lost") {
    Bench b(10 * Chunk::kUsualSize);
    REQUIRE(b.ledger->start() == Fault::none);
    b.state.fault = Fault::locked;
    b.ledger->put(0, attempt());
    REQUIRE(soon([&] { return !b.ledger->health().up; }));
    std::size_t rows = 1;
    const auto fill = [&](auto until) {
        while (!until() && rows < 10'000) {
            REQUIRE(b.ledger->put(0, attempt()));
            ++rows;
        }
    };
    CHECK_FALSE(b.ledger->congested());
    fill([&] { return b.ledger->congested(); });
    CHECK(b.ledger->congested());
    CHECK_FALSE(b.ledger->full());
    fill([&] { return b.ledger->full(); });
    CHECK(b.ledger->full());
    CHECK(b.ledger->health().rows_lost == 0);
    while (b.ledger->put(0, attempt())) ++rows;
    CHECK(b.ledger->health().rows_lost == 1);
    CHECK(soon([&] { return b.said.has("ledger_lost"); }));
    b.state.fault = Fault::none;
    CHECK(soon([&] { return b.state.rows == rows; }));
    CHECK(soon([&] { return !b.ledger->congested(); }));
}

TEST_CASE("The end writes what waits, and does not wait for ever for what it cannot write") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    for (int i = 0; i < 1000; ++i) b.ledger->put(i % 2, attempt());
    b.ledger->stop();
    CHECK(b.state.rows == 1000);
    Bench stuck;
    REQUIRE(stuck.ledger->start() == Fault::none);
    stuck.state.fault = Fault::failed;
    stuck.ledger->put(0, attempt());
    stuck.ledger->stop();
    CHECK(stuck.ledger->health().rows_lost == 1);
    REQUIRE(stuck.said.has("ledger_lost"));
    CHECK(
        stuck.said.last() ==
        "1 rows of the ledger are lost since the start: 1 because the ledger could not be written");
}

TEST_CASE("Rows that come faster than the disk takes them are not lost in silence") {
    Bench b(2 * Chunk::kUsualSize);
    REQUIRE(b.ledger->start() == Fault::none);
    b.state.hold = true;
    for (int i = 0; i < 1000; ++i) b.ledger->put(0, attempt());
    CHECK(b.ledger->health().rows_lost > 0);
    b.state.hold = false;
    REQUIRE(soon([&] { return b.said.has("ledger_lost"); }));
    CHECK(b.said.last().find(" because they came faster than the disk takes them") !=
          std::string::npos);
    CHECK(b.said.last().find("could not be written") == std::string::npos);
    CHECK(soon([&] { return b.said.events() == std::vector<std::string>{"ledger_lost"}; }));
}

TEST_CASE("Who reads can wait for what was put before, and not for ever") {
    Bench b;
    CHECK_FALSE(b.ledger->settle(1ms));  // not begun
    REQUIRE(b.ledger->start() == Fault::none);
    CHECK(b.ledger->settle(10s));
    for (std::size_t i = 1; i <= 5; ++i) {
        b.ledger->put(i % 2, attempt());
        REQUIRE(b.ledger->settle(10s));
        CHECK(b.state.rows == i);
    }
    b.state.hold = true;
    b.ledger->put(0, attempt());
    CHECK_FALSE(b.ledger->settle(60ms));
    b.state.hold = false;
    CHECK(b.ledger->settle(10s));
}

TEST_CASE("What others have written is told by difference, as it becomes known, and never less") {
    Bench b;
    REQUIRE(b.ledger->start() == Fault::none);
    CHECK(b.grown == 5);
    b.state.own = 10;
    b.state.counter = 19;
    b.state.changed = true;
    REQUIRE(soon([&] { return b.grown == 9; }));
    b.state.counter = 12;
    b.state.changed = true;
    REQUIRE(soon([&] { return !b.state.changed; }));
    b.state.counter = 20;
    b.state.changed = true;
    REQUIRE(soon([&] { return b.grown == 10; }));
}

namespace {

/// Wants to look whenever something was written, and writes down in which order it is called.
struct Watcher final : Follower {
    void written(bool by_others) override {
        ++(by_others ? others : own);
        wants = true;
    }
    std::optional<Clock::time_point> due() override {
        return wants ? std::optional(Clock::now()) : std::nullopt;
    }
    void prepare() override {
        REQUIRE_FALSE(prepared);
        prepared = true;
    }
    void look() override {
        REQUIRE(prepared);
        prepared = wants = false;
        ++looks;
    }
    std::atomic<int> own{0}, others{0}, looks{0};
    bool wants = false, prepared = false;
};

}  // namespace

TEST_CASE("Who follows looks behind what this process and others have written") {
    Watcher watcher;
    Scripted::State state;
    Settings settings;
    settings.follower = &watcher;
    Ledger ledger(std::make_unique<Scripted>(state), std::move(settings));
    REQUIRE(ledger.start() == Fault::none);
    ledger.put(0, attempt());
    REQUIRE(soon([&] { return watcher.own == 1 && watcher.looks == 1; }));
    state.changed = true;
    REQUIRE(soon([&] { return watcher.others == 1 && watcher.looks == 2; }));
}

TEST_CASE(
    "An older form is left as it is while the process before this one lives, if there is room") {
    Scripted::State state;
    state.older = true;
    std::atomic<bool> lives{true};
    Settings settings;
    settings.most_bytes = 256 * 1024;
    settings.predecessor_lives = [&] { return lives.load(); };
    Ledger ledger(std::make_unique<Scripted>(state), std::move(settings));
    CHECK(ledger.start() == Fault::locked);
    ledger.put(0, attempt());
    std::this_thread::sleep_for(150ms);
    CHECK(state.rows == 0);
    std::size_t put = 1;
    SECTION("it ends") {
        lives = false;
    }
    SECTION("there is no room any more") {
        for (; !ledger.congested(); ++put) REQUIRE(ledger.put(0, attempt()));
    }
    CHECK(soon([&] { return state.rows == put; }));
}

TEST_CASE("A store that is out of reach at the start is read when it can be, row or no row") {
    Bench b;
    b.state.open = Fault::unreachable;
    CHECK(b.ledger->start() == Fault::unreachable);
    CHECK(b.grown == 0);
    CHECK_FALSE(b.ledger->health().up);
    b.state.open = Fault::none;
    REQUIRE(soon([&] { return b.grown == 5; }));
    CHECK(soon([&] { return b.ledger->health().up; }));
}

TEST_CASE("What is in the way of the ledger is said with what to do about it") {
    for (const auto& [fault, advice] :
         {std::pair{Fault::read_only, "read-only for this process: let its user write"},
          {Fault::unreachable, "Make the folder"},
          {Fault::full, "Make room on its disk"},
          {Fault::newer, "ledger: { path: FILE }"}}) {
        INFO(name_of(fault));
        Bench b;
        b.state.open = fault;
        CHECK(b.ledger->start() == fault);
        CHECK(b.said.last().find(advice) != std::string::npos);
    }
}

TEST_CASE("A worker never waits for a disk that hangs") {
    Bench b(64 << 20);
    REQUIRE(b.ledger->start() == Fault::none);
    b.state.hold = true;
    b.ledger->put(0, attempt());
    std::this_thread::sleep_for(100ms);  // the writer hangs by now
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) REQUIRE(b.ledger->put(0, attempt()));
    CHECK(std::chrono::steady_clock::now() - start < 1s);
    b.state.hold = false;
    CHECK(soon([&] { return b.state.rows == 1001; }));
}

TEST_CASE("A ledger in a real file, from many threads") {
    const Folder folder;
    {
        Settings settings;
        settings.mailboxes = 4;
        settings.most_bytes = 64 << 20;
        Ledger ledger(sqlite_store(folder.file()), std::move(settings));
        REQUIRE(ledger.start() == Fault::none);
        std::vector<std::thread> workers;
        for (std::size_t w = 0; w < 4; ++w) {
            workers.emplace_back([&ledger, w] {
                for (int i = 0; i < 2000; ++i) {
                    const auto id = std::to_string(w) + "-" + std::to_string(i);
                    ledger.put(w, attempt(kThen + i, id));
                    ledger.put(w, request(kThen + i, id));
                }
            });
        }
        for (auto& worker : workers) worker.join();
    }
    CHECK(ask(folder.file(), "SELECT count(DISTINCT request_id) FROM attempt") == "8000");
    CHECK(ask(folder.file(), "SELECT count(DISTINCT request_id) FROM request") == "8000");
    CHECK(ask(folder.file(), "SELECT sum(attempts) FROM usage_hour") == "8000");
    CHECK(ask(folder.file(), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("An id of ours says when its request began, and no other does") {
    CHECK(begun_us("req_0198f0a1b2c3" + std::string(20, 'f')) == 0x0198f0a1b2c3 * 1000);
    for (const std::string& id :
         {std::string(), std::string("req_"), std::string("abc"),
          "req_0198f0a1b2c3" + std::string(19, 'f'), "req_0198F0A1B2C3" + std::string(20, 'f'),
          "rex_0198f0a1b2c3" + std::string(20, 'f'), "req_0198f0a1b2c3" + std::string(21, 'f')}) {
        INFO(id);
        CHECK_FALSE(made_here(id));
    }
}

TEST_CASE("A clock that leaps ahead forgets nothing, and is told of") {
    constexpr std::int64_t kDay = 86'400'000'000;
    std::atomic<std::int64_t> wall{kThen};
    std::atomic<int> looks{0};
    Settings settings;
    settings.keep = 90 * 24h;
    settings.tidy_pause = 5ms;
    settings.now = [&] {
        ++looks;
        return Retention::Moment{std::chrono::steady_clock::now(),
                                 Retention::Wall(std::chrono::microseconds(wall))};
    };
    Bench b(1 << 20, settings);
    b.state.newest = kThen - kDay / 2;
    REQUIRE(b.ledger->start() == Fault::none);
    REQUIRE(soon([&] { return b.state.forgotten >= 1; }));
    CHECK(b.state.forgotten_before == kThen - 90 * kDay);
    // What the process before wrote under a clock on trial does not vouch for it.
    CHECK(b.state.newest_until == kThen - kDay / 24);
    CHECK(b.said.events().empty());
    wall = kThen + 200 * kDay;
    REQUIRE(soon([&] { return b.said.has("clock_leapt"); }));
    CHECK(b.said.last().find("4800 hours ahead") != std::string::npos);
    const int then = looks;
    REQUIRE(soon([&] { return looks > then + 3; }));
    CHECK(b.state.forgotten_before == kThen - 90 * kDay);
    CHECK(b.said.events().size() == 1);
}
