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

/// Whether a name can begin behind this: "gpt-4" not in "rugpt-4", "o1" not in "turbo1" nor in
/// "2.o1", but in "us.openai.gpt-4", as Bedrock spells it.
bool begins_behind(std::string_view front) {
    if (front.empty()) return true;
    const char last = front.back();
    if (last == '.') return front.size() == 1 || !is_digit(front[front.size() - 2]);
    return !is_digit(last) && !is_letter(last);
}

/// Whether a name can end in front of this: "gpt-5" not in "gpt-5.6", "gpt-4" not in "gpt-4turbo".
bool ends_before(std::string_view back) {
    if (back.empty()) return true;
    const bool version = back[0] == '.' && back.size() > 1 && is_digit(back[1]);
    return !is_digit(back[0]) && !is_letter(back[0]) && !version;
}

/// Two characters are a part of many names ("marco-o1", "skywork-o1-open"): they are OpenAI's where
/// a name begins, or behind theirs.
bool begins_short_name(std::string_view front) {
    if (front.empty() || front.ends_with('/') || front.ends_with(':')) return true;
    if (!is_letter(front.back())) front.remove_suffix(1);
    return front.ends_with("openai");
}

/// Where `part` stands in the name between others.
bool is_part(std::string_view name, std::string_view part) {
    const bool is_short = part.starts_with('o');
    for (auto at = name.find(part); at != std::string_view::npos; at = name.find(part, at + 1)) {
        const auto front = name.substr(0, at);
        const bool begins = is_short ? begins_short_name(front) : begins_behind(front);
        if (begins && ends_before(name.substr(at + part.size()))) return true;
    }
    return false;
}

/// "gpt-7-sol", "gpt-5.9": of OpenAI's numbers one above those of the table. "gpt-41" is somebody's
/// deployment, and "cerebras-gpt-13b" counts parameters: neither says what it takes.
bool is_newer(std::string_view name) {
    constexpr std::string_view kStem = "gpt-";
    for (auto at = name.find(kStem); at != std::string_view::npos; at = name.find(kStem, at + 1)) {
        auto rest = name.substr(at + kStem.size());
        if (rest.empty() || rest[0] < '5' || rest[0] > '9') continue;
        rest.remove_prefix(1);
        if (rest.size() > 1 && rest[0] == '.' && is_digit(rest[1])) {
            rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
        }
        if (begins_behind(name.substr(0, at)) && ends_before(rest)) return true;
    }
    return false;
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
    if (found == nullptr && is_newer(model)) found = &kNewest;
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
