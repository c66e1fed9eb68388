#include "net/bytes.hpp"

#include "net/poison.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace understudy::net {

std::span<char> MemoryBudget::reuse(std::size_t least, std::size_t most) noexcept {
    if (kept() < least) return {};
    const std::lock_guard lock(mutex_);
    Block* best = nullptr;
    for (auto& block : blocks_) {
        const bool fits = block.size >= least && block.size <= most;
        if (fits && (best == nullptr || block.size < best->size)) best = &block;
    }
    if (best == nullptr) return {};
    const Block block = std::exchange(*best, {});
    // Charged twice for a moment rather than not at all.
    used_.fetch_add(block.size, std::memory_order_relaxed);
    kept_.fetch_sub(block.size, std::memory_order_relaxed);
    unpoison(block.data, block.size);
    return {block.data, block.size};
}

bool MemoryBudget::keep(char* data, std::size_t size) noexcept {
    if (size < kLarge) return false;
    const std::lock_guard lock(mutex_);
    // A free place, or the smallest block's: large ones are those that cost much to make.
    const auto place = std::min_element(
        blocks_.begin(), blocks_.end(),
        [](const Block& left, const Block& right) { return left.size < right.size; });
    if (place->size >= size || kept() - place->size + size > kMaxKept) return false;
    unpoison(place->data, place->size);
    std::free(place->data);
    kept_.fetch_sub(place->size, std::memory_order_relaxed);
    poison(data, size);
    *place = {data, size, true};
    kept_.fetch_add(size, std::memory_order_relaxed);
    return true;
}

void MemoryBudget::put_back(char* data, std::size_t size) noexcept {
    if (!keep(data, size)) std::free(data);
    give(size);
}

void MemoryBudget::free_kept(bool all) noexcept {
    const std::lock_guard lock(mutex_);
    for (auto& block : blocks_) {
        if (block.data != nullptr && (all || !block.fresh)) {
            unpoison(block.data, block.size);
            std::free(block.data);
            kept_.fetch_sub(block.size, std::memory_order_relaxed);
            block = {};
        }
        block.fresh = false;
    }
}

bool MemoryBudget::take_instead(std::size_t n) noexcept {
    free_kept(true);
    return try_take(n);
}

// True when what is held lies in a block that somebody has released.
bool Bytes::move_to_kept(std::size_t capacity, std::size_t promised) {
    // Copying costs a fraction of faulting in as many new bytes, but then it must not be more.
    if (capacity < MemoryBudget::kLarge || end_ > capacity / 2) return false;
    const auto block = budget_->reuse(capacity, std::max(promised, 4 * capacity));
    if (block.empty()) return false;
    if (end_ > 0) std::memcpy(block.data(), data_, end_);
    if (data_ != nullptr) budget_->put_back(data_, capacity_);
    data_ = block.data();
    capacity_ = block.size();
    return true;
}

bool Bytes::charge(std::size_t n) {
    return budget_->take(n) || (may_spend_reserve_ && budget_->take_reserved(n));
}

bool Bytes::reallocate(std::size_t capacity) {
    if (capacity > capacity_ && !charge(capacity - capacity_)) return false;
    void* moved = std::realloc(data_, capacity);
    if (moved == nullptr) {
        if (capacity > capacity_) budget_->give(capacity - capacity_);
        return false;
    }
    if (capacity < capacity_) budget_->give(capacity_ - capacity);
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
    return true;
}

bool Bytes::make_free(std::size_t n, std::size_t promised) {
    if (begin_ > 0) {
        std::memmove(data_, data_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (capacity_ - end_ >= n) return true;
    }
    // Doubling keeps the number of moves small; a large exact request is not rounded up.
    const std::size_t wanted = end_ + n;
    if (move_to_kept(wanted, end_ + promised + promised / 4)) return true;
    std::size_t roomy = std::max(wanted, std::min(2 * capacity_, wanted + (1U << 20)));
    if (promised != 0) roomy = std::max(wanted, std::min(roomy, end_ + promised));
    return reallocate(roomy) || (roomy > wanted && reallocate(wanted));
}

bool Bytes::append(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (!ensure_free(bytes.size()) || capacity_ - end_ < bytes.size()) return false;
    std::memcpy(data_ + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
}

void Bytes::shrink(std::size_t keep) {
    if (pinned_ || capacity_ <= keep || size() > keep) return;
    if (empty()) {
        release();
        return;
    }
    std::memmove(data_, data_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    reallocate(keep);
}

// With a block of another size, or none.
bool Bytes::lend_none() {
    if (!empty() || pinned_ || capacity_ > kReadBuffer) return false;
    if (!charge(kReadBuffer - capacity_)) return false;
    std::free(data_);
    data_ = nullptr;
    capacity_ = begin_ = end_ = 0;
    return lent_ = true;
}

// By one that has nothing lent, or was filled by other means since.
bool Bytes::take_over(ReadBlock block, std::size_t n) {
    if (std::exchange(lent_, false)) budget_->give(kReadBuffer);
    if (capacity_ != 0 || !charge(kReadBuffer)) return append({block.get(), n});
    data_ = block.release();
    capacity_ = kReadBuffer;
    end_ = n;
    return true;
}

void Bytes::release() {
    if (data_ != nullptr) budget_->put_back(data_, capacity_);
    if (std::exchange(lent_, false)) budget_->give(kReadBuffer);
    data_ = nullptr;
    capacity_ = begin_ = end_ = 0;
}

}  // namespace understudy::net
