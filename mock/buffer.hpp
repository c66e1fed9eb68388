// The receive buffer of a connection. Idle connections hold none: blocks go back to the worker's
// list, so that 10,000 quiet streams cost little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::mock {

/// Spare blocks of one worker thread.
class BlockPool {
  public:
    static constexpr std::size_t kBlockBytes = 32 * 1024;
    static constexpr std::size_t kMaxSpare = 256;
    using Block = std::unique_ptr<char[]>;

    Block take() {
        if (spare_.empty()) return Block(new char[kBlockBytes]);  // not zeroed
        Block block = std::move(spare_.back());
        spare_.pop_back();
        return block;
    }
    void give_back(Block block) {
        if (spare_.size() < kMaxSpare) spare_.push_back(std::move(block));
    }

  private:
    std::vector<Block> spare_;
};

/// Bytes received and not used yet.
class Buffer {
  public:
    explicit Buffer(BlockPool& pool) : pool_(&pool) {}
    ~Buffer() { release(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::string_view view() const { return {block_.get() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    void consume(std::size_t size) {
        begin_ += size;
        if (begin_ == end_) begin_ = end_ = 0;
    }

    /// Where the next bytes go; at least `wanted` bytes of room, more when it costs nothing.
    char* room(std::size_t wanted) {
        if (capacity_ - end_ < wanted) make_room(wanted);
        return block_.get() + end_;
    }
    std::size_t room_size() const { return capacity_ - end_; }
    void filled(std::size_t size) { end_ += size; }

    /// Gives the memory away if nothing is in it.
    void release_if_empty() {
        if (empty()) release();
    }

  private:
    void make_room(std::size_t wanted) {
        const std::size_t used = end_ - begin_;
        if (capacity_ - used >= wanted) {
            std::memmove(block_.get(), block_.get() + begin_, used);
        } else {
            const bool small = used + wanted <= BlockPool::kBlockBytes;
            // Doubling keeps the copying linear for a body that comes without a length.
            const std::size_t bytes =
                small ? BlockPool::kBlockBytes : std::max(used + wanted, used * 2);
            BlockPool::Block next = small ? pool_->take() : BlockPool::Block(new char[bytes]);
            if (used != 0) std::memcpy(next.get(), block_.get() + begin_, used);
            release();
            block_ = std::move(next);
            capacity_ = bytes;
        }
        begin_ = 0;
        end_ = used;
    }

    void release() {
        if (block_ && capacity_ == BlockPool::kBlockBytes) pool_->give_back(std::move(block_));
        block_.reset();
        capacity_ = begin_ = end_ = 0;
    }

    BlockPool* pool_;
    BlockPool::Block block_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace understudy::mock
