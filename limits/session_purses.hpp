// The purses of sessions whose clients have named a budget: a bounded number of them, of which the
// one that was not used for longest gives way. What a session has spent before its purse was made
// is for others to know (the ledger), who complete it. A session belongs to the key that it is used
// with: names are their clients' choice. Any thread; one lock.
#pragma once

#include "limits/purse.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace understudy::limits {

class SessionPurses {
  public:
    static constexpr std::size_t kMost = 4096;
    explicit SessionPurses(std::size_t most = kMost) : most_(most) {}

    /// There is none at all; without the lock.
    bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
    /// The purse of this key's session, which counts as used now; null: it is not here. `key`: its
    /// name; empty: there are no keys.
    std::shared_ptr<Purse> find(std::string_view key, std::string_view session);
    /// The same; one that is new is not complete. Null: all of them are in use.
    std::shared_ptr<Purse> find_or_make(std::string_view key, std::string_view session);
    /// Calls `use(key, session, purse)` for each, without the lock.
    template <class Use>
    void for_each(Use&& use);
    /// How often the budget of a session has said no.
    void count_denial() { denied_.fetch_add(1, std::memory_order_relaxed); }
    std::uint64_t denied() const { return denied_.load(std::memory_order_relaxed); }

  private:
    struct Owner {
        std::string key, session;
    };
    struct OwnerView {
        std::string_view key, session;
        bool operator==(const OwnerView&) const = default;
    };
    struct Hash {
        std::size_t operator()(const OwnerView& owner) const {
            const std::hash<std::string_view> hash;
            return hash(owner.session) * 31 + hash(owner.key);
        }
    };
    struct Entry {
        Owner owner;
        std::shared_ptr<Purse> purse;
    };
    using Entries = std::list<Entry>;
    static OwnerView view(const Owner& owner) { return {owner.key, owner.session}; }
    std::shared_ptr<Purse> find_locked(const OwnerView& owner);
    bool make_room();

    const std::size_t most_;
    std::mutex mutex_;
    Entries entries_;                                                  // the one used last first
    std::unordered_map<OwnerView, Entries::iterator, Hash> by_owner_;  // views of the entries
    std::atomic<std::size_t> count_{0};
    std::atomic<std::uint64_t> denied_{0};
};

template <class Use>
void SessionPurses::for_each(Use&& use) {
    std::vector<Entry> all;
    {
        const std::lock_guard lock(mutex_);
        all.assign(entries_.begin(), entries_.end());
    }
    for (const auto& [owner, purse] : all) use(owner.key, owner.session, purse);
}

}  // namespace understudy::limits
