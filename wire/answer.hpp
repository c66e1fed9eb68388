// What an upstream's answer says: is it an answer at all, what did it use, why does it refuse. Pure
// functions over bytes, tolerant of the servers listed in reference/compat-quirks.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Which of OpenAI's shapes an endpoint answers with.
enum class AnswerShape : std::uint8_t {
    chat,        // /chat/completions: choices[].message | delta
    completion,  // /completions: choices[].text
    responses,   // /responses: output[], typed events
    embeddings,  // data[]
    other_json,  // moderations, images, transcriptions as JSON: any JSON object without an error
    opaque,      // audio, text: bytes; only status and completeness count
};

/// Token counts in OpenAI's meaning, after the repairs of compat-quirks.md 1.5: prompt includes
/// cached and cache-written tokens, completion includes reasoning tokens.
struct Usage {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::uint64_t cache_read = 0;   // part of prompt
    std::uint64_t cache_write = 0;  // part of prompt
    std::uint64_t reasoning = 0;    // part of completion
    std::optional<std::uint64_t>
        reported_cost_pico_usd;  // the upstream's own figure (usage.cost, cost_in_usd_ticks)
    bool operator==(const Usage&) const = default;
};

/// Reads a usage object (any of the shapes of compat-quirks.md 1.5). nullopt for null, {}, all-zero
/// or a non-object.
std::optional<Usage> parse_usage(std::string_view usage_json);
/// Merges a later usage block into an earlier one: field-wise maximum, never a sum.
void merge_usage(Usage& into, const Usage& later);

/// A whole, non-streamed answer.
struct AnswerFacts {
    bool well_formed = false;  // JSON where JSON is expected
    bool complete = false;     // has what this shape must have (choices, data, output ...)
    bool error_inside =
        false;  // a truthy error member inside a 2xx, or a choice that ended in an error
    std::optional<Usage> usage;
    std::string model;          // as the upstream names it
    std::string service_tier;   // decides the price
    std::string finish_reason;  // of the first choice
    const char* problem =
        nullptr;  // static text for logs when not an answer: "empty body", "HTML", "no choices" ...
};
AnswerFacts inspect_answer(AnswerShape shape, std::string_view body);

/// One event of a streamed answer.
struct EventFacts {
    bool well_formed = false;  // data is JSON (or [DONE])
    bool done = false;         // the [DONE] marker, or a terminal event of /responses
    bool commits =
        false;  // carries content the client must see: text, tool call, refusal, reasoning, audio
    bool error = false;  // an error event
    bool usage_only =
        false;  // usage and no choices (an empty list, null or none): there because it was asked for
    bool finish =
        false;  // carries a finish_reason that means success (or a terminal completed/incomplete)
    std::optional<Usage> usage;
    std::string_view model;  // raw string content, slice of data; empty when absent
    std::string_view service_tier;
};
/// `data` and `name` as SseEvent has them.
void inspect_event(AnswerShape shape, std::string_view data, std::string_view name,
                   EventFacts& facts);

/// An error body of any provider, normalised (compat-quirks.md section 3).
struct ErrorFacts {
    std::string message;
    std::string type;
    std::string code;  // strings and numbers alike, as text
    std::string param;
};
ErrorFacts parse_error_body(std::string_view body);

}  // namespace understudy::wire
