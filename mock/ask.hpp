// What a request asks for: the endpoint and the few facts of the body that change the answer. Found
// without building a document, because the benches send megabytes; shared with no code under test,
// because a witness must not repeat the suspect's mistakes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::mock {

enum class Endpoint : std::uint8_t {
    chat,
    completions,
    responses,
    embeddings,
    moderations,
    images,
    transcription,
    translation,
    speech,
    messages,        // Anthropic's
    count_messages,  // and how many tokens one would have
    gemini,          // Google's generateContent and streamGenerateContent
    count_gemini,
    converse,       // Bedrock's Converse and ConverseStream
    models,         // the list, or one of them
    google_models,  // the same below /v1beta
    control,        // /control/...
    health,
    unknown,
};

/// The endpoint behind a path, with and without /v1 (Google's also with /v1beta, Bedrock's at
/// /model).
Endpoint endpoint_of(std::string_view path);

/// Whose words an endpoint speaks.
enum class Api : std::uint8_t { openai, anthropic, google, amazon };
Api api_of(Endpoint endpoint);

/// Slices point into the body (or into `decoded`).
struct BodyFacts {
    bool well_formed = false;  // a JSON object, or a form
    std::string_view model;    // of the last "model" member; empty: none
    std::string decoded;       // holds the model when it was written with escapes
    bool stream = false;
    bool include_usage = false;
    std::string_view last_message;  // JSON text of the last of "messages", "contents" or "input"
    bool last_is_assistant = false;
    std::string_view previous_message;  // the one before, when the last one asks to go on with it
};

BodyFacts scan_json(std::string_view body);
/// Google's and Bedrock's: model and stream stand in the path
/// ("/models/NAME:streamGenerateContent",
/// "/model/NAME/converse-stream"). Others say nothing there.
void read_path(Endpoint endpoint, std::string_view path, BodyFacts& facts);
/// multipart/form-data: model, stream and response_format are fields of the form.
BodyFacts scan_form(std::string_view body, std::string_view content_type);

/// The text of an assistant message, its text parts joined; nullopt when it is not text.
std::optional<std::string> message_text(std::string_view message_json);
/// What a model that is asked to go on with `previous` has said before it begins: the text of that
/// message, without the words that `last` wants to be said again. nullopt when it is not text.
std::optional<std::string> begun_before(std::string_view previous, std::string_view last);
/// How many inputs an embeddings request has, and whether it wants base64.
struct EmbeddingsAsk {
    std::size_t inputs = 1;
    std::size_t dimensions = 8;
    bool base64 = false;
};
EmbeddingsAsk scan_embeddings(std::string_view body);

/// Everything the answer depends on, independent of the receive buffer.
struct Ask {
    Endpoint endpoint = Endpoint::chat;
    std::string id;     // eight digits, part of every id in the answer
    std::string model;  // "ok" when the request has none
    bool stream = false;
    bool include_usage = false;
    bool as_list = false;  // a stream of Google's without alt=sse: one JSON list
    bool http10 = false;
    bool keep_alive = true;
    std::optional<std::string> prefill;  // what was said before: at the end, or by instruction
    std::string echo;                    // escaped request body, where the plan wants it
    EmbeddingsAsk embeddings;
    std::string fingerprint;  // the server's name
};

}  // namespace understudy::mock
