#include "wire/too_long.hpp"

#include "wire/classify.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>

using namespace understudy::wire;

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return out;
}

bool too_long(std::string_view message) {
    return says_prompt_too_long(lower(message));
}

}  // namespace

TEST_CASE("a prompt that does not fit is recognised in every provider's words") {
    for (
        const auto* message : {
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9000 tokens.",
            "You passed 4097 input tokens and requested 16 output tokens. However, the model's "
            "context length is only 4096 tokens, resulting in a maximum input length of 4080.",
            "The decoder prompt (length 9) is longer than the maximum model length of 4.",
            "prompt is too long: 210000 tokens > 200000 maximum",
            "Prompt 超长",
            "Total tokens of image and text exceed max message tokens. Request id: 0",
            "length of prompt_tokens (40000) must be less than max_seq_len (32768).",
            "litellm.ContextWindowExceededError: litellm.BadRequestError: too big",
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            "Your input exceeds the context window of this model. Please adjust your input.",
            "The input token count (1196265) exceeds the maximum number of tokens allowed "
            "(1048575).",
            "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
            "Please reduce the length of the messages or completion.",
            "request (4476 tokens) exceeds the available context size (4096 tokens)",
            "tokens to keep from the initial prompt is greater than the context length",
            "invalid params, context window exceeds limit",
            "Invalid request: Your request exceeded model token limit: 262144 (requested: 262500)",
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
            "maximum context length",
            "The input (210000 tokens) is longer than the model's context length (200000 tokens).",
            "Input is too long for requested model.",
            "Malformed input request: expected maxLength: 2048, actual: 3000",
            "too many tokens: total number of tokens in the prompt cannot exceed 4081",
            "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens",
            "Please reduce the length. Current length is 9000 while limit is 8192",
            "prompt too long; exceeded max context length by 5 tokens",
            "Prompt has 32769 tokens, but the configured context size is 32768 tokens",
            "prompt token count of 150000 exceeds the limit of 128000",
            "Prompt exceeds max length",
            "Requested tokens (5000) exceed context window of 4096",
            "The prompt (9000 tokens) exceeds the maximum allowed input length of 8192 tokens.",
        }) {
        INFO(message);
        CHECK(too_long(message));
    }
}

TEST_CASE("a prompt that does not fit is recognised in words that nobody has listed") {
    for (const auto* message : {
             "The conversation has 140000 tokens, more than the 128000 this model can take.",
             "Context size exceeded.",
             "Context overflow: the context window was exceeded by 12 tokens",
             "Your prompt of 300000 tokens is larger than the limit (262144).",
             "Input tokens exceed the model limit",
             "Prompt tokens (9000) must be at most 8192.",
             "The input length 9000 exceeds the maximum of 8192",
             "Number of prompt tokens 131,500 exceeds 131,072",
             "the length of the input (4100) is greater than the maximum (4096)",
             "Messages are too long: 200k tokens; this model allows up to 128k tokens",
             "The request would use 200000 tokens, which is beyond the model's limit of 131072",
             "the model's context_window (8192) was exceeded by the prompt (9000 tokens)",
             "Your prompt plus max_tokens is 9000 tokens, which exceeds the limit of 8192.",
         }) {
        INFO(message);
        CHECK(too_long(message));
    }
}

TEST_CASE("complaints about anything else are never about the prompt's length") {
    for (
        const auto* message : {
            "",
            "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, "
            "whereas you provided 100000.",
            "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for "
            "claude-sonnet-4",
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` "
            "is less than the `context_window` for this model",
            "The maximum tokens you requested exceeds the model limit of 8192. Try again with a "
            "maximum tokens value that is lower than 8192.",
            "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
            "Range of max_tokens should be [1, 8192]",
            "body.max_tokens: Input should be less than or equal to 8192",
            "thinking.budget_tokens: Input should be greater than or equal to 1024",
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
            "documentation at https://docs.example.com/extended-thinking#max-tokens-and-context-"
            "window",
            "Malformed input request: #/maxTokens: 9000 is not less or equal to 8192",
            "Invalid 'user': string too long. Expected a string with maximum length 64, but got a "
            "string with length 70 instead.",
            "Invalid 'messages[1].tool_calls[0].function.name': string too long. Expected a string "
            "with maximum length 64",
            "Invalid 'messages': array too long. Expected an array with maximum length 2048, but "
            "got an array with length 3000 instead.",
            "Invalid 'input[3].id': string too long. Expected a string with maximum length 64.",
            "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 5355972 bytes",
            "prompt_cache_key must be at most 64 characters",
            "prompt caching needs at least 1024 tokens",
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
            "Request exceeds the maximum size",
            "Rate limit reached: your prompt of 9000 tokens exceeds 8000 tokens per minute",
            "temperature must be at most 2",
            "Unsupported parameter: 'max_tokens'",
            "The model `gpt-9` does not exist",
            "messages: at least one message is required",
            "top_logprobs must be at most 20 for input tokens",
        }) {
        INFO(message);
        CHECK_FALSE(too_long(message));
    }
}
