// Where a thread reads what comes on streams that hold nothing. A stream that waits for its next
// event needs no memory for it until the event is there, and then takes the block that the last one
// has left warm in the core's cache: ten thousand waiting streams have a few blocks between them.
// Inline, for it is done for every event.
#pragma once

#include "net/poison.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace understudy::net {

/// A read buffer that is large enough for nearly every request and answer in one system call. Only
/// the pages really written count as resident.
inline constexpr std::size_t kReadBuffer = 16 * 1024;

namespace detail {

/// A thread's. Without a destructor, so that using it costs no more than a variable.
struct ReadBlocks {
    // As many as a turn of the loop may have read and not served yet (net/turn_order).
    static constexpr std::size_t kMost = 64;
    std::array<char*, kMost> kept;
    std::size_t count;
    bool freed_at_exit;
};
inline constinit thread_local ReadBlocks read_blocks{};

char* new_read_block() noexcept;
/// From now on the thread's end frees what it keeps.
void free_read_blocks_at_exit() noexcept;

}  // namespace detail

struct GiveReadBlock {
    void operator()(char* block) const noexcept {
        auto& blocks = detail::read_blocks;
        if (!blocks.freed_at_exit) detail::free_read_blocks_at_exit();
        if (blocks.count == detail::ReadBlocks::kMost) {
            std::free(block);
            return;
        }
        poison(block, kReadBuffer);
        blocks.kept[blocks.count++] = block;
    }
};
/// kReadBuffer bytes of malloc's, which a Bytes may take over (Bytes::take_back). Giving it back
/// keeps it for the next read of the thread that does so, up to a bound.
using ReadBlock = std::unique_ptr<char, GiveReadBlock>;

/// One of this thread's, or a new one; null: there is no memory.
inline ReadBlock take_read_block() noexcept {
    auto& blocks = detail::read_blocks;
    if (blocks.count == 0) return ReadBlock(detail::new_read_block());
    char* const block = blocks.kept[--blocks.count];
    unpoison(block, kReadBuffer);
    return ReadBlock(block);
}

}  // namespace understudy::net
