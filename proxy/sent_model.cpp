#include "proxy/sent_model.hpp"

#include "config/known_names.hpp"
#include "config/presets.hpp"

namespace understudy::proxy {

SentModel::SentModel(const RuntimeEntry& entry, std::string_view asked)
    : entry_(&entry), asked_(asked) {
    if (entry.model || !entry.upstream->known_names) return;
    known_ = config::known_name(*entry.upstream->preset, asked);
}

}  // namespace understudy::proxy
