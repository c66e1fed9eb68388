#include "net/task.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace understudy::net;

namespace {

std::vector<std::string> events;

void note(std::string event) {
    events.push_back(std::move(event));
}

/// Tells when it goes.
struct Guard {
    explicit Guard(std::string n) : name(std::move(n)) {}
    ~Guard() { note("~" + name); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    std::string name;
};

Task<int> number(int n) {
    note("number");
    co_return n;
}

Task<int> waits(Signal& signal, int n) {
    const Guard guard("waits");
    co_await signal.wait();
    note("woken");
    co_return n;
}

Task<std::unique_ptr<std::string>> move_only() {
    co_return std::make_unique<std::string>("moved");
}

Task<void> throws(Signal* signal) {
    const Guard guard("throws");
    if (signal != nullptr) co_await signal->wait();
    throw std::runtime_error("boom");
}

Task<void> catches(Signal* signal) {
    try {
        co_await throws(signal);
    } catch (const std::runtime_error& e) {
        note(std::string("caught ") + e.what());
    }
    // A coroutine that failed does not spoil what comes next.
    const int n = co_await number(3);
    note(std::to_string(n));
}

Task<int> nested(Signal& signal, int depth) {
    if (depth == 0) {
        const int n = co_await waits(signal, 1);
        co_return n;
    }
    const int n = co_await nested(signal, depth - 1);
    co_return n + 1;
}

Task<void> outer(Signal& signal) {
    const Guard guard("outer");
    const int n = co_await nested(signal, 50);
    note(std::to_string(n));
}

/// Starts a task and keeps it, as an owner that may drop it does.
struct Owned {
    struct promise_type {
        Owned get_return_object() {
            return Owned(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
    explicit Owned(std::coroutine_handle<promise_type> h) : handle(h) {}
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() { handle.destroy(); }
    std::coroutine_handle<promise_type> handle;
};

Owned start(Task<void> task) {
    co_await std::move(task);
}

Task<void> loop(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        const int n = co_await number(1);
        sum += n;
    }
    note(std::to_string(sum));
}

Task<void> waits_until(Signal& signal, const int& value, int wanted) {
    while (value != wanted) co_await signal.wait();
    note("reached");
}

}  // namespace

using Events = std::vector<std::string>;

TEST_CASE("A task does nothing until it is awaited") {
    events.clear();
    { const auto task = number(1); }
    CHECK(events.empty());
    spawn(loop(2));
    CHECK(events == Events{"number", "number", "2"});
}

TEST_CASE("A task's value may be move-only") {
    events.clear();
    const auto run = []() -> Task<void> {
        const auto text = co_await move_only();
        note(*text);
    };
    spawn(run());
    CHECK(events == Events{"moved"});
}

TEST_CASE("An exception goes to whoever awaits, at once or after a wait") {
    events.clear();
    spawn(catches(nullptr));
    CHECK(events == Events{"~throws", "caught boom", "number", "3"});

    events.clear();
    Signal signal;
    spawn(catches(&signal));
    CHECK(events.empty());
    signal.notify();
    CHECK(events == Events{"~throws", "caught boom", "number", "3"});
}

TEST_CASE("Tasks nest, and one wake-up resumes the innermost and all that waits for it") {
    events.clear();
    Signal signal;
    spawn(outer(signal));
    CHECK(events.empty());
    signal.notify();
    CHECK(events == Events{"woken", "~waits", "51", "~outer"});
}

TEST_CASE("A long loop of tasks that never wait does not eat the stack") {
    events.clear();
    const auto run = []() -> Task<void> {
        int sum = 0;
        for (int i = 0; i < 2000; ++i) {
            const int n = co_await number(1);
            sum += n;
        }
        events = {std::to_string(sum)};
    };
    spawn(run());
    CHECK(events == Events{"2000"});
}

TEST_CASE("A notification before the wait is remembered, several are one") {
    events.clear();
    Signal signal;
    signal.notify();
    signal.notify();
    int value = 0;
    spawn(waits_until(signal, value, 2));
    CHECK(events.empty());  // woken once for nothing, asleep again
    value = 1;
    signal.notify();
    CHECK(events.empty());
    value = 2;
    signal.notify();
    CHECK(events == Events{"reached"});
    signal.notify();  // nobody sleeps: remembered, harmless
    CHECK(events.size() == 1);
}

TEST_CASE("A waiter that notifies its own signal is not resumed inside itself") {
    events.clear();
    Signal signal;
    const auto run = [&]() -> Task<void> {
        co_await signal.wait();
        signal.notify();
        note("still here");
        co_await signal.wait();
        note("and there");
    };
    auto task = run();
    spawn(std::move(task));
    signal.notify();
    CHECK(events == Events{"still here", "and there"});
}

TEST_CASE("Dropping a suspended task destroys all frames below it, innermost first") {
    events.clear();
    Signal signal;
    {
        const auto owned = start(outer(signal));
        CHECK(events.empty());
    }
    CHECK(events == Events{"~waits", "~outer"});
}

TEST_CASE("A task that was moved from owns nothing") {
    events.clear();
    auto first = number(1);
    { auto second = std::move(first); }
    CHECK(events.empty());
}
