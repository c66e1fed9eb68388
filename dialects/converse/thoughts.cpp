#include "dialects/converse/thoughts.hpp"

#include "dialects/messages/effort.hpp"
#include "dialects/turns.hpp"

namespace understudy::dialects::converse {

// As much as it can be told here. Where thoughts are counted in tokens, Claude does not think
// behind a forced call, nor when a turn with calls has lost its thoughts.
bool Thoughts::wanted() const {
    if (!gates_.claude || !talk_.effort.said() || talk_.effort.word == "none") return false;
    if (claude_.adaptive) return true;
    if (!claude_.thinks) return false;
    const auto kind = talk_.choice.kind;
    const bool forced = kind == Choice::Kind::required || kind == Choice::Kind::named;
    return !forced && !calls_without_thought(talk_) && talk_.turns.back().role == Role::user;
}

std::uint64_t Thoughts::budget() const {
    return messages::budget_of(talk_.effort, max_output());
}

// It is not to think, and does unless it is told so.
bool Thoughts::rests() const {
    return gates_.claude && claude_.adaptive && talk_.effort.word == "none";
}

// What cannot be told not to think is told to think little.
bool Thoughts::worded() const {
    return (wanted() && claude_.adaptive) || (rests() && claude_.no_thinking.empty());
}

void Thoughts::effort(Writer& to) {
    const auto word = messages::effort_of(talk_.effort, claude_);
    to.key("effort").text(word);
    const bool other = !talk_.effort.word.empty() && word != talk_.effort.word;
    if (other) talk_.drop("reasoning_effort");
}

void Thoughts::own_fields(Writer& to) {
    const auto& effort = talk_.effort;
    const bool thinks = wanted();
    const bool top_k = talk_.top_k.is_number();
    const bool takes_top_k = gates_.claude && claude_.sampling && !thinks;
    const bool says_effort = gates_.effort && !effort.word.empty();
    const bool says_rest = rests() && !claude_.no_thinking.empty();
    if (top_k && !takes_top_k) talk_.drop("top_k");
    // Who does not think without being told to needs no word for it.
    const bool idle = gates_.claude && effort.word == "none" && (!rests() || claude_.can_rest());
    if (effort.said() && !says_effort && !thinks && !idle) talk_.drop("reasoning_effort");
    if (!thinks && !says_effort && !says_rest && !(top_k && takes_top_k)) return;
    to.key("additionalModelRequestFields").open('{');
    if (top_k && takes_top_k) to.key("top_k").raw(talk_.top_k.raw());
    if (says_effort) {
        const auto& word = effort.word;
        const bool low = word == "none" || word == "minimal" || word == "low";
        const std::string_view said = low ? "low" : word == "medium" ? "medium" : "high";
        to.key("reasoning_effort").text(said);
        if (said != word) talk_.drop("reasoning_effort");
    }
    if (says_rest) {
        to.key("thinking").open('{').key("type").text(claude_.no_thinking).close('}');
    } else if (thinks && claude_.adaptive) {
        to.key("thinking").raw(R"({"type":"adaptive","display":"summarized"})");
    } else if (thinks) {
        to.key("thinking").open('{').key("type").text("enabled");
        to.key("budget_tokens").number(budget()).close('}');
    }
    to.close('}');
}

}  // namespace understudy::dialects::converse
