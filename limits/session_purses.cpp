#include "limits/session_purses.hpp"

#include <utility>

namespace understudy::limits {

std::shared_ptr<Purse> SessionPurses::find_locked(const OwnerView& owner) {
    const auto found = by_owner_.find(owner);
    if (found == by_owner_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front().purse;
}

std::shared_ptr<Purse> SessionPurses::find(std::string_view key, std::string_view session) {
    const std::lock_guard lock(mutex_);
    return find_locked({key, session});
}

// Whoever holds money of a purse, or is about to, has a pointer to it.
bool SessionPurses::make_room() {
    if (entries_.size() < most_) return true;
    for (auto it = entries_.end(); it != entries_.begin();) {
        --it;
        if (it->purse.use_count() > 1) continue;
        by_owner_.erase(view(it->owner));
        entries_.erase(it);
        return true;
    }
    return false;
}

std::shared_ptr<Purse> SessionPurses::find_or_make(std::string_view key, std::string_view session) {
    const std::lock_guard lock(mutex_);
    if (auto purse = find_locked({key, session})) return purse;
    if (!make_room()) return nullptr;
    entries_.push_front({{std::string(key), std::string(session)}, std::make_shared<Purse>()});
    const auto& entry = entries_.front();
    by_owner_.emplace(view(entry.owner), entries_.begin());
    count_.store(entries_.size(), std::memory_order_relaxed);
    return entry.purse;
}

}  // namespace understudy::limits
