#include "metrics/learned_models.hpp"

namespace understudy::metrics {

bool LearnedModels::is_label(std::string_view upstream, std::string_view model, bool answered) {
    if (model.empty() || model.size() > kLongestName) return false;
    const std::lock_guard lock(mutex_);
    auto found = models_.find(upstream);
    if (found != models_.end() && found->second.contains(model)) return true;
    if (!answered) return false;
    if (found == models_.end()) found = models_.try_emplace(std::string(upstream)).first;
    if (found->second.size() >= kPerUpstream) return false;
    found->second.emplace(model);
    generation_.fetch_add(1, std::memory_order_release);
    return true;
}

}  // namespace understudy::metrics
