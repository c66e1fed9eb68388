// Where one worker leaves its rows for the writer. The lock between the two is held for a copy of a
// few hundred bytes by the one and for the swap of a list by the other, never for the disk.
#pragma once

#include "ledger/batch.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>

namespace understudy::ledger {

/// How much memory rows may wait in, all mailboxes and the writer's batch together.
class Room {
  public:
    /// `take` asks for bytes of the process's common budget, `give` returns them; either may be
    /// empty.
    Room(std::size_t most, std::function<bool(std::size_t)> take,
         std::function<void(std::size_t)> give)
        : most_(most), take_(std::move(take)), give_(std::move(give)) {}

    bool take(std::size_t n);
    void give(std::size_t n);
    std::size_t used() const { return used_.load(std::memory_order_relaxed); }
    std::size_t most() const { return most_; }

  private:
    std::size_t most_;
    std::function<bool(std::size_t)> take_;
    std::function<void(std::size_t)> give_;
    std::atomic<std::size_t> used_{0};
};

class Mailbox {
  public:
    explicit Mailbox(Room& room) : room_(room) {}
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    /// Copies a row in. False: there is no room for it.
    template <class Row>
    bool put(const Row& row);
    /// Moves everything that has come to the end of `batch`; its chunks keep their room.
    void take(Batch& batch);
    /// A chunk of a batch that is done with: kept for what comes next, or freed.
    void recycle(Chunk&& chunk);
    /// Frees what is kept, when nothing comes any more.
    void shrink();
    bool empty() const;

  private:
    Chunk* with_room_for(std::size_t n);
    void free(Batch& chunks);

    Room& room_;
    mutable std::mutex mutex_;
    Batch full_;   // in order; the last one is being filled
    Batch spare_;  // empty
};

template <class Row>
bool Mailbox::put(const Row& row) {
    const auto n = Chunk::need(row);
    const std::lock_guard lock(mutex_);
    auto* const chunk = with_room_for(n);
    return chunk != nullptr && chunk->add(row, n);
}

}  // namespace understudy::ledger
