#include "proxy/refusals.hpp"

namespace understudy::proxy {

bool Refusals::contains(const config::Upstream& upstream, std::string_view model) const {
    if (!any_.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    return known_.count(Known(&upstream, model)) > 0;
}

void Refusals::add(const config::Upstream& upstream, std::string_view model) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_.emplace(&upstream, model);
    any_.store(true, std::memory_order_relaxed);
}

}  // namespace understudy::proxy
