// What a request may use and cost at most, before it has used anything: by the text of its prompt,
// the longest answer that it allows, and the dearest way in which that may be billed. Pure.
#pragma once

#include "config/config.hpp"
#include "metrics/price.hpp"
#include "wire/answer_limit.hpp"
#include "wire/answer_traits.hpp"
#include "wire/request_body.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::proxy {

/// Tokens.
struct Expected {
    std::uint64_t prompt = 0, output = 0;
    // Of the prompt, at most:
    std::uint64_t audio = 0, images = 0;
    bool for_an_hour = false;  // may be written to a cache for so long
    std::uint64_t total() const { return prompt + output; }
    bool operator==(const Expected&) const = default;
};

/// What an answer has at most whose request does not say, where the model's own limit is not known.
inline constexpr std::uint64_t kUsualAnswer = 4096;
/// The same of a picture: what OpenAI's models take for one of the best quality, but for those of
/// 2048 pixels and more.
inline constexpr std::uint64_t kPicture = 8000;

/// What the API itself gives an answer whose request does not say: 16 tokens at /completions; 0: it
/// has no such rule.
constexpr std::uint64_t default_answer(wire::AnswerShape shape) {
    constexpr std::uint64_t kCompletion = 16;
    return wire::traits_of(shape).operation == wire::Operation::text_completion ? kCompletion : 0;
}

/// Tokens of a prompt, in two ways.
struct PromptSize {
    /// What it has, by its text: three bytes a token, and something for images.
    std::uint64_t expected = 0;
    /// What it will hardly have more than, which is for money that is held: what documents, audio
    /// and files somewhere else may come to, and what providers add by themselves.
    std::uint64_t most = 0;
    std::uint64_t audio = 0, images = 0;  // of `most`; in a form that cannot be told
    bool for_an_hour = false;             // a part of it is to be cached for so long
    /// Nothing in it lies elsewhere: what it turns out to have says something of other prompts.
    bool all_here = true;
    bool operator==(const PromptSize&) const = default;
};
PromptSize prompt_size(std::string_view body, const wire::RequestFacts& facts);

/// `most` made `excess_percent` times as much, but no more than the model reads (0: not known).
std::uint64_t prompt_bound(std::uint64_t most, std::uint32_t excess_percent, std::uint64_t window);

/// The longest answer: as the request has it, changed as this upstream's `body` changes requests;
/// else `model_most` (0: not known), else kUsualAnswer. Times the answers asked for.
std::uint64_t expected_output(wire::AnswerShape shape, const wire::AnswerLimit& asked,
                              const wire::BodyRewrite& rewrite, std::uint64_t model_most);

/// In nano-dollars, rounded up, by the dearest rates: prompts may be billed as written to a cache,
/// sound or pictures, answers as thoughts, sound or pictures. None: no price is known.
std::optional<std::int64_t> expected_cost(const metrics::ModelPrice* price,
                                          const Expected& expected, std::string_view tier,
                                          const metrics::Pieces& pieces = {1, 0});

/// What is asked for at such an endpoint costs something.
constexpr bool costs_money(wire::AnswerShape shape) {
    return shape == wire::AnswerShape::compaction ||
           wire::traits_of(shape).operation != wire::Operation::other;
}

}  // namespace understudy::proxy
