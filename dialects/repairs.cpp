#include "dialects/repairs.hpp"

#include "dialects/openai_gates.hpp"
#include "dialects/value.hpp"
#include "wire/answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <string>
#include <vector>

namespace understudy::dialects {
namespace {

using Names = std::array<std::string_view, 6>;

/// A member that does no harm where it is left out.
struct Member {
    std::string_view name;  // as its loss is told
    Names called;           // in requests, and so in errors about them
    /// Takes it out; false: it was not there.
    bool (*leave_out)(Talk&);
    bool common = false;  // a word that is in errors about other things, too
    /// Who refuses one of them refuses them all, and says so of one at a time.
    bool sampling = false;
};

template <Value Talk::*M>
bool without(Talk& talk) {
    const bool there = (talk.*M).present();
    talk.*M = {};
    return there;
}

bool without_effort(Talk& talk) {
    auto& effort = talk.effort;
    const bool there = effort.said() || effort.show;
    effort = {};
    return there;
}

bool without_parallel(Talk& talk) {
    const bool there = talk.choice.parallel.has_value();
    talk.choice.parallel.reset();
    return there;
}

// What translations say on their own account or carry over. Not in it: whatever an answer would be
// another one without (tools, a choice among them, a format, stop sequences).
constexpr std::array kMembers{
    Member{"temperature", {"temperature"}, without<&Talk::temperature>, false, true},
    Member{"top_p", {"top_p", "topP"}, without<&Talk::top_p>, false, true},
    Member{"presence_penalty",
           {"presence_penalty", "presencePenalty"},
           without<&Talk::presence_penalty>,
           false,
           true},
    Member{"frequency_penalty",
           {"frequency_penalty", "frequencyPenalty"},
           without<&Talk::frequency_penalty>,
           false,
           true},
    Member{"top_k", {"top_k", "topK"}, without<&Talk::top_k>},
    Member{"seed", {"seed", "random_seed"}, without<&Talk::seed>},
    Member{"user", {"user", "metadata", "user_id"}, without<&Talk::user>, true},
    Member{"prompt_cache_key", {"prompt_cache_key"}, without<&Talk::cache_key>},
    Member{"parallel_tool_calls",
           {"parallel_tool_calls", "disable_parallel_tool_use"},
           without_parallel},
    Member{
        "reasoning_effort",
        {"reasoning_effort", "reasoning", "thinking", "effort", "thinkingConfig", "thinkingLevel"},
        without_effort},
};

// How a limit of tokens is called.
constexpr Names kLimits{"max_tokens",        "max_completion_tokens",
                        "max_output_tokens", "maxOutputTokens",
                        "maxTokens",         "maximum tokens"};

// How it is said that something is not taken, in small letters: OpenAI and Azure; FastAPI and
// pydantic (vLLM, Mistral, Anthropic); Google; Python; Moonshot ("only 1 is allowed for this
// model").
constexpr std::array<std::string_view, 12> kRefusals{
    "unsupported",   "not support",     "unrecognized", "unknown",     "unexpected", "extra input",
    "not permitted", "extra_forbidden", "not allowed",  "cannot find", "deprecated", "this model"};

bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// A word of its own; `quoted`: between two of the same sign.
bool has_word(std::string_view text, std::string_view word, bool quoted) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto behind = at + word.size();
        const char before = at == 0 ? ' ' : text[at - 1];
        const char after = behind == text.size() ? ' ' : text[behind];
        if (is_word_char(before) || is_word_char(after)) continue;
        const bool sign = before == '\'' || before == '"' || before == '`';
        if (!quoted || (sign && before == after)) return true;
    }
    return false;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

bool any_in(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return text.find(word) != std::string_view::npos;
    });
}

bool blames(const wire::ErrorFacts& error, std::string_view name, bool quoted) {
    return has_word(error.param, name, false) || has_word(error.message, name, quoted);
}

/// What a request says beside the conversation and the tools, whose schemas have members of any
/// name: at its top, and in what the APIs gather settings in.
class Said {
  public:
    explicit Said(std::string_view body) {
        Value::of(body).members([&](std::string_view name, Value value) {
            names_.emplace_back(name);
            if (std::find(kGathered.begin(), kGathered.end(), name) == kGathered.end()) return;
            value.members([&](std::string_view inner, Value) { names_.emplace_back(inner); });
        });
    }
    bool says(std::string_view name) const {
        return std::find(names_.begin(), names_.end(), name) != names_.end();
    }

  private:
    static constexpr std::array<std::string_view, 5> kGathered{
        "generationConfig", "inferenceConfig", "output_config", "tool_choice",
        "additionalModelRequestFields"};
    std::vector<std::string> names_;
};

bool any_of(const Names& names, const auto& holds) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return !name.empty() && holds(name); });
}

bool refuses(const wire::ErrorFacts& error) {
    const auto text = lower(error.message + ' ' + error.code + ' ' + error.type);
    return std::any_of(kRefusals.begin(), kRefusals.end(), [&](std::string_view words) {
        return text.find(words) != std::string::npos;
    });
}

/// It is about a tool's schema or a part of the conversation, in which members have any name:
/// "tools[0].function", "messages.1.content.0.thinking".
bool about_parts(const wire::ErrorFacts& error) {
    const auto text = lower(error.param + ' ' + error.message);
    if (any_in(text, {"schema", "function"})) return true;
    constexpr std::array<std::string_view, 4> kParts{"tools", "messages", "contents", "input"};
    return std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
            const auto rest = std::string_view(text).substr(at + part.size());
            const bool place = rest.size() > 1 && (rest[0] == '.' || rest[0] == '[');
            if (place && is_digit(rest[1])) return true;
        }
        return false;
    });
}

/// It takes the member, but not with what this request says there. A value that is the only one
/// comes to the same as none: it can be left out always.
bool minds_value(const wire::ErrorFacts& error) {
    const auto text = lower(error.message + ' ' + error.code);
    if (any_in(text, {"only the default"})) return false;
    return any_in(text, {"unsupported value", "unsupported_value", "invalid value", "invalid_value",
                         "supported values", "allowed values", "must be", "should be", "one of",
                         "less than", "greater than"}) ||
           has_word(text, "range", false) || has_word(text, "between", false);
}

/// How much room a prompt has left, in a window or in a sum with the answer, is of that prompt
/// alone. Groq's `context_window` is only what the limit is compared with.
bool about_window(std::string_view text) {
    if (any_in(text, {"context length", "maximum context", "context limit"})) return true;
    if (has_word(text, "prompt", false) || has_word(text, "messages", false)) return true;
    // "Input should be less than or equal to 8192" are the words of pydantic.
    for (const std::string_view word : {"input", "inputs"}) {
        if (!has_word(text, word, false)) continue;
        if (any_in(text, {"+", " plus ", "sum of", "combined"})) return true;
        for (auto at = text.find(word); at != std::string_view::npos;
             at = text.find(word, at + 1)) {
            auto rest = text.substr(at + word.size());
            rest.remove_prefix(std::min(rest.find_first_not_of("`'\" ()_"), rest.size()));
            for (const std::string_view next : {"token", "length", "size", "and "}) {
                if (rest.starts_with(next)) return true;
            }
        }
    }
    return false;
}

/// The whole number at the front of `rest`, which is taken off it; 0: it is too large. Thousands
/// may be set off ("64,000"), but not in a range without a space ("[1,512]").
std::uint64_t take_number(std::string_view& rest, bool in_brackets) {
    const auto digits = [&](std::size_t from) {
        std::size_t end = from;
        while (end < rest.size() && is_digit(rest[end])) ++end;
        return end - from;
    };
    constexpr std::size_t kGroup = 3;
    std::size_t size = digits(0);
    std::string number(rest.substr(0, size));
    const bool may_go_on = size <= kGroup && rest[0] != '0' && !in_brackets;
    while (may_go_on && size < rest.size() && rest[size] == ',' && digits(size + 1) == kGroup) {
        number += rest.substr(size + 1, kGroup);
        size += 1 + kGroup;
    }
    rest.remove_prefix(size);
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), value);
    return ec == std::errc() ? value : 0;
}

/// The largest whole number in words that is less than what was asked for: "[1, 8192]",
/// "128,000 > 8,192, which is the maximum", "supports at most 16384". Numbers within names
/// ("gpt-4", "20250929") are none. 0: there is none that can be a limit.
std::uint64_t largest_below(std::string_view text, std::uint64_t asked) {
    constexpr std::uint64_t kLeast = 16;
    std::uint64_t found = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_digit(text[at])) {
            ++at;
            continue;
        }
        const char before = at == 0 ? ' ' : text[at - 1];
        auto rest = text.substr(at);
        auto number = take_number(rest, before == '[');
        at = text.size() - rest.size();
        const bool more = rest.size() > 1 && rest[0] == '.' && is_digit(rest[1]);
        const bool in_name = is_word_char(before) || before == '-' || before == '.' ||
                             (!rest.empty() && is_word_char(rest[0])) || more;
        if (in_name) continue;
        if (rest.starts_with(" (exclusive") && number > 0) --number;
        if (number >= kLeast && number < asked) found = std::max(found, number);
    }
    return found;
}

Repairs for_limit(const wire::ErrorFacts& error, const Said& sent, std::uint64_t limit) {
    Repairs repairs;
    const auto text = lower(error.message);
    const bool window = about_window(text);
    const bool other_name = error.code == "unsupported_parameter";
    const bool too_little = any_in(text, {"at least", "greater than", "minimum"});
    if (!window && !other_name && !too_little)
        repairs.max_output = largest_below(error.message, limit);
    // "Requests with max_tokens > 4096 must have stream=true" (Fireworks): of one kind of request.
    repairs.limit_once = repairs.max_output != 0 && has_word(error.message, "stream", false);
    if (repairs.max_output != 0 || window || too_little) return repairs;
    for (const auto name : {kLimits[0], kLimits[1]}) {
        if (sent.says(name) && blames(error, name, false)) {
            repairs.other_limit_name = refuses(error);
        }
    }
    return repairs;
}

}  // namespace

void Repairs::add(const Repairs& other) {
    left_out |= other.left_out;
    out_once |= other.out_once;
    limit_once |= other.limit_once;
    const bool less = max_output == 0 || other.max_output < max_output;
    if (other.max_output != 0 && less) max_output = other.max_output;
    other_limit_name |= other.other_limit_name;
    tools_without_thought |= other.tools_without_thought;
}

Repairs Repairs::lasting() const {
    auto repairs = *this;
    repairs.out_once = 0;
    if (limit_once) repairs.max_output = 0;
    repairs.limit_once = false;
    return repairs;
}

Repairs repairs_for(std::string_view error_body, std::string_view body,
                    std::optional<std::uint64_t> limit) {
    Repairs repairs;
    const Said sent(body);
    const auto error = wire::parse_error_body(error_body);
    const bool refused = refuses(error);
    // "Function tools with reasoning_effort are not supported for gpt-5.6-sol in
    // /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to
    // 'none'." Left out, it is the model's own, which is as bad.
    if (refused && has_word(error.message, "tools", false) &&
        blames(error, "reasoning_effort", false) && sent.says("tools")) {
        repairs.tools_without_thought = true;
        return repairs;
    }
    if (about_parts(error)) return repairs;
    const bool about_limit =
        any_of(kLimits, [&](std::string_view name) { return blames(error, name, false); });
    if (about_limit && limit) return for_limit(error, sent, *limit);
    if (!refused) return repairs;
    const bool value = minds_value(error);
    bool sampling = false;
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
        const auto& member = kMembers[i];
        const bool is_it =
            any_of(member.called,
                   [&](std::string_view name) { return blames(error, name, member.common); }) &&
            any_of(member.called, [&](std::string_view name) { return sent.says(name); });
        if (!is_it) continue;
        (value ? repairs.out_once : repairs.left_out) |= 1U << i;
        sampling = sampling || member.sampling;
    }
    for (std::size_t i = 0; sampling && !value && i < kMembers.size(); ++i) {
        if (kMembers[i].sampling) repairs.left_out |= 1U << i;
    }
    return repairs;
}

std::optional<Problem> repair(Talk& talk, const Repairs& repairs, std::string_view model) {
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
        if (((repairs.left_out | repairs.out_once) >> i & 1U) == 0) continue;
        if (kMembers[i].leave_out(talk)) talk.drop(kMembers[i].name);
    }
    if (!repairs.tools_without_thought || talk.tools.empty()) return std::nullopt;
    if (!takes_effort(openai_gates_of(model), "none")) {
        return unsupported("tools: this model, which always thinks, takes none at this path");
    }
    auto& effort = talk.effort;
    if ((effort.said() && effort.word != "none") || effort.show) talk.drop("reasoning_effort");
    effort = {};
    effort.word = "none";
    return std::nullopt;
}

}  // namespace understudy::dialects
