#include "proxy/key_refusals.hpp"

namespace understudy::proxy {

bool KeyRefusals::due(std::string_view upstream, net::TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found = told_at_.find(upstream);
    if (found == told_at_.end()) {
        told_at_.emplace(upstream, now);
        return true;
    }
    if (now - found->second < kPause) return false;
    found->second = now;
    return true;
}

}  // namespace understudy::proxy
