#include "proxy/refusals.hpp"

namespace understudy::proxy {

bool Refusals::contains(const config::Upstream& upstream, std::string_view model) const {
    if (!any_.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    return known_.find(std::pair(&upstream, model)) != known_.end();
}

void Refusals::add(const config::Upstream& upstream, std::string_view model) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_.emplace(&upstream, model);
    any_.store(true, std::memory_order_relaxed);
}

dialects::Repairs LearntRepairs::of(const config::Upstream& upstream,
                                    std::string_view model) const {
    if (!any_.load(std::memory_order_relaxed)) return {};
    const std::lock_guard lock(mutex_);
    const auto at = known_.find(std::pair(&upstream, model));
    return at == known_.end() ? dialects::Repairs() : at->second;
}

void LearntRepairs::learn(const config::Upstream& upstream, std::string_view model,
                          const dialects::Repairs& repairs) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= Refusals::kMost) known_.clear();
    known_[KnownModel(&upstream, model)].add(repairs);
    any_.store(true, std::memory_order_relaxed);
}

}  // namespace understudy::proxy
