#include "ledger/mailbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace understudy::ledger {

bool Room::take(std::size_t n) {
    const auto used = used_.fetch_add(n, std::memory_order_relaxed) + n;
    if (used <= most_ && (!take_ || take_(n))) return true;
    used_.fetch_sub(n, std::memory_order_relaxed);
    return false;
}

void Room::give(std::size_t n) {
    used_.fetch_sub(n, std::memory_order_relaxed);
    if (give_) give_(n);
}

Mailbox::~Mailbox() {
    free(full_);
    free(spare_);
}

void Mailbox::free(Batch& chunks) {
    for (const auto& chunk : chunks) room_.give(chunk.size());
    chunks.clear();
}

// Called with the lock held.
Chunk* Mailbox::with_room_for(std::size_t n) {
    if (!full_.empty() && full_.back().left() >= n) return &full_.back();
    if (!spare_.empty() && spare_.back().size() >= n) {
        full_.push_back(std::move(spare_.back()));
        spare_.pop_back();
        return &full_.back();
    }
    const auto size = std::max(n, Chunk::kUsualSize);
    if (!room_.take(size)) return nullptr;
    full_.emplace_back(size);
    return &full_.back();
}

void Mailbox::take(Batch& batch) {
    const std::lock_guard lock(mutex_);
    std::move(full_.begin(), full_.end(), std::back_inserter(batch));
    full_.clear();
}

void Mailbox::recycle(Chunk&& chunk) {
    const std::lock_guard lock(mutex_);
    chunk.clear();
    if (spare_.empty()) {
        spare_.push_back(std::move(chunk));
        return;
    }
    room_.give(chunk.size());
    Chunk gone(std::move(chunk));
}

void Mailbox::shrink() {
    const std::lock_guard lock(mutex_);
    free(spare_);
}

bool Mailbox::empty() const {
    const std::lock_guard lock(mutex_);
    return full_.empty();
}

}  // namespace understudy::ledger
