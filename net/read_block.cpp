#include "net/read_block.hpp"

namespace understudy::net::detail {
namespace {

struct AtExit {
    AtExit() = default;
    AtExit(const AtExit&) = delete;
    AtExit& operator=(const AtExit&) = delete;
    ~AtExit() {
        auto& blocks = read_blocks;
        while (blocks.count > 0) {
            char* const block = blocks.kept[--blocks.count];
            unpoison(block, kReadBuffer);
            std::free(block);
        }
        blocks.freed_at_exit = false;
    }
};

}  // namespace

char* new_read_block() noexcept {
    return static_cast<char*>(std::malloc(kReadBuffer));
}

void free_read_blocks_at_exit() noexcept {
    static thread_local const AtExit at_exit;
    (void)at_exit;
    read_blocks.freed_at_exit = true;
}

}  // namespace understudy::net::detail
