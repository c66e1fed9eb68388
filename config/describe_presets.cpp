#include "config/describe_presets.hpp"

#include "config/preset_upstream.hpp"
#include "config/presets.hpp"

namespace understudy::config {
namespace {

constexpr std::size_t kNameWidth = 13;

std::string place(const Preset& preset) {
    if (!preset.refused.empty()) return "not available in this build";
    if (preset.base_url.empty()) return "base_url: your resource's, https://NAME.openai.azure.com";
    return std::string(preset.base_url);
}

std::string key(const Preset& preset) {
    if (preset.key_variables.empty()) return {};
    const bool local = preset.kind == PresetKind::local;
    return (local ? "needs no key; takes " : "") + variables_text(preset);
}

}  // namespace

std::string describe_presets() {
    std::string out;
    for (const Preset& preset : presets()) {
        std::string name(preset.name);
        name.resize(kNameWidth, ' ');
        out += name + place(preset) + "\n";
        if (const std::string variables = key(preset); !variables.empty()) {
            out += std::string(kNameWidth, ' ') + variables + "\n";
        }
    }
    return out;
}

}  // namespace understudy::config
