// One pass over the JSON of an answer or of one streamed event, which finds everything that
// inspect_answer and inspect_event decide upon. Internal to wire; runs for every streamed event, so
// it builds no tree and allocates nothing.
#pragma once

#include "wire/answer.hpp"
#include "wire/google_counts.hpp"
#include "wire/json_cursor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::wire {

/// A usage object at one of its places; the last one there, as for any JSON key.
struct UsageFinding {
    bool present = false;        // as an object
    bool google = false;         // it is what VariableValues::counts mean
    bool null = false;           // as null
    std::optional<Usage> usage;  // nullopt when it says nothing
};

/// Values that differ between the events of a stream although the events mean the same, in the
/// order of the text. There may be more of them: what is not listed here counts as fixed.
struct VariableValues {
    struct Value {
        JsonValue value;
        bool content = false;  // makes `content` or `has_delta` true, and decides nothing else
        std::uint8_t counts = kNoCount;  // one of GoogleCounts::plain
    };
    static constexpr std::uint8_t kNoCount = 0xFF;
    static constexpr std::size_t kMost = 8;
    std::array<Value, kMost> values;
    std::size_t count = 0;
    std::uint64_t text_bytes = 0;  // of text in all that is content, listed or not

    GoogleCounts* counts = nullptr;  // where to put them; null when nobody asks

    void add(const JsonValue& value, bool content) noexcept {
        if (count < values.size()) values[count++] = {value, content, kNoCount};
    }
    void add_count(const JsonValue& value, std::uint8_t which) noexcept {
        if (count < values.size()) values[count++] = {value, false, which};
    }
    /// Content: what text there is in it, and where, when that may differ.
    void add_content(const JsonValue& value);
};

/// What was found. All views are slices of the text: string contents as written, escapes included;
/// null data() when absent.
struct AnswerFindings {
    bool is_object = false;
    bool error = false;    // something says that this is an error, at any of the known places
    bool told = false;     // an `error` at the top does, where clients look for it
    bool content = false;  // a choice carries something that the client must see
    bool finish = false;   // a choice ended well
    bool choices_present = false;  // as an array
    bool choices_empty = false;    // and it is empty
    bool has_answer = false;       // the first choice has a message, a text or a finish reason
    bool has_data = false;         // `data` is an array that is not empty (embeddings, images)
    bool has_results = false;      // `results` is an array (moderations)
    bool has_text = false;         // a top-level `text` is a string (transcriptions)
    bool has_output = false;       // `output` is an array (responses)
    bool extra = false;            // a top-level member besides usage that is no envelope
    bool has_delta = false;        // a top-level `delta` or `text` that is not empty (responses),
                                   // or has something in it (messages); a part that does (gemini)
    bool has_content = false;      // `content` is an array (messages)
    bool has_block = false;        // a block that is announced has something in it (messages)
    bool candidates_present = false;  // as an array (gemini)
    bool candidates_empty = false;    // and it is empty
    bool has_candidate = false;       // the first has content or an end
    bool blocked = false;             // the prompt was refused (gemini)
    bool has_audio = false;           // some text can be audio, or its address; found by the caller
    bool several = false;             // more than one choice, or one that is not the first
    std::string_view finish_reason;   // the first that is not empty
    std::string_view stop_reason;     // of messages and gemini; the last that is not empty
    std::string_view model;
    std::string_view service_tier;  // at the top, else in a usage block
    std::string_view usage_tier;    // in a usage block (messages, gemini)
    std::string_view type;
    std::string_view status;
    std::string_view item_type;  // item.type (responses), content_block.type (messages)

    VariableValues* variable = nullptr;  // where to list them; null when nobody asks

    // Usage objects in the order of trust.
    UsageFinding usage;
    UsageFinding groq_usage;
    UsageFinding choice_usage;
    UsageFinding inner_usage;  // of message or response; usageMetadata
};

/// The problem when `text` is not one well-formed JSON value; the findings then mean nothing.
std::optional<JsonProblem> walk_answer(std::string_view text, AnswerFindings& found);

/// inspect_event, with what the walk found.
void judge_event(AnswerShape shape, std::string_view data, std::string_view name,
                 AnswerFindings& found, EventFacts& facts);

/// At a usage object: takes it, and reads it on the way. `service_tier`: as written in it; stays
/// where it says none.
bool walk_usage(JsonCursor& in, std::optional<Usage>& usage, std::string_view& service_tier);
/// At Google's usageMetadata, likewise.
bool walk_usage_metadata(JsonCursor& in, AnswerFindings& found);

/// The first usage block among the findings that says anything.
std::optional<Usage> usage_of(const AnswerFindings& found);

/// A finish reason that names a failure: "error", "abort", "insufficient_system_resource",
/// "*_error".
bool is_error_finish(std::string_view reason) noexcept;

/// One of Google's that says the model came to no answer: it wrote a call that cannot be read, or
/// one that it was not to make.
bool is_vain_end(std::string_view finish_reason) noexcept;

}  // namespace understudy::wire
