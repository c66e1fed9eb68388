// The documents and events that an answer is made of, for every endpoint. Always the same sixty
// words and the same token counts, so that a test can compare whole answers:
//   prompt 1000 tokens, of which 400 cached; completion one token per word sent plus 20 of
//   reasoning.
// `created` never changes either; only the id does (the number of the request).
#pragma once

#include "mock/ask.hpp"
#include "mock/plan.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::mock {

inline constexpr std::size_t kPromptTokens = 1000;
inline constexpr std::size_t kCachedTokens = 400;
inline constexpr std::size_t kReasoningTokens = 20;

/// The healthy answer: exactly sixty words.
std::string_view answer_text();

/// What is told, word by word, ready to stand inside a JSON string.
class Tale {
  public:
    /// Words of the answer from where `ask.prefill` ends (or from the start), tool arguments, or
    /// the echo.
    Tale(const Ask& ask, const Plan& plan);

    std::size_t size() const { return size_; }
    std::string_view piece(std::size_t index) const;
    std::string text() const;

  private:
    void continue_after(std::string_view prefill);

    const Ask* ask_;
    Content content_;
    bool whole_call_;  // Google tells a call in one piece, as JSON
    std::size_t size_;
    std::size_t first_word_ = 0;
    std::size_t first_offset_ = 0;  // characters of the first word that the prefill already has
};

/// What the tool is called with, as JSON.
std::string_view tool_arguments();

/// Whether this endpoint can stream.
bool can_stream(Endpoint endpoint);

/// The whole answer as one document, and its type.
std::string answer_document(const Ask& ask, const Plan& plan, const Tale& tale);
std::string_view answer_type(Endpoint endpoint);
/// The document without the member that carries the answer (Flaw::no_choices).
std::string hollow_document(const Ask& ask);

/// A stream: opening events, one event per piece, closing events. Each is written by itself.
std::vector<std::string> opening_events(const Ask& ask, const Plan& plan);
std::vector<std::string> closing_events(const Ask& ask, const Plan& plan, const Tale& tale);

/// What surrounds each piece in its event.
struct EventFrame {
    std::string before, after;
    std::size_t sequence = 0;  // of the first piece, for /responses; 0: events carry no number
    std::string end;
    std::string_view message;  // Bedrock: the type of the message that all of it is the payload of
};
EventFrame event_frame(const Ask& ask, const Plan& plan);
/// Appends event number `index` to `out`.
void append_event(std::string& out, const EventFrame& frame, std::size_t index,
                  std::string_view piece);

/// Events that should not be there. `flaw`: what is wrong with it.
std::string malformed_event(Endpoint endpoint, Flaw flaw = Flaw::malformed);
std::string error_event(Endpoint endpoint);
/// One that is of the API's form and has this document in it, whatever that says.
std::string odd_event(Endpoint endpoint, std::string_view document);

/// GET /v1/models and /v1/models/{id}, in each API's form.
std::string models_document(Api api);
std::string model_document(Api api, std::string_view id);

}  // namespace understudy::mock
