#include "wire/too_long.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <vector>

namespace understudy::wire {
namespace {

// The providers' own wordings, each long enough not to be met by chance. A phrase of two parts has
// a number, or anything else, in between.
struct Phrase {
    std::string_view text;
    std::string_view then = {};  // must follow somewhere behind `text`
};
constexpr std::array kPhrases{
    // OpenAI, Azure, vLLM, OpenRouter, DeepSeek, Mistral: "This model's maximum context length is
    // 8192 tokens." (platform.openai.com/docs/guides/error-codes; vllm/entrypoints)
    Phrase{"maximum context length"},
    // vLLM 0.10 and later: "... the model's context length is only 4096 tokens, resulting in a
    // maximum input length of ..." (vllm/entrypoints/renderer)
    Phrase{"context length is only"},
    Phrase{"longer than the maximum model length"},  // vLLM: "The decoder prompt (length 9) is ..."
    Phrase{
        "longer than the model's context length"},  // SGLang, Together: "The input (N tokens) is"
    Phrase{"maximum allowed input length"},         // SGLang
    Phrase{"maximum input length is", "token"},     // embeddings of OpenAI and NVIDIA
    Phrase{"exceeds the context"},          // OpenAI Responses, Bedrock: "Your input exceeds ..."
    Phrase{"exceed context limit"},         // Anthropic: "input length and `max_tokens` exceed"
    Phrase{"exceed context window"},        // llama-cpp-python: "Requested tokens (5000) exceed"
    Phrase{"exceed the context window"},    // OpenAI, gpt-oss servers
    Phrase{"prompt is too long"},           // Anthropic: "prompt is too long: 210000 tokens > ..."
    Phrase{"prompt: length"},               // Anthropic, older
    Phrase{"prompt too long"},              // Ollama: "prompt too long; exceeded max context ..."
    Phrase{"exceeded max context length"},  // Ollama
    Phrase{"exceeded context length"},      // Ollama
    Phrase{"input length exceeds the context length"},  // Ollama, embeddings
    Phrase{"exceeds the available context size"},       // llama.cpp (tools/server)
    Phrase{"larger than the max context size"},         // llama.cpp, older builds
    Phrase{"greater than the context length"},          // LM Studio: "tokens to keep from ..."
    Phrase{"context the overflows"},                    // LM Studio
    Phrase{"reached context length"},                   // LM Studio
    Phrase{"context size has been exceeded"},           // LM Studio, llama.cpp
    Phrase{"configured context size is"},               // ds4 and kin: "Prompt has N tokens, but"
    Phrase{"exceeds the maximum number of tokens allowed"},  // Gemini: "The input token count ..."
    Phrase{"request payload size exceeds"},                  // Gemini
    Phrase{"input is too long"},         // Bedrock: "... for requested model"; Perplexity
    Phrase{"too many input tokens"},     // Bedrock
    Phrase{"expected maxlength:"},       // Bedrock: "expected maxLength: 2048, actual: 3000"
    Phrase{"too many tokens"},           // Cohere: "too many tokens: total number of ..."
    Phrase{"maximum prompt length is"},  // xAI
    Phrase{"reduce the length of the messages"},           // OpenAI, Groq
    Phrase{"reduce the length of the prompt"},             // OpenAI, completions
    Phrase{"reduce the length of either one"},             // OpenRouter
    Phrase{"`inputs` tokens + `max_new_tokens` must be"},  // TGI, Together
    Phrase{"`inputs` must have less than"},                // TGI
    Phrase{"length limit exceeded"},                       // TGI
    Phrase{"current length is", "while limit is"},         // Cerebras
    Phrase{"too large for model with"},     // Mistral: "... N maximum context length"
    Phrase{"exceeded model token limit"},   // Moonshot (platform.moonshot.ai)
    Phrase{"input token length too long"},  // Moonshot
    // Alibaba Model Studio: "Range of input length should be [1, 30720]" (help/error-code)
    Phrase{"range of input length should be"},
    Phrase{"context window exceeds limit"},  // MiniMax: "invalid params, context window ..."
    Phrase{"prompt exceeds max length"},     // Z.ai, code 1261
    Phrase{"prompt 超长"},                   // the same, at its Chinese address
    Phrase{"exceed max message tokens"},     // Volcengine: "Total tokens of image and text ..."
    // SiliconFlow, code 20015: "length of prompt_tokens (N) must be less than max_seq_len (M)."
    Phrase{"length of prompt_tokens", "must be less than"},
    Phrase{"contextwindowexceedederror"},  // LiteLLM: "litellm.ContextWindowExceededError: ..."
    Phrase{"input tokens exceed the configured limit"},  // OpenAI, gpt-5
    Phrase{"prompt token count of", "exceeds"},          // GitHub Copilot
    Phrase{"prompt exceeds the length limit"},           // Fireworks
    Phrase{"is longer than the model's"},                // Fireworks, Databricks
    Phrase{"model's maximum context limit"},             // Watsonx
    Phrase{"context length exceeded"},                   // gateways
    Phrase{"context window exceeded"},                   // gateways, LiteLLM
    Phrase{"context window is full"},                    // gateways
    // OpenAI, of a message (128 MB) and not of a name; see kFieldsOfThePrompt.
    Phrase{"string too long. expected a string with maximum length"},
};

bool holds(std::string_view message, const Phrase& phrase) {
    const auto at = message.find(phrase.text);
    return at != std::string_view::npos &&
           message.find(phrase.then, at + phrase.text.size()) != std::string_view::npos;
}

// OpenAI complains about any field in the same words ("Invalid 'user': string too long"). Those of
// these fields are about the prompt.
constexpr std::array<std::string_view, 5> kFieldsOfThePrompt{"content'", ".text'", "'input'",
                                                             "'prompt'", "'instructions'"};

bool blames_another_field(std::string_view message) {
    if (message.find("invalid '") == std::string_view::npos) return false;
    return std::none_of(kFieldsOfThePrompt.begin(), kFieldsOfThePrompt.end(),
                        [&](auto field) { return message.find(field) != std::string_view::npos; });
}

/// The words of a message: runs of letters, digits and '_'. An address or a dashed name is one
/// word too, so that a link to "#context-window" names nothing.
std::vector<std::string_view> words_of(std::string_view message) {
    const auto in_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '/' || c == '#' || static_cast<unsigned char>(c) >= 0x80;
    };
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < message.size();) {
        if (!in_word(message[i])) {
            ++i;
            continue;
        }
        const std::size_t begin = i;
        while (i < message.size() && in_word(message[i])) ++i;
        words.push_back(message.substr(begin, i - begin));
    }
    return words;
}

/// What a message speaks of, word by word.
class Words {
  public:
    explicit Words(std::string_view message) : words_(words_of(message)) {}

    bool any(std::initializer_list<std::string_view> names) const {
        return std::any_of(words_.begin(), words_.end(),
                           [&](auto word) { return contains(names, word); });
    }
    /// One of `first` with one of `second` right behind it.
    bool pair(std::initializer_list<std::string_view> first,
              std::initializer_list<std::string_view> second) const {
        for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
            if (contains(first, words_[i]) && contains(second, words_[i + 1])) return true;
        }
        return false;
    }
    /// A number that can be a length: 131072, 128k, 1m.
    bool number() const {
        return std::any_of(words_.begin(), words_.end(), [](std::string_view word) {
            const auto digits = std::min(word.find_first_not_of("0123456789"), word.size());
            const auto unit = word.substr(digits);
            return digits > 0 && ((unit.empty() && digits > 1) || unit == "k" || unit == "m");
        });
    }
    /// The prompt, by one of its names. "Input should be ..." is how validators begin.
    bool prompt() const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            const bool validator =
                words_[i] == "input" && i + 1 < words_.size() && words_[i + 1] == "should";
            if (!validator && contains({"prompt", "prompts", "input", "inputs", "messages",
                                        "conversation", "input_tokens", "prompt_tokens"},
                                       words_[i])) {
                return true;
            }
        }
        return false;
    }

  private:
    static bool contains(std::initializer_list<std::string_view> names, std::string_view word) {
        return std::find(names.begin(), names.end(), word) != names.end();
    }
    std::vector<std::string_view> words_;
};

bool names_context(const Words& words) {
    return words.any({"context_length", "context_window", "context_size"}) ||
           words.pair({"context"},
                      {"length", "window", "size", "limit", "limits", "budget", "capacity"});
}

bool is_beyond(const Words& words) {
    return words.any({"exceed", "exceeds", "exceeded", "exceeding", "overflow", "overflows",
                      "overflowed", "surpasses", "beyond"}) ||
           words.pair({"too"}, {"long", "large", "big", "many"}) ||
           words.pair({"longer", "larger", "greater", "more", "bigger"}, {"than"});
}

bool names_limit(const Words& words) {
    return words.any({"limit", "limits", "maximum", "max", "allowed", "only"}) ||
           words.pair({"at"}, {"most"}) || words.pair({"up"}, {"to"});
}

/// The length of the answer that the client asked for: its own to mend.
bool names_answer_length(const Words& words) {
    return words.any({"max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens",
                      "maxtokens", "maxoutputtokens", "budget_tokens", "n_predict",
                      "num_predict"}) ||
           words.pair({"max", "maximum", "completion", "output"}, {"tokens"});
}

/// Limits of another kind: per time, of counts, of strings.
bool names_other_limit(const Words& words) {
    return words.any({"minute", "day", "hour", "second", "tpm", "rpm", "rpd", "tpd", "rate",
                      "string", "array", "characters", "bytes", "mb", "logprobs", "top_logprobs"});
}

bool measured_in_tokens(const Words& words) {
    return words.any({"token", "tokens", "input_tokens", "prompt_tokens"}) ||
           words.pair({"input", "inputs", "prompt", "sequence"}, {"length"}) ||
           words.pair({"length"}, {"of"});
}

/// The rule for wordings that nobody has listed yet.
bool says_it_otherwise(std::string_view message) {
    const Words words(message);
    if (names_other_limit(words)) return false;
    const bool beyond = is_beyond(words);
    const bool tokens = measured_in_tokens(words);
    // Together with the prompt the answer's length is too much; by itself it is a mistake.
    if (names_answer_length(words)) return beyond && tokens && words.prompt() && words.number();
    if (names_context(words)) return beyond || (names_limit(words) && words.number());
    if (beyond && words.pair({"input", "prompt"}, {"token", "tokens"})) return true;
    const bool prompt = words.prompt() || words.any({"request"});
    return prompt && tokens && words.number() && (beyond || names_limit(words));
}

}  // namespace

bool says_prompt_too_long(std::string_view message) {
    if (message.empty() || blames_another_field(message)) return false;
    return std::any_of(kPhrases.begin(), kPhrases.end(),
                       [&](const Phrase& phrase) { return holds(message, phrase); }) ||
           says_it_otherwise(message);
}

}  // namespace understudy::wire
