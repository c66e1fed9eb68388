// From a request in one API to one in another, and the answer back: the facade of this room. Pure:
// what it is given it reads, what it makes it returns.
#pragma once

#include "dialects/answer.hpp"
#include "dialects/piece_watch.hpp"
#include "dialects/repairs.hpp"
#include "dialects/repeated_event.hpp"
#include "dialects/talk.hpp"
#include "wire/answer.hpp"
#include "wire/dialect.hpp"
#include "wire/error_kind.hpp"
#include "wire/sse.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects {

/// What the client asks. Views live until translate() has returned.
struct Ask {
    wire::AnswerShape shape = wire::AnswerShape::chat;  // of the answer that the client expects
    std::string_view body;                              // one JSON object, validated
    std::string_view model;                             // as the client named it
    bool stream = false;         // events are expected; the list of gemini_list is none
    bool include_usage = false;  // chat: a stream is to end with its usage
    std::int64_t created = 0;    // Unix time, now
    std::string_view id;         // of the request
    std::string_view seed;       // of ids, where the upstream gives none: each answer has its own
};

/// Who is asked instead.
struct Target {
    wire::Dialect dialect = wire::Dialect::chat;
    std::string_view model;          // as it is called there
    std::uint64_t max_output = 0;    // tokens that it can write; 0: not known
    bool completion_tokens = false;  // chat: `max_completion_tokens` is understood
    bool ask_usage = true;           // chat: so is stream_options.include_usage
    std::string_view thinking;       // chat: the member in which thoughts go back, or ""
    bool nine_letter_ids = false;    // chat: ids of calls are nine letters and digits
    Repairs repairs;                 // what it has been found to refuse
};

/// The request that takes the place of the client's.
struct Outgoing {
    wire::AnswerShape shape = wire::AnswerShape::chat;  // of the answer that will come
    std::string_view path;                              // below the base URL; static text
    std::string_view action;           // behind the model, where the path names it; static text
    std::string body;                  // one JSON object
    std::vector<std::string> dropped;  // members whose loss does no harm
};

/// The way back, of one attempt. Insides of answers go from the upstream's dialect to the client's.
class Translation {
  public:
    Translation(std::unique_ptr<AnswerReader> reader, std::unique_ptr<AnswerWriter> writer,
                std::unique_ptr<ClientTools> tools, const Ask& ask)
        : tools_(std::move(tools)),
          reader_(std::move(reader)),
          writer_(std::move(writer)),
          shape_(ask.shape),
          id_(ask.id) {}

    /// One event of the upstream's stream; what it is for the client is appended to `out`: nothing,
    /// one event, or several. False: it cannot be read, so nobody knows what the answer lacks
    /// without it.
    /// `known`: the data has been found to be well-formed.
    bool event(const wire::SseEvent& event, std::string& out, bool known = false);
    bool event(std::string_view data, std::string_view name, std::string& out) {
        wire::SseEvent event;
        event.data = data;
        event.name = name;
        return this->event(event, out);
    }
    /// Whether the event that stands at the front of `text` is the last one with another piece of
    /// text. Then that is done which event() would do, and this is how long it is; 0: it is not.
    /// For texts that begin between two events, and whose data has been found to be well-formed.
    std::size_t repeat(std::string_view text, std::string& out);
    /// The stream has come to its proper end: what the client's dialect says then. Once is enough.
    void end(std::string& out);
    /// A whole answer, which has been found to be one; see lost().
    std::string whole(std::string_view body);
    /// What of the answer could not be told, static text; null: nothing.
    const char* lost() const {
        if (reader_->lost() != nullptr) return reader_->lost();
        return in_vain_ ? kInVain : writer_->lost();
    }
    /// What was left out of the answer so far, as its API calls it; null: nothing.
    const char* left_out() const { return reader_->left_out(); }
    /// The body of an upstream's error, or the data of its error event, as a body.
    std::string error(std::string_view body, const wire::ErrorCause& cause) const;
    /// An error was told.
    bool told_error() const { return writer_->told_error(); }
    /// Events written, where the client's dialect numbers them.
    std::uint64_t events() const { return writer_->events(); }
    /// Bytes of the answer that it keeps, for they are told later or again.
    std::size_t gathered() const {
        return reader_->gathered() + writer_->gathered() + repeated_.bytes();
    }

  private:
    static constexpr const char* kInVain =
        "nothing is in it but what the client's API cannot carry: a picture, or sound";

    void note(const PieceWatch& watch) {
        spoke_ = watch.spoke();
        in_vain_ = watch.in_vain();
    }

    std::unique_ptr<ClientTools> tools_;  // outlives the writer
    std::unique_ptr<AnswerReader> reader_;
    std::unique_ptr<AnswerWriter> writer_;
    std::string repaired_;  // a text of the upstream's that was no UTF-8
    RepeatedEvent repeated_;
    PieceWatch::Place place_;  // of the piece in it
    bool spoke_ = false;       // anything was said
    bool in_vain_ = false;     // nothing to the end, but something was left out
    wire::AnswerShape shape_;  // of what the client gets
    std::string id_;           // of the request
};

/// Whether requests of this shape can be put to upstreams of that dialect at all.
bool can_translate(wire::AnswerShape shape, wire::Dialect to);

/// What is asked of `target` in the client's place, and the way back. Nothing is done when there is
/// a problem. For pairs that can_translate() affirms.
std::optional<Problem> translate(const Ask& ask, const Target& target, Outgoing& outgoing,
                                 std::unique_ptr<Translation>& translation);

}  // namespace understudy::dialects
