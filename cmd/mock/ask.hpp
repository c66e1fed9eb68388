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
    models,   // the list, or one of them
    control,  // /control/...
    health,
    unknown,
};

/// The endpoint behind a path, with and without /v1.
Endpoint endpoint_of(std::string_view path);

/// Slices point into the body (or into `decoded`).
struct BodyFacts {
    bool well_formed = false;  // a JSON object, or a form
    std::string_view model;    // of the last "model" member; empty: none
    std::string decoded;       // holds the model when it was written with escapes
    bool stream = false;
    bool include_usage = false;
    std::string_view last_message;  // JSON text of the last of "messages"
    bool last_is_assistant = false;
};

BodyFacts scan_json(std::string_view body);
/// multipart/form-data: model, stream and response_format are fields of the form.
BodyFacts scan_form(std::string_view body, std::string_view content_type);

/// The text of an assistant message, its text parts joined; nullopt when it is not text.
std::optional<std::string> message_text(std::string_view message_json);
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
    bool http10 = false;
    bool keep_alive = true;
    std::optional<std::string> prefill;  // text of the assistant message at the end
    std::string echo;                    // escaped request body, where the plan wants it
    EmbeddingsAsk embeddings;
    std::string fingerprint;  // the server's name
};

}  // namespace understudy::mock
