// What an upstream's answer says: is it an answer at all, what did it use, why does it refuse. Pure
// functions over bytes, tolerant of the many servers that speak OpenAI's API in their own way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Which of OpenAI's shapes an endpoint answers with.
enum class AnswerShape : std::uint8_t {
    chat,           // /chat/completions: choices[].message | delta
    completion,     // /completions: choices[].text
    responses,      // /responses: output[], typed events
    embeddings,     // data[]
    moderations,    // results[]
    images,         // data[]
    transcription,  // audio in: an object with `text`, or plain text, subtitles
    other_json,     // any JSON object without an error
    opaque,         // audio out: bytes; only status and completeness count
};

/// What the content type says a body is, for shapes that may be bytes.
enum class BodyLabel : std::uint8_t {
    none,   // nothing: absent, or application/octet-stream
    json,   // application/json, or anything with +json
    other,  // text, audio ...
};
BodyLabel label_of(std::string_view content_type) noexcept;

/// Shapes whose answers may be anything; only these need the label.
constexpr bool may_be_bytes(AnswerShape shape) noexcept {
    return shape == AnswerShape::opaque || shape == AnswerShape::transcription;
}

/// More tokens than any answer can have: a larger count is a mistake, and so is its whole block.
inline constexpr std::uint64_t kMaxTokenCount = 100'000'000;

/// Token counts in OpenAI's meaning, after repairs of what servers count otherwise: prompt includes
/// cached and cache-written tokens, completion includes reasoning tokens.
struct Usage {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::uint64_t cache_read = 0;   // part of prompt
    std::uint64_t cache_write = 0;  // part of prompt
    std::uint64_t reasoning = 0;    // part of completion
    std::optional<std::uint64_t>
        reported_cost_pico_usd;  // the upstream's own figure (usage.cost, cost_in_usd_ticks)
    /// Which counts the block had, as against those that are 0 because it said nothing of them;
    /// decides what a later block replaces, and is no part of the value.
    enum Said : std::uint8_t {
        said_prompt = 1,
        said_completion = 2,
        said_cache_read = 4,
        said_cache_write = 8,
        said_reasoning = 16,
    };
    std::uint8_t said = 0;
    bool operator==(const Usage& other) const {
        return prompt == other.prompt && completion == other.completion &&
               cache_read == other.cache_read && cache_write == other.cache_write &&
               reasoning == other.reasoning &&
               reported_cost_pico_usd == other.reported_cost_pico_usd;
    }
};

/// Reads a usage object (in any provider's spelling). nullopt for null, {},
/// all-zero, a non-object, and a block in which one number is impossible (negative, a fraction,
/// text, more than kMaxTokenCount; a cost below 0 or above 10,000 USD).
std::optional<Usage> parse_usage(std::string_view usage_json);
/// Merges a later usage block of the same answer into an earlier one: the last one that says
/// something wins, whole; what it lacks keeps its value. Never the larger of two, never a sum.
void merge_usage(Usage& into, const Usage& later);

/// A whole, non-streamed answer.
struct AnswerFacts {
    bool well_formed = false;  // JSON where JSON is expected
    bool complete = false;     // has what this shape must have (choices, data, output ...)
    bool error_inside =
        false;  // an error member that says something, or a choice that ended in an error
    std::optional<Usage> usage;
    std::string model;          // as the upstream names it
    std::string service_tier;   // decides the price
    std::string finish_reason;  // of the first choice
    const char* problem =
        nullptr;  // static text for logs when not an answer: "empty body", "HTML", "no choices" ...
};
/// `label` matters for transcription and opaque alone: what is labelled JSON, or begins like an
/// object where the label says nothing, must be whole JSON there too.
AnswerFacts inspect_answer(AnswerShape shape, std::string_view body,
                           BodyLabel label = BodyLabel::none);

/// One event of a streamed answer.
struct EventFacts {
    bool well_formed = false;  // data is JSON (or [DONE])
    bool done = false;         // the [DONE] marker, or a terminal event of /responses
    bool commits =
        false;  // carries content the client must see: text, tool call, refusal, reasoning, audio
    bool error = false;        // an error event
    bool usage_only = false;   // usage and no choices (an empty list, null or none): there because
                               // it was asked for
    bool usage_alone = false;  // and nothing else but the envelope that every event has
    bool finish =
        false;  // carries a finish_reason that means success (or a terminal completed/incomplete)
    std::optional<Usage> usage;
    std::string_view model;  // raw string content, slice of data; empty when absent
    std::string_view service_tier;
};
/// `data` and `name` as SseEvent has them.
void inspect_event(AnswerShape shape, std::string_view data, std::string_view name,
                   EventFacts& facts);

/// An error body of any provider, normalised.
struct ErrorFacts {
    std::string message;
    std::string type;
    std::string code;  // strings and numbers alike, as text
    std::string param;
};
ErrorFacts parse_error_body(std::string_view body);

}  // namespace understudy::wire
