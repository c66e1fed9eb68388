#include "config/describe_presets.hpp"

#include "config/preset_upstream.hpp"
#include "config/presets.hpp"

namespace understudy::config {
namespace {

constexpr std::size_t kNameWidth = 13;

std::string place(const Preset& preset) {
    if (preset.name == "bedrock")
        return "https://bedrock-runtime.REGION.amazonaws.com, speaks converse";
    if (preset.base_url.empty()) return "base_url: your resource's, https://NAME.openai.azure.com";
    const auto dialect = preset.usual_dialect();
    std::string text(preset.base_url_of(dialect));
    if (dialect != wire::Dialect::chat) text += ", speaks " + std::string(wire::name_of(dialect));
    return text;
}

std::string key(const Preset& preset) {
    if (preset.key_variables.empty()) return {};
    const bool local = preset.kind == PresetKind::local;
    const bool signs = preset.usual_dialect() == wire::Dialect::converse;
    return (local ? "needs no key; takes " : "") + variables_text(preset) +
           (signs ? ", or AWS's keys or profile" : "");
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
