#include "proxy/sent_model.hpp"

#include "config/known_names.hpp"
#include "config/presets.hpp"

#include <utility>

namespace understudy::proxy {

SentModel::SentModel(const RuntimeEntry& entry, std::string_view asked)
    : entry_(&entry), asked_(asked) {
    if (entry.model || !entry.upstream->known_names) return;
    auto known = config::known_name(*entry.upstream->preset, asked);
    if (known) known_ = std::make_unique<const std::string>(std::move(*known));
}

}  // namespace understudy::proxy
