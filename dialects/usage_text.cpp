#include "dialects/usage_text.hpp"

namespace understudy::dialects {
namespace {

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

}  // namespace

void write_chat_usage(const wire::Usage& usage, Writer& to) {
    to.open('{').key("prompt_tokens").number(usage.prompt);
    to.key("completion_tokens").number(usage.completion);
    to.key("total_tokens").number(usage.prompt + usage.completion);
    to.key("prompt_tokens_details").open('{').key("cached_tokens").number(usage.cache_read);
    if (usage.cache_write != 0) to.key("cache_write_tokens").number(usage.cache_write);
    to.close('}');
    to.key("completion_tokens_details").open('{');
    to.key("reasoning_tokens").number(usage.reasoning).close('}').close('}');
}

void write_responses_usage(const wire::Usage& usage, Writer& to) {
    to.open('{').key("input_tokens").number(usage.prompt);
    to.key("input_tokens_details").open('{').key("cached_tokens").number(usage.cache_read);
    to.key("cache_write_tokens").number(usage.cache_write).close('}');
    to.key("output_tokens").number(usage.completion);
    to.key("output_tokens_details").open('{');
    to.key("reasoning_tokens").number(usage.reasoning).close('}');
    to.key("total_tokens").number(usage.prompt + usage.completion).close('}');
}

void write_messages_usage(const wire::Usage& usage, Writer& to) {
    const auto input = minus(minus(usage.prompt, usage.cache_read), usage.cache_write);
    to.open('{').key("input_tokens").number(input);
    to.key("cache_creation_input_tokens").number(usage.cache_write);
    to.key("cache_read_input_tokens").number(usage.cache_read);
    to.key("output_tokens").number(usage.completion).close('}');
}

void write_gemini_usage(const wire::Usage& usage, Writer& to) {
    to.open('{').key("promptTokenCount").number(usage.prompt);
    to.key("candidatesTokenCount").number(minus(usage.completion, usage.reasoning));
    if (usage.reasoning != 0) to.key("thoughtsTokenCount").number(usage.reasoning);
    if (usage.cache_read != 0) to.key("cachedContentTokenCount").number(usage.cache_read);
    to.key("totalTokenCount").number(usage.prompt + usage.completion).close('}');
}

}  // namespace understudy::dialects
