// The ledger as the daemon uses it: workers put rows into mailboxes, one thread writes what has
// come every few milliseconds, all or nothing. A worker never waits for the disk. Where the store
// cannot be written, that is said at once and rows wait in memory, within a bound; as they come
// near to it, congested() asks for requests to be slowed down, and only beyond it is a row lost,
// and counted. Made before the workers and gone after them; put() and what asks how it is: any
// thread.
#pragma once

#include "ledger/follower.hpp"
#include "ledger/mailbox.hpp"
#include "ledger/retention.hpp"
#include "ledger/store.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace understudy::ledger {

/// What is worth a line in the log.
struct News {
    bool bad = false;
    std::string_view event;  // a stable word
    std::string message;
};

struct Settings {
    std::size_t mailboxes = 1;                     // one for each thread that puts rows
    std::size_t most_bytes = 32 << 20;             // of rows that wait
    std::chrono::hours keep{0};                    // 0: for ever
    std::chrono::milliseconds tidy_pause{60'000};  // between two looks for what is too old
    std::function<Retention::Moment()> now = Retention::now;  // by which that is told
    std::function<bool(std::size_t)> take_memory;  // of the process's budget; may be empty
    std::function<void(std::size_t)> give_memory;
    std::function<void(const News&)> tell;  // from the writer's thread; may be empty
    /// What others have added to the counters, before this process and beside it: the value of each
    /// is by how much it has grown. From start() and then from the writer's thread; may be empty.
    std::function<void(std::span<const Counter>)> grown;
    Follower* follower = nullptr;  // outlives the ledger
    /// The process that this one takes over from has not ended yet: what it writes is looked for
    /// often, and the form of what it writes to is left as it is. May be empty.
    std::function<bool()> predecessor_lives;
};

/// How it is, for /metrics and /readyz.
struct Health {
    bool up = false;
    std::uint64_t rows_written = 0, rows_lost = 0;
    std::size_t waiting_bytes = 0;
};

class Ledger {
  public:
    /// Nothing is opened yet.
    Ledger(std::unique_ptr<Store> store, Settings settings);
    ~Ledger();  // stop()
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Opens the store and starts the writer. A fault is no end: the writer goes on trying.
    Fault start();

    /// Never waits. False: there was no room, the row is lost.
    template <class Row>
    bool put(std::size_t mailbox, const Row& row);
    /// Rows come faster than they can be written: requests should begin more slowly.
    bool congested() const { return room_.used() > room_.most() / 2; }
    /// There is room for what is under way, and for nothing new.
    bool full() const { return room_.used() > room_.most() / 4 * 3; }
    Health health() const;
    void keep(std::chrono::hours age) { keep_ = age; }
    const std::string& place() const { return store_->place(); }
    /// Waits until what was put before is written, at most so long. False: it is not, or not known
    /// to be. For who only reads; not from the writer's thread.
    bool settle(std::chrono::milliseconds most);
    /// The same of what was put before round() said `since`: who has stood in a queue meanwhile
    /// need not wait again.
    bool settle(std::chrono::milliseconds most, std::uint64_t since);
    /// How often rows have been taken and written. Any thread.
    std::uint64_t round();
    /// The last fault in words; only before start() and behind stop(), or from tell().
    const std::string& why() const { return store_->why(); }

    /// Writes what waits, if that goes quickly, and ends the writer. Idempotent.
    void stop();

  private:
    using Clock = std::chrono::steady_clock;
    Fault open_patiently();
    void run();
    bool anything() const;
    bool ending();
    void wake();
    void wait_for_rows();
    void gather();
    bool follows() const;
    void look_for_others();
    Fault open_store();
    Fault read_counters();
    bool write(Batch& batch);
    bool pause(Clock::duration time);
    void recycle(Batch& batch);
    bool forget();
    void tidy();
    bool replace_corrupt();
    void note_up();
    void note_down(Fault fault);
    void note_losses(bool unwritable);
    void tell_of_losses(bool at_the_end = false);
    void tell(bool bad, std::string_view event, std::string message) const;
    void tell_of_leap(const Retention::Verdict& verdict) const;

    std::unique_ptr<Store> store_;
    Settings settings_;
    Room room_;
    std::vector<std::unique_ptr<Mailbox>> mailboxes_;
    std::atomic<std::chrono::hours> keep_;
    std::atomic<bool> up_{false};
    std::atomic<std::uint64_t> written_{0}, lost_{0};
    std::atomic<bool> asleep_{false};
    std::mutex mutex_;  // for wake_ and what it waits for
    std::condition_variable wake_, settled_;
    std::uint64_t rounds_ = 0;  // of taking and writing, done; guarded by mutex_
    bool stopping_ = false;     // guarded by mutex_
    Clock::time_point end_by_;  // guarded by mutex_

    // The writer's own:
    Clock::time_point waiting_since_;  // what waits, or since later
    Fault fault_ = Fault::none;
    // Lost because they could not be written, because they came too fast, and both as last told.
    std::uint64_t lost_unwritable_ = 0, lost_hurried_ = 0, losses_told_ = 0;
    Clock::time_point losses_told_at_{};
    Clock::time_point tidy_at_, aside_at_;
    Retention retention_;
    // Others: told to grown(), and when to look whether they have written again.
    std::map<std::pair<std::string, std::array<std::string, 4>>, std::uint64_t> others_;
    bool read_ = false;
    Clock::time_point look_at_, others_until_;
    std::thread thread_;
};

template <class Row>
bool Ledger::put(std::size_t mailbox, const Row& row) {
    const bool kept = mailboxes_[mailbox]->put(row);
    if (!kept) lost_.fetch_add(1, std::memory_order_relaxed);
    // Ordered by the mailbox's lock: a writer that had looked before this row came has said so.
    if (asleep_.load(std::memory_order_relaxed)) wake();
    return kept;
}

}  // namespace understudy::ledger
