#include "dialects/gemini/config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace understudy::dialects::gemini {
namespace {

using Thinking = Gates::Thinking;

// As Google's own endpoint for OpenAI's API reads the words:
// https://ai.google.dev/gemini-api/docs/openai#thinking
constexpr std::uint64_t kLowBudget = 1024;
constexpr std::uint64_t kMediumBudget = 8192;
constexpr std::uint64_t kHighBudget = 24'576;

std::uint64_t budget_of(const Effort& effort, const Gates& gates) {
    auto budget = gates.most_budget;
    const auto& word = effort.word;
    if (word == "none") {
        budget = 0;
    } else if (effort.budget) {
        budget = *effort.budget;
    } else if (word == "minimal" || word == "low") {
        budget = kLowBudget;
    } else if (word == "medium") {
        budget = kMediumBudget;
    } else if (word == "high") {
        budget = kHighBudget;
    }
    if (budget == 0 && gates.budget_off) return 0;
    return std::clamp(budget, gates.least_budget, gates.most_budget);
}

// It cannot be told not to think, only to think as little as it can.
std::string_view level_of(const Effort& effort, const Gates& gates) {
    const auto budget = effort.budget.value_or(0);
    std::string_view word = effort.word;
    if (word.empty()) {
        word = budget == 0              ? "none"
               : budget < 2048          ? "low"
               : budget < kMediumBudget ? "medium"
                                        : "high";
    }
    if (word == "none" || word == "minimal") return gates.least_level;
    if (word == "low") return "low";
    return word == "medium" && gates.medium ? "medium" : "high";
}

void thinking(Talk& talk, const Gates& gates, Writer& to) {
    const auto& effort = talk.effort;
    const bool off = effort.word == "none" || (effort.word.empty() && effort.budget == 0U);
    if (gates.thinking == Thinking::none) {
        if (effort.said() && !off) talk.drop("reasoning_effort");
        return;
    }
    const bool show = effort.show && !off;
    if (!effort.said() && !show) return;
    to.key("thinkingConfig").open('{');
    if (effort.said() && gates.thinking == Thinking::budget) {
        const auto budget = budget_of(effort, gates);
        to.key("thinkingBudget").number(budget);
        if (off && budget != 0) talk.drop("reasoning_effort");
    } else if (effort.said()) {
        const auto level = level_of(effort, gates);
        to.key("thinkingLevel").text(level);
        const bool other = !effort.word.empty() && level != effort.word;
        if (other || off) talk.drop("reasoning_effort");
    }
    if (show) to.key("includeThoughts").boolean(true);
    to.close('}');
}

void limits(const Talk& talk, const Manner& manner, const Gates& gates, Writer& to) {
    if (talk.max_tokens.is_number()) {
        auto most = talk.max_tokens.count();
        if (manner.max_output != 0) most = std::min(most, manner.max_output);
        if (!talk.stream && gates.most_at_once != 0) most = std::min(most, gates.most_at_once);
        to.key("maxOutputTokens").number(most);
    }
    bool any = false;
    for (const auto sequence : talk.stop) {
        if (sequence.empty()) continue;
        if (!any) to.key("stopSequences").open('[');
        any = true;
        to.content(sequence);
    }
    if (any) to.close(']');
}

/// A seed has 32 bits here.
bool fits_seed(Value seed) {
    using Limits = std::numeric_limits<std::int32_t>;
    const double number = seed.number(Limits::max() + 1.0);
    return number >= Limits::min() && number <= Limits::max();
}

void sampling(Talk& talk, Writer& to) {
    using Row = std::pair<std::string_view, Value>;
    for (const auto& [name, value] :
         {Row{"temperature", talk.temperature}, Row{"topP", talk.top_p}, Row{"topK", talk.top_k},
          Row{"presencePenalty", talk.presence_penalty},
          Row{"frequencyPenalty", talk.frequency_penalty}}) {
        if (!value.is_number()) continue;
        // A penalty of 0 is none, and some models refuse to hear of any.
        if (name.ends_with("Penalty") && value.number() == 0) continue;
        to.key(name).raw(value.raw());
    }
    if (!talk.seed.is_number()) return;
    if (fits_seed(talk.seed)) {
        to.key("seed").raw(talk.seed.raw());
    } else {
        talk.drop("seed");
    }
}

void format(const Talk& talk, Writer& to) {
    if (talk.format.kind == Format::Kind::text) return;
    to.key("responseMimeType").text("application/json");
    if (talk.format.kind == Format::Kind::schema) {
        to.key("responseJsonSchema").raw(talk.format.schema.raw());
    }
}

}  // namespace

std::string generation_config(Talk& talk, const Manner& manner, const Gates& gates) {
    std::string out = "{";
    Writer to(out);
    limits(talk, manner, gates, to);
    sampling(talk, to);
    format(talk, to);
    thinking(talk, gates, to);
    if (out.size() == 1) return {};
    to.close('}');
    return out;
}

}  // namespace understudy::dialects::gemini
