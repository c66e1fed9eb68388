#include "net/bytes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace understudy::net;

namespace {

/// As a read does it: room first, then bytes, then the commit.
void read_into(Bytes& bytes, std::string_view text) {
    REQUIRE(bytes.ensure_free(text.size()));
    REQUIRE(bytes.free_space().size() >= text.size());
    std::memcpy(bytes.free_space().data(), text.data(), text.size());
    bytes.commit(text.size());
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

}  // namespace

TEST_CASE("A new buffer holds nothing and costs nothing") {
    MemoryBudget budget(100);
    Bytes bytes(budget);
    CHECK(bytes.empty());
    CHECK(bytes.view().empty());
    CHECK(bytes.capacity() == 0);
    CHECK(bytes.free_space().empty());
    CHECK(bytes.ensure_free(0));
    CHECK(bytes.append(""));
    bytes.consume(0);
    bytes.shrink(0);
    bytes.release();
    CHECK(budget.used() == 0);
}

TEST_CASE("A buffer is a queue: what was written comes out, however it grew, moved and shrank") {
    MemoryBudget budget(1 << 20);
    Bytes bytes(budget);
    std::string expected;
    std::uint32_t random = 7;
    const auto next = [&](std::uint32_t below) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % below;
    };
    for (int step = 0; step < 3000; ++step) {
        const auto text = pattern(next(700));
        if (step % 2 == 0) {
            read_into(bytes, text);
        } else {
            REQUIRE(bytes.append(text));
        }
        expected += text;
        const auto gone = next(static_cast<std::uint32_t>(expected.size()) + 1);
        bytes.consume(gone);
        expected.erase(0, gone);
        if (step % 7 == 0) bytes.shrink(next(2000));
        if (step % 11 == 0 && !expected.empty()) {
            bytes.trim_back(1);
            expected.pop_back();
        }
        REQUIRE(bytes.view() == expected);
        REQUIRE(budget.used() == bytes.capacity());
    }
    bytes.clear();
    CHECK(bytes.empty());
    bytes.release();
    CHECK(budget.used() == 0);
}

TEST_CASE("Room is made by compacting before growing") {
    MemoryBudget budget(1000);
    Bytes bytes(budget);
    read_into(bytes, pattern(100));
    const auto capacity = bytes.capacity();
    bytes.consume(60);
    CHECK(bytes.ensure_free(60));
    CHECK(bytes.capacity() == capacity);
    CHECK(bytes.data() == bytes.base());
    CHECK(bytes.view() == pattern(100).substr(60));
}

TEST_CASE("An empty buffer starts at its beginning again") {
    MemoryBudget budget(1000);
    Bytes bytes(budget);
    read_into(bytes, pattern(100));
    bytes.consume(100);
    CHECK(bytes.free_space().data() == bytes.base());
    CHECK(bytes.free_space().size() == bytes.capacity());
}

TEST_CASE("Growing doubles what is small and adds little to what is large") {
    MemoryBudget budget(std::size_t{1} << 30);
    Bytes bytes(budget);
    std::size_t grown = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto before = bytes.capacity();
        REQUIRE(bytes.append("0123456789"));
        if (bytes.capacity() != before) ++grown;
    }
    CHECK(grown < 20);
    Bytes large(budget);
    REQUIRE(large.ensure_free(20 << 20));
    CHECK(large.capacity() == 20 << 20);  // exact, not rounded up
    large.commit(20 << 20);
    REQUIRE(large.ensure_free(1));
    CHECK(large.capacity() <= (21U << 20) + 1);
}

TEST_CASE("Pinned bytes stay where they are whatever is asked") {
    MemoryBudget budget(10'000);
    Bytes bytes(budget);
    read_into(bytes, pattern(100));
    REQUIRE(bytes.ensure_free(50));
    bytes.consume(10);
    const auto* target = bytes.free_space().data();
    const auto space = bytes.free_space().size();
    const auto capacity = bytes.capacity();
    bytes.pin(true);
    CHECK(bytes.pinned());
    CHECK(bytes.ensure_free(5000));  // true, but nothing is done
    bytes.shrink(0);
    CHECK(bytes.capacity() == capacity);
    CHECK(bytes.free_space().data() == target);
    CHECK(bytes.free_space().size() == space);

    // All is consumed while the read is under way; it still lands where it was aimed.
    bytes.consume(90);
    CHECK(bytes.empty());
    CHECK(bytes.free_space().data() == target);
    std::memcpy(bytes.free_space().data(), "late", 4);
    bytes.pin(false);
    bytes.commit(4);
    CHECK(bytes.view() == "late");
    CHECK(bytes.ensure_free(5000));
    CHECK(bytes.free_space().size() >= 5000);
    CHECK(bytes.view() == "late");
    CHECK(bytes.data() == bytes.base());
}

TEST_CASE("Appending to a pinned buffer that is full is refused instead of moving it") {
    MemoryBudget budget(10'000);
    Bytes bytes(budget);
    REQUIRE(bytes.ensure_free(8));
    const auto space = bytes.free_space().size();
    bytes.pin(true);
    CHECK_FALSE(bytes.append(std::string(space + 1, 'x')));
    CHECK(bytes.empty());
    CHECK(budget.used() == bytes.capacity());
}

TEST_CASE("A budget that refuses leaves everything as it was") {
    MemoryBudget budget(100);
    Bytes bytes(budget);
    CHECK_FALSE(bytes.ensure_free(101));
    CHECK(bytes.capacity() == 0);
    CHECK(budget.used() == 0);
    REQUIRE(bytes.ensure_free(100));
    read_into(bytes, pattern(80));
    CHECK_FALSE(bytes.append(std::string(21, 'x')));
    CHECK(bytes.view() == pattern(80));
    CHECK(bytes.capacity() == 100);
    CHECK(budget.used() == 100);
    CHECK(bytes.append(std::string(20, 'x')));
    CHECK_FALSE(bytes.append("x"));

    Bytes other(budget);
    CHECK_FALSE(other.append("x"));
    bytes.consume(50);
    CHECK(bytes.append(std::string(50, 'y')));  // room by compacting needs no budget
    bytes.release();
    CHECK(other.append("x"));
}

// Sanitizers end the program where realloc would say no.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
TEST_CASE("A wish that no memory can fulfil is refused without a trace") {
    MemoryBudget budget(std::numeric_limits<std::size_t>::max());
    Bytes bytes(budget);
    REQUIRE(bytes.append("kept"));
    const auto used = budget.used();
    CHECK_FALSE(bytes.ensure_free(std::numeric_limits<std::size_t>::max() / 2));
    CHECK(budget.used() == used);
    CHECK(bytes.view() == "kept");
}
#endif

TEST_CASE("Shrinking gives back what is not needed, and never what is held") {
    MemoryBudget budget(10'000);
    Bytes bytes(budget);
    read_into(bytes, pattern(5000));
    bytes.shrink(100);
    CHECK(bytes.capacity() >= 5000);  // what is held does not fit into 100
    bytes.consume(4950);
    bytes.shrink(100);
    CHECK(bytes.capacity() == 100);
    CHECK(budget.used() == 100);
    CHECK(bytes.view() == pattern(5000).substr(4950));
    bytes.shrink(100);
    bytes.shrink(1000);
    CHECK(bytes.capacity() == 100);
    bytes.consume(50);
    bytes.shrink(10);
    CHECK(bytes.capacity() == 0);
    CHECK(budget.used() == 0);
    CHECK(bytes.append("again"));
}

TEST_CASE("A moved buffer takes its charge along") {
    MemoryBudget budget(1000);
    {
        Bytes first(budget);
        REQUIRE(first.append("abc"));
        const auto used = budget.used();
        Bytes second(std::move(first));
        CHECK(second.view() == "abc");
        CHECK(budget.used() == used);
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("A large block that was released serves the next large body, a small one does not") {
    MemoryBudget budget(std::size_t{1} << 30);
    const char* place = nullptr;
    {
        Bytes large(budget);
        REQUIRE(large.ensure_free(1 << 20));
        place = large.base();
        Bytes small(budget);
        REQUIRE(small.ensure_free(MemoryBudget::kLarge - 1));
    }
    CHECK(budget.used() == 0);
    CHECK(budget.kept() == 1 << 20);
    Bytes next(budget);
    read_into(next, pattern(1000));
    CHECK(next.base() != place);
    REQUIRE(next.ensure_free(300'000));
    CHECK(next.base() == place);  // with what it held
    CHECK(next.view() == pattern(1000));
    CHECK(next.capacity() == 1 << 20);
    CHECK(budget.used() == 1 << 20);
    CHECK(budget.kept() == 0);
    next.release();
    budget.free_kept(true);
    CHECK(budget.kept() == 0);
}

TEST_CASE("A kept block much larger than the wish is left to others, unless more is promised") {
    MemoryBudget budget(std::size_t{1} << 30);
    {
        Bytes large(budget);
        REQUIRE(large.ensure_free(16 << 20));
    }
    Bytes modest(budget);
    REQUIRE(modest.ensure_free(1 << 20));
    CHECK(modest.capacity() == 1 << 20);
    CHECK(budget.kept() == 16 << 20);
    Bytes growing(budget);
    REQUIRE(growing.ensure_free(1 << 20, 15 << 20));
    CHECK(growing.capacity() == 16 << 20);
    CHECK(budget.kept() == 0);
    Bytes promise(budget);  // nothing is kept any more, and nothing is made for a promise
    REQUIRE(promise.ensure_free(1 << 20, 15 << 20));
    CHECK(promise.capacity() == 1 << 20);
    promise.commit(1 << 20);
    REQUIRE(promise.ensure_free(1000, 1000));
    CHECK(promise.capacity() == (1 << 20) + 1000);
}

TEST_CASE("The smallest block that fits is used") {
    MemoryBudget budget(std::size_t{1} << 30);
    {
        Bytes a(budget), b(budget), c(budget);
        REQUIRE((a.ensure_free(400'000) && b.ensure_free(100'000) && c.ensure_free(300'000)));
    }
    Bytes one(budget), two(budget);
    REQUIRE((one.ensure_free(150'000) && two.ensure_free(150'000)));
    CHECK(one.capacity() == 300'000);
    CHECK(two.capacity() == 400'000);
    CHECK(budget.kept() == 100'000);
}

TEST_CASE("What is kept is bounded, counts against the limit, and goes before anybody is refused") {
    MemoryBudget budget(std::size_t{100} << 20);
    {
        std::vector<Bytes> many;
        for (int i = 0; i < 20; ++i) {
            many.emplace_back(budget);
            REQUIRE(many.back().ensure_free(5 << 20));
        }
        CHECK_FALSE(many.front().ensure_free(6 << 20));
        CHECK(budget.kept() == 0);
    }
    CHECK(budget.used() == 0);
    CHECK(budget.kept() == 30 << 20);
    CHECK(budget.take(std::size_t{70} << 20));
    CHECK(budget.kept() == 30 << 20);
    CHECK(budget.take(1));
    CHECK(budget.kept() == 0);
    CHECK_FALSE(budget.take(std::size_t{30} << 20));
    budget.give((std::size_t{70} << 20) + 1);
}

TEST_CASE("A larger block takes the place of the smallest one kept") {
    MemoryBudget budget(std::size_t{1} << 30);
    {
        std::vector<Bytes> many;
        for (std::size_t i = 0; i < 8; ++i) {
            many.emplace_back(budget);
            REQUIRE(many.back().ensure_free(100'000 + i));
        }
    }
    CHECK(budget.kept() == 800'028);
    const auto release_one_of = [&](std::size_t size) {
        REQUIRE(budget.take(size));
        budget.put_back(static_cast<char*>(std::malloc(size)), size);
    };
    release_one_of(100'000);
    CHECK(budget.kept() == 800'028);
    release_one_of(1 << 20);
    CHECK(budget.kept() == 700'028 + (1 << 20));
    CHECK(budget.used() == 0);
}

TEST_CASE("A block that nobody has used for a whole round goes back to the system") {
    MemoryBudget budget(std::size_t{1} << 30);
    {
        Bytes a(budget), b(budget);
        REQUIRE((a.ensure_free(100'000) && b.ensure_free(200'000)));
    }
    budget.free_kept(false);  // both were put back since the last round
    CHECK(budget.kept() == 300'000);
    {
        Bytes again(budget);
        REQUIRE(again.ensure_free(90'000));
    }
    budget.free_kept(false);
    CHECK(budget.kept() == 100'000);
    budget.free_kept(false);
    CHECK(budget.kept() == 0);
}

TEST_CASE("A budget holds its limit, also when the limit changes") {
    MemoryBudget budget(10);
    CHECK(budget.take(10));
    CHECK_FALSE(budget.take(1));
    CHECK(budget.take(0));
    CHECK(budget.used() == 10);
    budget.set_limit(5);  // what is taken stays taken; nothing more is given
    CHECK(budget.used() == 10);
    CHECK_FALSE(budget.take(1));
    budget.give(6);
    CHECK(budget.take(1));
    budget.set_limit(100);
    CHECK(budget.take(95));
    CHECK_FALSE(budget.take(1));
}

TEST_CASE("Threads together never hold more than the budget and lose nothing") {
    MemoryBudget budget(1000);
    std::atomic<bool> exceeded{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 20'000; ++k) {
                if (!budget.take(300)) continue;
                // A refused take shows for a moment; four of 300 at most.
                if (budget.used() > 1200) exceeded = true;
                budget.give(300);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK_FALSE(exceeded);
    CHECK(budget.used() == 0);
}

TEST_CASE("Threads exchange kept blocks and lose none") {
    MemoryBudget budget(std::size_t{4} << 20);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int k = 0; k < 3000; ++k) {
                Bytes bytes(budget);
                const auto size = static_cast<std::size_t>(70'000 + (k * 7919 + i) % 400'000);
                if (!bytes.ensure_free(size)) continue;
                std::memset(bytes.free_space().data(), i, 100);
                bytes.commit(100);
                if (k % 100 == 0) budget.free_kept(k % 200 == 0);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(budget.used() == 0);
    budget.free_kept(true);
    CHECK(budget.kept() == 0);
}

TEST_CASE("An empty buffer lends its block, stays charged for one, and gets one back with bytes") {
    MemoryBudget budget(2 * kReadBuffer);
    Bytes bytes(budget);
    const auto with_text = [](std::string_view text) {
        ReadBlock block = take_read_block();
        std::memcpy(block.get(), text.data(), text.size());
        return block;
    };
    for (const std::size_t before : {std::size_t{0}, std::size_t{100}, kReadBuffer}) {
        CAPTURE(before);
        bytes.release();
        REQUIRE(bytes.ensure_free(before));
        REQUIRE(bytes.lend());
        CHECK(bytes.lend());
        CHECK(bytes.lent());
        CHECK(bytes.capacity() == 0);
        CHECK(bytes.empty());
        CHECK(budget.used() == kReadBuffer);
        CHECK(bytes.ensure_free(100));  // a read will find a place
        CHECK_FALSE(bytes.append("x"));
        REQUIRE(bytes.take_back(with_text("came"), 4));
        CHECK_FALSE(bytes.lent());
        CHECK(bytes.view() == "came");
        CHECK(bytes.capacity() == kReadBuffer);
        CHECK(budget.used() == kReadBuffer);
        CHECK_FALSE(bytes.lend());  // it holds something
        bytes.consume(4);
    }
    bytes.pin(true);
    CHECK_FALSE(bytes.lend());
    bytes.pin(false);
    REQUIRE(bytes.lend());
    Bytes other(std::move(bytes));
    CHECK(other.lent());
    CHECK_FALSE(bytes.lent());
    other.release();
    CHECK(budget.used() == 0);
    // What comes after that has to be paid for, or is refused.
    REQUIRE(other.take_back(with_text("late"), 4));
    CHECK(other.view() == "late");
    CHECK(budget.used() == kReadBuffer);
}

TEST_CASE("A block that cannot be paid for is not lent, and a large one is kept") {
    MemoryBudget budget(kReadBuffer - 1);
    Bytes bytes(budget);
    CHECK_FALSE(bytes.lend());
    CHECK(budget.used() == 0);
    CHECK_FALSE(bytes.take_back(take_read_block(), kReadBuffer));
    CHECK(budget.used() == 0);
    CHECK(bytes.take_back(take_read_block(), 5));  // five bytes can be
    bytes.release();
    budget.set_limit(1 << 20);
    REQUIRE(bytes.ensure_free(kReadBuffer + 1));
    CHECK_FALSE(bytes.lend());
    CHECK(bytes.capacity() > kReadBuffer);
}

TEST_CASE("Every block is somebody's alone, and the one given back last is taken next") {
    std::vector<ReadBlock> blocks;
    for (int i = 0; i < 200; ++i) {
        blocks.push_back(take_read_block());
        REQUIRE(blocks.back());
        std::memset(blocks.back().get(), i, kReadBuffer);
    }
    for (int i = 0; i < 200; ++i) {
        const auto& block = blocks[static_cast<std::size_t>(i)];
        CHECK(static_cast<unsigned char>(block.get()[kReadBuffer - 1]) == i);
    }
    while (!blocks.empty()) blocks.pop_back();
    ReadBlock one = take_read_block();
    const char* const warm = one.get();
    one.reset();
    CHECK(take_read_block().get() == warm);
}
