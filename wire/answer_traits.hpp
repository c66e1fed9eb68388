// What is known of each shape of answer, in one table: whose API it is, who can give it, what a
// whole answer must have, how its events are read, whether it may be anything but JSON, what it
// counts. Everybody who treats shapes differently asks here, so that a new shape is one row.
// Constants; any thread may read them.
#pragma once

#include "wire/answer.hpp"
#include "wire/dialect.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace understudy::wire {

/// The member without which a whole answer is none.
enum class AnswerNeed : std::uint8_t {
    nothing,     // any object without an error
    choices,     // choices[] with a message or a text
    data,        // data[], not empty
    results,     // results[]
    text,        // text, or a string alone
    output,      // output[]
    content,     // content[]
    candidates,  // candidates[] with content or an end, or a promptFeedback that says why not
    message,     // output.message.content[]
    audio,       // where it is an object: a text in it that can be audio, or the address of some
};

/// How the events of a streamed answer are judged.
enum class EventStyle : std::uint8_t {
    choices,    // OpenAI's chunks: choices[].delta, [DONE]
    responses,  // typed events of /responses
    messages,   // Anthropic's typed events, from message_start to message_stop
    gemini,     // Google's chunks: candidates[].content.parts, finishReason, and no end marker
    converse,   // Bedrock's typed events, from messageStart over messageStop to metadata
    media,      // typed events of images and audio, each of which carries payload
};

/// What is done for the client, as OpenTelemetry's GenAI conventions name operations.
enum class Operation : std::uint8_t { chat, text_completion, embeddings, generate_content, other };

struct AnswerTraits {
    AnswerShape shape;
    Dialect dialect = Dialect::chat;  // of the request, and of the errors that it may get
    DialectSet served_by;             // upstreams that can be asked in the client's own words
    AnswerNeed need;
    EventStyle events;
    Operation operation;
    bool only_json = false;      // events in place of the plain answer that was asked for are none
    bool needs_finish = false;   // a stream without a finish is cut, whatever else it says
    bool has_marker = false;     // [DONE] ends a stream
    bool may_be_bytes = false;   // the content type tells whether it is JSON
    bool bytes = false;          // a body that begins like nothing known is an answer all the same
    bool is_list = false;        // a JSON array whose elements are what events are elsewhere
    bool counts_tokens = false;  // an answer without usage lacks something
    bool model_in_path = false;  // the request names its model there, and not in its body
    bool framed = false;         // its stream comes as an AWS event stream
};

inline constexpr std::size_t kAnswerShapes = 17;

namespace detail {
// OpenAI's API is one: whoever has a part of it is asked for the rest, too.
inline constexpr DialectSet kOpenAi{Dialect::chat, Dialect::responses};
}  // namespace detail

/// Index = value of the enum.
inline constexpr std::array<AnswerTraits, kAnswerShapes> kAnswerTraits{{
    {.shape = AnswerShape::chat,
     .served_by = {Dialect::chat},
     .need = AnswerNeed::choices,
     .events = EventStyle::choices,
     .operation = Operation::chat,
     .only_json = true,
     .needs_finish = true,
     .has_marker = true,
     .counts_tokens = true},
    {.shape = AnswerShape::completion,
     .served_by = {Dialect::chat},
     .need = AnswerNeed::choices,
     .events = EventStyle::choices,
     .operation = Operation::text_completion,
     .only_json = true,
     .needs_finish = true,
     .has_marker = true,
     .counts_tokens = true},
    {.shape = AnswerShape::responses,
     .dialect = Dialect::responses,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::output,
     .events = EventStyle::responses,
     .operation = Operation::chat,
     .only_json = true,
     .needs_finish = true,
     .counts_tokens = true},
    {.shape = AnswerShape::messages,
     .dialect = Dialect::messages,
     .served_by = {Dialect::messages},
     .need = AnswerNeed::content,
     .events = EventStyle::messages,
     .operation = Operation::chat,
     .only_json = true,
     .needs_finish = true,
     .counts_tokens = true},
    {.shape = AnswerShape::messages_count,
     .dialect = Dialect::messages,
     .served_by = {Dialect::messages},
     .need = AnswerNeed::nothing,
     .events = EventStyle::media,
     .operation = Operation::other,
     .only_json = true},
    {.shape = AnswerShape::gemini,
     .dialect = Dialect::gemini,
     .served_by = {Dialect::gemini},
     .need = AnswerNeed::candidates,
     .events = EventStyle::gemini,
     .operation = Operation::generate_content,
     .only_json = true,
     .needs_finish = true,
     .counts_tokens = true,
     .model_in_path = true},
    {.shape = AnswerShape::gemini_list,
     .dialect = Dialect::gemini,
     .served_by = {Dialect::gemini},
     .need = AnswerNeed::candidates,
     .events = EventStyle::gemini,
     .operation = Operation::generate_content,
     .only_json = true,
     .needs_finish = true,
     .is_list = true,
     .counts_tokens = true,
     .model_in_path = true},
    {.shape = AnswerShape::gemini_count,
     .dialect = Dialect::gemini,
     .served_by = {Dialect::gemini},
     .need = AnswerNeed::nothing,
     .events = EventStyle::media,
     .operation = Operation::other,
     .only_json = true,
     .model_in_path = true},
    {.shape = AnswerShape::converse,
     .dialect = Dialect::converse,
     .served_by = {Dialect::converse},
     .need = AnswerNeed::message,
     .events = EventStyle::converse,
     .operation = Operation::chat,
     .only_json = true,
     .needs_finish = true,
     .counts_tokens = true,
     .model_in_path = true,
     .framed = true},
    {.shape = AnswerShape::embeddings,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::data,
     .events = EventStyle::media,
     .operation = Operation::embeddings,
     .only_json = true,
     .counts_tokens = true},
    {.shape = AnswerShape::moderations,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::results,
     .events = EventStyle::media,
     .operation = Operation::other},
    {.shape = AnswerShape::images,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::data,
     .events = EventStyle::media,
     .operation = Operation::generate_content},
    {.shape = AnswerShape::transcription,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::text,
     .events = EventStyle::media,
     .operation = Operation::generate_content,
     .may_be_bytes = true},
    {.shape = AnswerShape::other_json,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::nothing,
     .events = EventStyle::media,
     .operation = Operation::other},
    {.shape = AnswerShape::opaque,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::nothing,
     .events = EventStyle::media,
     .operation = Operation::generate_content,
     .may_be_bytes = true,
     .bytes = true},
    {.shape = AnswerShape::speech,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::audio,
     .events = EventStyle::media,
     .operation = Operation::generate_content,
     .may_be_bytes = true,
     .bytes = true},
    {.shape = AnswerShape::compaction,
     .served_by = detail::kOpenAi,
     .need = AnswerNeed::output,
     .events = EventStyle::media,
     .operation = Operation::other},
}};

static_assert([] {
    for (std::size_t i = 0; i < kAnswerShapes; ++i) {
        if (kAnswerTraits[i].shape != static_cast<AnswerShape>(i)) return false;
    }
    return true;
}());

constexpr const AnswerTraits& traits_of(AnswerShape shape) noexcept {
    return kAnswerTraits[static_cast<std::size_t>(shape)];
}

}  // namespace understudy::wire
