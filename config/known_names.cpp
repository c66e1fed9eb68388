#include "config/known_names.hpp"

#include <array>

namespace understudy::config {
namespace {

// OpenRouter calls a model AUTHOR/NAME and takes the author's own name behind the slash
// (openrouter.ai/docs/api-reference/list-available-models, `id`). Anthropic's versions are written
// with a dot there and without a date (openrouter.ai/anthropic).
struct Family {
    std::string_view begins;  // the author's own names
    std::string_view author;  // at OpenRouter
    std::string_view preset;  // that serves it by its own name
};
constexpr std::array kFamilies{
    Family{"gpt-", "openai", "openai"},           // openrouter.ai/openai
    Family{"chatgpt-", "openai", "openai"},       //
    Family{"o1", "openai", "openai"},             //
    Family{"o3", "openai", "openai"},             //
    Family{"o4-", "openai", "openai"},            //
    Family{"claude-", "anthropic", "anthropic"},  // openrouter.ai/anthropic
    Family{"gemini-", "google", "gemini"},        // openrouter.ai/google
    Family{"grok-", "x-ai", "xai"},               // openrouter.ai/x-ai
    Family{"deepseek-", "deepseek", "deepseek"},  // openrouter.ai/deepseek
    Family{"kimi-", "moonshotai", "moonshot"},    // openrouter.ai/moonshotai
    Family{"glm-", "z-ai", "zai"},                // openrouter.ai/z-ai
    Family{"sonar", "perplexity", "perplexity"},  // openrouter.ai/perplexity
    Family{"command-", "cohere", "cohere"},       // openrouter.ai/cohere
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "-20250514" or "-latest" at the end.
std::string_view without_date(std::string_view name) {
    constexpr std::string_view kLatest = "-latest";
    if (name.ends_with(kLatest)) return name.substr(0, name.size() - kLatest.size());
    if (name.size() < 10) return name;
    const std::string_view date = name.substr(name.size() - 9);
    if (date.front() != '-') return name;
    for (const char c : date.substr(1)) {
        if (!is_digit(c)) return name;
    }
    return name.substr(0, name.size() - date.size());
}

// "claude-sonnet-4-5" <-> "claude-sonnet-4.5": one separator between two numbers of one digit.
std::string with_version(std::string_view name, char from, char to) {
    std::string out(name);
    for (std::size_t i = 1; i + 1 < out.size(); ++i) {
        const bool alone =
            (i < 2 || !is_digit(out[i - 2])) && (i + 2 >= out.size() || !is_digit(out[i + 2]));
        if (out[i] == from && is_digit(out[i - 1]) && is_digit(out[i + 1]) && alone) out[i] = to;
    }
    return out;
}

}  // namespace

std::optional<std::string> known_name(const Preset& there, std::string_view asked) {
    const std::size_t slash = asked.find('/');
    const bool by_author = slash != std::string_view::npos;
    const std::string_view author = by_author ? asked.substr(0, slash) : std::string_view();
    const std::string_view name = by_author ? asked.substr(slash + 1) : asked;
    const bool openrouter = there.name == "openrouter";
    if (by_author == openrouter) return std::nullopt;  // it is called so there already
    for (const Family& family : kFamilies) {
        if (!name.starts_with(family.begins)) continue;
        const bool claude = family.author == "anthropic";
        if (openrouter) {
            const std::string version =
                claude ? with_version(without_date(name), '-', '.') : std::string(name);
            return std::string(family.author) + "/" + version;
        }
        if (author != family.author || there.name != family.preset) return std::nullopt;
        // ":free", ":thinking" are OpenRouter's own variants
        if (name.find(':') != std::string_view::npos) return std::nullopt;
        return claude ? with_version(name, '.', '-') : std::string(name);
    }
    return std::nullopt;
}

}  // namespace understudy::config
