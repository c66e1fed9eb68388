// What an upstream's answer says: is it an answer at all, what did it use, why does it refuse. Pure
// functions over bytes, tolerant of the many servers that speak an API in their own way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::wire {

/// With what an endpoint answers. What is known of each: answer_traits.hpp.
enum class AnswerShape : std::uint8_t {
    chat,            // /chat/completions: choices[].message | delta
    completion,      // /completions: choices[].text
    responses,       // /responses: output[], typed events
    messages,        // Anthropic's /messages: content[], typed events
    messages_count,  // /messages/count_tokens
    gemini,          // Google's :generateContent and :streamGenerateContent?alt=sse: candidates[]
    gemini_list,     // :streamGenerateContent without it: a list of what events are else
    gemini_count,    // :countTokens
    converse,        // Bedrock's /converse: output.message.content[]; /converse-stream: its events
    embeddings,      // data[]
    moderations,     // results[]
    images,          // data[]
    transcription,   // audio in: an object with `text`, or plain text, subtitles
    other_json,      // any JSON object without an error
    opaque,          // anything else about audio: bytes; only status and completeness count
    speech,          // audio out: bytes, or an object that holds audio or says where it is
    compaction,      // /responses/compact: output[] without a status
};

/// What the content type says a body is, for shapes that may be bytes.
enum class BodyLabel : std::uint8_t {
    none,   // nothing: absent, or application/octet-stream
    json,   // application/json, or anything with +json
    other,  // text, audio ...
};
BodyLabel label_of(std::string_view content_type) noexcept;

/// More tokens than any answer can have: a larger count is a mistake, and so is its whole block.
inline constexpr std::uint64_t kMaxTokenCount = 100'000'000;
/// A dearer one is a mistake, too: 10,000 dollars.
inline constexpr std::uint64_t kMaxCostPicoUsd = 10'000'000'000'000'000;

/// Token counts in OpenAI's meaning, after repairs of what servers count otherwise: prompt includes
/// cached and cache-written tokens, completion includes reasoning tokens. No part exceeds its
/// whole.
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
        cache_apart = 32,  // as Anthropic counts: its input is what the cache had no part in
        said_lifetimes = 64,
        said_media = 128,
    };
    std::uint8_t said = 0;
    /// What of those parts has a price of its own. (None can exceed kMaxTokenCount.)
    std::uint32_t cache_write_1h = 0;    // of cache_write
    std::uint32_t audio_input = 0;       // of the prompt outside the cache
    std::uint32_t image_input = 0;       // the same
    std::uint32_t audio_cache_read = 0;  // of cache_read
    std::uint32_t audio_output = 0;      // of the completion that is no reasoning
    std::uint32_t image_output = 0;      // the same
    /// Reasoning as the block has it, where that was taken to be inside the completion; 0 where it
    /// was not. A provider's habit may say otherwise: put_reasoning_beside().
    std::uint32_t inner_reasoning = 0;
    bool operator==(const Usage& other) const;
};

/// Reads a usage object (in any provider's spelling). nullopt for null, {},
/// all-zero, a non-object, and a block in which one number is impossible (negative, a fraction,
/// text, more than kMaxTokenCount; a cost below 0 or above 10,000 USD).
std::optional<Usage> parse_usage(std::string_view usage_json);
/// The same for Google's `usageMetadata`, whose candidates and thoughts are counted apart.
std::optional<Usage> parse_usage_metadata(std::string_view metadata_json);
/// Merges a later usage block of the same answer into an earlier one: the last one that says
/// something wins, whole; what it lacks keeps its value. Never the larger of two, never a sum.
void merge_usage(Usage& into, const Usage& later);
/// Of a provider that counts reasoning beside the completion without a total that tells: adds it.
void put_reasoning_beside(Usage& usage);

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
    bool done = false;         // the [DONE] marker, or the event that ends an answer
    bool marker = false;       // it is [DONE], which belongs to OpenAI's API
    bool commits =
        false;  // carries content the client must see: text, tool call, refusal, reasoning, audio
    bool error = false;        // an error event
    bool vain_end = false;     // it is one because the model came to no answer: behind content it
                               // is an end like any other
    bool usage_only = false;   // usage and no choices (an empty list, null or none): there because
                               // it was asked for
    bool usage_alone = false;  // and nothing else but the envelope that every event has
    bool several = false;      // speaks of more choices than the first
    bool finish =
        false;  // carries a finish_reason that means success (or a terminal completed/incomplete)
    bool untold = false;  // an error for which no client's library raises one: it reads like any
                          // other event, or, with `done`, like the end
    bool null_usage =
        false;  // has `"usage":null`, as every chunk of OpenAI's where usage was asked for
    bool asked_for = false;  // usage_only or null_usage: something in it is there for our asking
    bool partial = false;    // a part of what a closing event ends (images, speech, transcripts)
    std::uint64_t text_bytes = 0;  // of text in the content that it carries
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
