#include "cmd/probe/models.hpp"

#include "config/known_names.hpp"
#include "config/presets.hpp"
#include "config/text.hpp"
#include "wire/model_list.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace understudy::cmd::probe {
namespace {

using config::Upstream;
using metrics::ModelPrice;
using metrics::PriceTable;

// Parts of names, and whole words of them, of models that do something else than chat.
constexpr std::array<std::string_view, 13> kOtherParts{
    "embed",  "rerank", "whisper", "transcri", "moderation", "guard", "diffusion",
    "imagen", "image",  "speech",  "realtime", "audio",      "minilm"};
constexpr std::array<std::string_view, 22> kOtherWords{
    "tts",     "stt",     "asr",  "dall",   "sora",     "veo", "lyria", "flux",
    "sdxl",    "clip",    "ocr",  "bge",    "gte",      "e5",  "ada",   "babbage",
    "davinci", "orpheus", "live", "search", "research", "aqa"};

bool is_word_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool has_word(std::string_view name, std::string_view word) {
    for (auto at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool begins = at == 0 || !is_word_letter(name[at - 1]);
        if (begins && (end == name.size() || !is_word_letter(name[end]))) return true;
    }
    return false;
}

void add_once(Names& names, std::string name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(std::move(name));
    }
}

// What a request for `asked` that goes to this entry is sent as.
std::string name_at(const Upstream& upstream, const config::ChainEntry& entry,
                    const std::string& asked) {
    if (entry.model) return *entry.model;
    if (!upstream.known_names) return asked;
    return config::known_name(*upstream.preset, asked).value_or(asked);
}

Names models_of_request(const config::Config& config, std::size_t index, const std::string& asked) {
    const auto& upstream = config.upstreams[index];
    Names names;
    if (const auto* route = config.route_for(asked)) {
        for (const auto& entry : route->chain) {
            if (entry.upstream == index) add_once(names, name_at(upstream, entry, asked));
        }
    }
    if (names.empty()) names.push_back(upstream.model.value_or(asked));
    return names;
}

// OpenRouter calls a model AUTHOR/NAME; its price is about that of the author.
const ModelPrice* price_at_author(const PriceTable& prices, std::string_view name) {
    for (const auto& preset : config::presets()) {
        if (preset.price_provider == "openrouter") continue;
        const auto own = config::known_name(preset, name);
        if (own) return prices.resolve(preset.price_provider, *own, "");
    }
    return nullptr;
}

// For a prompt and an answer of the same size, in pico-dollars per pair of tokens; null: not known,
// or no price of a chat model (embeddings put nothing out).
std::optional<std::int64_t> cost(const ModelPrice* price) {
    if (price == nullptr || !price->standard.input) return std::nullopt;
    if (!price->standard.output || *price->standard.output == 0) return std::nullopt;
    return *price->standard.input + *price->standard.output;
}

std::string_view without_tag(std::string_view name) {
    return name.substr(0, name.find(':'));
}

// Behind a model's name: a date, "-latest".
bool is_version(std::string_view rest) {
    if (rest == "-latest") return true;
    if (rest.size() < 5 || (rest.front() != '-' && rest.front() != '@')) return false;
    return std::all_of(rest.begin() + 1, rest.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
}

bool same_model(std::string_view one, std::string_view other) {
    if (one == other) return true;
    if (one.size() > other.size()) std::swap(one, other);
    return other.starts_with(one) && is_version(other.substr(one.size()));
}

}  // namespace

Names configured_models(const config::Config& config, std::size_t index, std::string_view asked) {
    if (!asked.empty()) return models_of_request(config, index, std::string(asked));
    const auto& upstream = config.upstreams[index];
    Names names;
    if (upstream.model) names.push_back(*upstream.model);
    for (const auto& route : config.routes) {
        const bool literal = route.model.find_first_of("*?") == std::string::npos;
        for (const auto& entry : route.chain) {
            if (entry.upstream != index || (!entry.model && !literal)) continue;
            add_once(names, name_at(upstream, entry, route.model));
        }
    }
    return names;
}

bool looks_like_chat(std::string_view name) {
    const std::string low = config::lower(name);
    if (low.find('*') != std::string::npos || low == "gpt-3.5-turbo-instruct") return false;
    const auto part = [&](std::string_view p) { return low.find(p) != std::string::npos; };
    const auto word = [&](std::string_view w) { return has_word(low, w); };
    return std::none_of(kOtherParts.begin(), kOtherParts.end(), part) &&
           std::none_of(kOtherWords.begin(), kOtherWords.end(), word);
}

Names choose_listed(const Upstream& upstream, const PriceTable& prices,
                    std::span<const std::string> listed, std::size_t most) {
    constexpr auto kUnknown = std::numeric_limits<std::int64_t>::max();
    std::vector<std::pair<std::int64_t, std::string_view>> candidates;
    for (const std::string& name : listed) {
        if (!looks_like_chat(name)) continue;
        const auto* price = upstream.price_provider == "openrouter"
                                ? price_at_author(prices, name)
                                : prices.resolve(upstream.price_provider, name, "");
        candidates.emplace_back(cost(price).value_or(kUnknown), name);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Names chosen;
    for (const auto& [usd, name] : candidates) {
        if (chosen.size() < most) add_once(chosen, std::string(name));
    }
    return chosen;
}

// Price lists go on naming models that are long gone. A family's own name outlives its versions,
// and is the shortest.
std::string choose_priced(const Upstream& upstream, const PriceTable& prices) {
    const std::string& provider = upstream.price_provider;
    std::string best;
    if (provider.empty()) return best;
    prices.for_each([&](std::string_view key, const ModelPrice& price) {
        if (price.provider != provider || !looks_like_chat(key) || !cost(&price)) return;
        if (key.starts_with(provider + "/")) key.remove_prefix(provider.size() + 1);
        if (best.empty() || key.size() < best.size()) best = key;
    });
    return best;
}

bool has_list(const Upstream& upstream) {
    return !wire::model_list_path(upstream.dialect).empty();
}

bool list_is_of_models(const Upstream& upstream) {
    return upstream.preset == nullptr || upstream.preset->name != "azure";
}

bool lists(std::span<const std::string> listed, std::string_view model) {
    return std::any_of(listed.begin(), listed.end(), [&](std::string_view name) {
        return same_model(name, model) || same_model(without_tag(name), model) ||
               same_model(name, without_tag(model));
    });
}

Names nearest_models(std::string_view model, std::span<const std::string> listed) {
    constexpr std::size_t kMost = 3;
    const std::string asked = config::lower(model);
    std::vector<std::pair<std::size_t, std::string_view>> ranked;
    for (const std::string& name : listed) {
        const std::string low = config::lower(name);
        const bool within =
            low.find(asked) != std::string::npos || asked.find(low) != std::string::npos;
        ranked.emplace_back(within ? 0 : config::slips(asked, low), name);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Names nearest;
    for (const auto& [slips, name] : ranked) {
        if (nearest.size() < kMost) add_once(nearest, std::string(name));
    }
    return nearest;
}

}  // namespace understudy::cmd::probe
