// The one growable buffer of the data path, and the bound on all of them together.
#pragma once

#include "net/read_block.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

namespace understudy::net {

/// Bytes held by all buffers of the process, against `limits.memory`. Thread-safe.
///
/// It also keeps a few large blocks that were released, for the next large body: their pages are
/// there already, and faulting in new ones costs more than all else that is done with a body. They
/// are charged as long as they are kept, and freed before anybody is refused.
class MemoryBudget {
  public:
    static constexpr std::size_t kLarge = 64 * 1024;  // smaller blocks are not kept
    static constexpr std::size_t kMaxKept = 32 << 20;

    /// `reserve`: the part of the limit that only take_reserved() may use.
    explicit MemoryBudget(std::size_t limit, std::size_t reserve = 0)
        : limit_(limit - reserve), reserve_(reserve) {}
    ~MemoryBudget() { free_kept(true); }
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    bool take(std::size_t n) noexcept { return try_take(n) || (kept() > 0 && take_instead(n)); }
    /// Out of the reserve too, for what has to go on when everything else is refused.
    bool take_reserved(std::size_t n) noexcept { return try_take(n, reserve_); }
    void give(std::size_t n) noexcept { used_.fetch_sub(n, std::memory_order_relaxed); }
    /// The reserve stays as large as it is.
    void set_limit(std::size_t limit) noexcept {
        limit_.store(limit - std::min(limit, reserve_), std::memory_order_relaxed);
    }
    std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

    /// A kept block of `least` to `most` bytes, the smallest there is, taken and to be freed by the
    /// caller; empty when there is none.
    std::span<char> reuse(std::size_t least, std::size_t most) noexcept;
    /// Takes over a block (of malloc) that was taken, to keep or to free it.
    void put_back(char* data, std::size_t size) noexcept;
    /// Frees the blocks that nobody has used since the last call, or all of them.
    void free_kept(bool all) noexcept;
    std::size_t kept() const noexcept { return kept_.load(std::memory_order_relaxed); }

  private:
    struct Block {
        char* data = nullptr;
        std::size_t size = 0;
        bool fresh = false;  // put back since the last free_kept()
    };
    bool try_take(std::size_t n, std::size_t beyond = 0) noexcept {
        const auto used = used_.fetch_add(n, std::memory_order_relaxed) + n;
        if (used + kept() <= limit_.load(std::memory_order_relaxed) + beyond) return true;
        used_.fetch_sub(n, std::memory_order_relaxed);
        return false;
    }
    bool take_instead(std::size_t n) noexcept;
    bool keep(char* data, std::size_t size) noexcept;

    std::atomic<std::size_t> limit_;  // without the reserve
    const std::size_t reserve_;
    std::atomic<std::size_t> used_{0};
    std::atomic<std::size_t> kept_{0};
    std::mutex mutex_;  // of blocks_; only large buffers come here
    std::array<Block, 8> blocks_;
};

/// Bytes held elsewhere than in a Bytes (a copied head, say), charged for as long as this lives.
class MemoryCharge {
  public:
    explicit MemoryCharge(MemoryBudget& budget) : budget_(budget) {}
    ~MemoryCharge() { budget_.give(held_); }
    MemoryCharge(const MemoryCharge&) = delete;
    MemoryCharge& operator=(const MemoryCharge&) = delete;
    /// Holds `n` bytes from now on. False when the budget refuses: then nothing has changed.
    bool set(std::size_t n) noexcept {
        if (n > held_ && !budget_.take(n - held_)) return false;
        if (n < held_) budget_.give(held_ - n);
        held_ = n;
        return true;
    }

  private:
    MemoryBudget& budget_;
    std::size_t held_ = 0;
};

/// A contiguous queue of bytes: filled at the end, consumed from the front. Grows by realloc, which
/// for large buffers moves page tables instead of bytes. Charged to a MemoryBudget as it grows.
/// Growing and compacting move the bytes: views into it end there.
class Bytes {
  public:
    explicit Bytes(MemoryBudget& budget) : budget_(&budget) {}
    Bytes(Bytes&& other) noexcept
        : budget_(other.budget_),
          data_(std::exchange(other.data_, nullptr)),
          capacity_(std::exchange(other.capacity_, 0)),
          begin_(std::exchange(other.begin_, 0)),
          end_(std::exchange(other.end_, 0)),
          lent_(std::exchange(other.lent_, false)) {}
    Bytes& operator=(Bytes&&) = delete;
    ~Bytes() { release(); }

    std::size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }
    MemoryBudget& budget() { return *budget_; }
    void swap(Bytes& other) noexcept {
        std::swap(budget_, other.budget_);
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(pinned_, other.pinned_);
        std::swap(lent_, other.lent_);
    }
    char* base() { return data_; }
    std::size_t capacity() const { return capacity_; }
    char* data() { return data_ + begin_; }
    std::string_view view() const { return {data_ + begin_, end_ - begin_}; }
    std::span<char> free_space() { return {data_ + end_, capacity_ - end_}; }

    /// Makes at least `n` bytes of free space, compacting first. False when the budget refuses;
    /// then nothing has changed. While pinned or lent it leaves things as they are and says true.
    /// `promised`: what may have to follow; a block with room for that is used if one is kept, but
    /// none is made.
    bool ensure_free(std::size_t n, std::size_t promised = 0) {
        return pinned_ || lent_ || capacity_ - end_ >= n || make_free(n, promised);
    }
    /// `n` bytes were written into free_space().
    void commit(std::size_t n) { end_ += n; }
    /// Drops `n` bytes from the front. An empty buffer starts at its beginning again, unless
    /// pinned.
    void consume(std::size_t n) {
        begin_ += n;
        if (begin_ == end_ && !pinned_) begin_ = end_ = 0;
    }
    /// While a read into free_space() is under way nothing may move: growing and compacting wait.
    void pin(bool pinned) { pinned_ = pinned; }
    /// From now on it may grow out of the budget's reserve.
    void spend_reserve() { may_spend_reserve_ = true; }
    bool pinned() const { return pinned_; }
    /// Drops `n` bytes from the end.
    void trim_back(std::size_t n) { end_ -= n; }
    /// Drops everything.
    void clear() { consume(size()); }
    /// Appends a copy. False when the budget refuses, and while lent.
    bool append(std::string_view bytes);
    /// Gives memory beyond `keep` back when what is held fits into it.
    void shrink(std::size_t keep);
    /// Frees everything.
    void release();

    /// Empty, it leaves its block (of up to kReadBuffer bytes) to whatever this thread reads next,
    /// and stays charged for one, so that nobody can be refused when something comes. False: it
    /// holds something, is pinned, larger, or the budget refuses; then nothing has changed.
    bool lend() {
        if (lent_) return true;
        if (!empty() || pinned_ || capacity_ != kReadBuffer) return lend_none();
        GiveReadBlock()(data_);
        data_ = nullptr;
        capacity_ = begin_ = end_ = 0;
        return lent_ = true;
    }
    bool lent() const { return lent_; }
    /// What it has lent comes back with `n` bytes in it. False when the budget refuses, which it
    /// never does for one that has lent and was not released since.
    bool take_back(ReadBlock block, std::size_t n) {
        if (!lent_ || capacity_ != 0) return take_over(std::move(block), n);
        data_ = block.release();
        capacity_ = kReadBuffer;
        end_ = n;
        lent_ = false;
        return true;
    }

  private:
    bool make_free(std::size_t n, std::size_t promised);
    bool lend_none();
    bool take_over(ReadBlock block, std::size_t n);
    bool charge(std::size_t n);
    bool reallocate(std::size_t capacity);
    bool move_to_kept(std::size_t capacity, std::size_t promised);

    MemoryBudget* budget_;
    char* data_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool pinned_ = false;
    bool may_spend_reserve_ = false;
    bool lent_ = false;
};

}  // namespace understudy::net
