#include "dialects/openai_gates.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::dialects {
namespace {

constexpr std::string_view kLow = "low medium high";
constexpr std::string_view kFromNone = "none low medium high xhigh";
constexpr std::string_view kToMax = "low medium high xhigh max";
constexpr std::string_view kAll = "none low medium high xhigh max";

// developers.openai.com/api/docs: models, guides/reasoning, guides/latest-model of each, and the
// API's reference (chat: `stop`, `reasoning_effort`, `temperature`); vercel/ai packages/openai
// getOpenAILanguageModelCapabilities. `minimal` is gpt-5's alone, `none` came with 5.1
// (github.com/openai/openai-agents-python/issues/2089, QwenLM/qwen-code#11295), xhigh with 5.2, max
// with 5.6 (anomalyco/opencode#36141); none is refused by gpt-6-astra and from 6.1 on
// (BerriAI/litellm#52347).
constexpr std::array kFamilies{
    OpenAiGates{.family = "gpt-3.5", .sampling = true, .stops = true},
    OpenAiGates{.family = "gpt-35", .sampling = true, .stops = true},  // as Azure spells it
    OpenAiGates{.family = "gpt-4", .sampling = true, .stops = true},
    OpenAiGates{.family = "gpt-4o", .sampling = true, .stops = true},
    OpenAiGates{.family = "gpt-4.1", .sampling = true, .stops = true},
    OpenAiGates{.family = "gpt-4.5", .sampling = true, .stops = true},
    OpenAiGates{.family = "chatgpt-4o", .sampling = true, .stops = true},
    OpenAiGates{.family = "gpt-5-chat", .sampling = true, .stops = true},
    OpenAiGates{.family = "o1", .efforts = kLow, .stops = true},
    OpenAiGates{.family = "o3", .efforts = kLow},
    OpenAiGates{.family = "o3-mini", .efforts = kLow, .stops = true},
    OpenAiGates{.family = "o4-mini", .efforts = kLow},
    OpenAiGates{.family = "gpt-5", .efforts = "minimal low medium high"},
    OpenAiGates{.family = "gpt-5-codex", .efforts = kLow},
    OpenAiGates{.family = "gpt-5-pro", .efforts = "high"},
    OpenAiGates{.family = "gpt-5.1", .efforts = "none low medium high", .cool = true},
    OpenAiGates{.family = "gpt-5.1-codex", .efforts = kLow},
    OpenAiGates{.family = "gpt-5.1-codex-max", .efforts = "low medium high xhigh"},
    OpenAiGates{.family = "gpt-5.2", .efforts = kFromNone, .cool = true},
    OpenAiGates{.family = "gpt-5.2-codex", .efforts = "low medium high xhigh"},
    OpenAiGates{.family = "gpt-5.2-pro", .efforts = "medium high xhigh"},
    OpenAiGates{.family = "gpt-5.3", .efforts = kFromNone, .cool = true},
    OpenAiGates{.family = "gpt-5.3-codex", .efforts = "low medium high xhigh"},
    OpenAiGates{.family = "gpt-5.4", .efforts = kFromNone, .cool = true},
    OpenAiGates{.family = "gpt-5.4-pro", .efforts = "medium high xhigh"},
    OpenAiGates{.family = "gpt-5.5", .efforts = kFromNone, .cool = true},
    OpenAiGates{.family = "gpt-5.6", .efforts = kAll, .cool = true},
    OpenAiGates{.family = "gpt-6", .efforts = kAll},
    OpenAiGates{.family = "gpt-6-astra", .efforts = kToMax},
};
constexpr OpenAiGates kNewest{.family = "", .efforts = kToMax};

constexpr std::array<std::string_view, 7> kWords{"none", "minimal", "low", "medium",
                                                 "high", "xhigh",   "max"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Where `part` stands in the name between others, so that "o1" is not in "turbo1", nor "gpt-5" in
/// "gpt-5.6".
bool is_part(std::string_view name, std::string_view part) {
    for (auto at = name.find(part); at != std::string_view::npos; at = name.find(part, at + 1)) {
        const auto behind = name.substr(at + part.size());
        const char before = at == 0 ? '-' : name[at - 1];
        const char next = behind.empty() ? '-' : behind[0];
        const bool version = next == '.' && behind.size() > 1 && is_digit(behind[1]);
        if (is_digit(before) || is_letter(before) || before == '.') continue;
        if (!is_digit(next) && !is_letter(next) && !version) return true;
    }
    return false;
}

/// "gpt-7-sol": of OpenAI's numbers, whichever.
bool is_numbered(std::string_view name) {
    constexpr std::string_view kStem = "gpt-";
    const auto at = name.find(kStem);
    return at != std::string_view::npos && at + kStem.size() < name.size() &&
           is_digit(name[at + kStem.size()]);
}

std::size_t place_of(std::string_view word) {
    return static_cast<std::size_t>(std::find(kWords.begin(), kWords.end(), word) - kWords.begin());
}

/// As much as was asked for, else the most below it that is any thought, else the least there is.
std::string_view nearest(const OpenAiGates& gates, std::string_view word) {
    const auto asked = place_of(word);
    if (asked == kWords.size()) return word;
    for (auto place = asked + 1; place-- > 1;) {
        if (takes_effort(&gates, kWords[place])) return kWords[place];
    }
    for (auto place = std::min<std::size_t>(asked, 1); place < kWords.size(); ++place) {
        if (takes_effort(&gates, kWords[place])) return kWords[place];
    }
    return word;
}

void fit_effort(Talk& talk, const OpenAiGates& gates) {
    auto& effort = talk.effort;
    if (!gates.thinks()) {
        // Who wants no thoughts has it there.
        const bool wanted = (effort.said() && effort.word != "none") || effort.show;
        if (wanted) talk.drop("reasoning_effort");
        effort = {};
        return;
    }
    if (!effort.said() || takes_effort(&gates, effort.word)) return;
    const auto word = nearest(gates, effort.word);
    if (word != effort.word) talk.drop("reasoning_effort");
    effort.word = word;
}

void fit_sampling(Talk& talk, const OpenAiGates& gates) {
    const bool cool = gates.sampling || (gates.cool && talk.effort.word == "none");
    const auto leave_out = [&](std::string_view name, Value& value, bool taken) {
        if (taken || !value.present()) return;
        talk.drop(name);
        value = {};
    };
    leave_out("temperature", talk.temperature, cool);
    leave_out("top_p", talk.top_p, cool);
    leave_out("presence_penalty", talk.presence_penalty, gates.sampling);
    leave_out("frequency_penalty", talk.frequency_penalty, gates.sampling);
}

}  // namespace

const OpenAiGates* openai_gates_of(std::string_view model) {
    const OpenAiGates* found = nullptr;
    for (const auto& gates : kFamilies) {
        const bool longer = found == nullptr || gates.family.size() > found->family.size();
        if (longer && is_part(model, gates.family)) found = &gates;
    }
    if (found == nullptr && is_numbered(model)) found = &kNewest;
    return found;
}

bool takes_effort(const OpenAiGates* gates, std::string_view word) {
    if (gates == nullptr) return true;
    for (auto rest = gates->efforts; !rest.empty();) {
        const auto end = std::min(rest.find(' '), rest.size());
        if (rest.substr(0, end) == word) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

std::optional<Problem> fit_to_openai(Talk& talk, std::string_view model) {
    auto& effort = talk.effort;
    if (effort.word.empty() && effort.budget) {
        effort.word = *effort.budget < 2048 ? "low" : *effort.budget < 8192 ? "medium" : "high";
    }
    effort.budget.reset();
    const auto* const gates = openai_gates_of(model);
    if (gates == nullptr) return std::nullopt;
    if (!gates->stops && !talk.stop.empty()) {
        return unsupported("stop: this model knows no stop sequences");
    }
    fit_effort(talk, *gates);
    fit_sampling(talk, *gates);
    return std::nullopt;
}

}  // namespace understudy::dialects
