// What an answer says, piece by piece and in no dialect: a reader of the dialect in which the
// upstream answers tells it, a writer of the client's dialect writes it down. Texts are insides of
// JSON strings, escapes as they came, so that what was cut inside a character stays as it was.
// One pair belongs to one attempt.
#pragma once

#include "dialects/ids.hpp"
#include "dialects/talk.hpp"
#include "dialects/value.hpp"
#include "wire/answer.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::dialects {

enum class Stop : std::uint8_t {
    end,
    sequence,  // one of the client's stop sequences
    length,    // no room for more
    window,    // the same: the model's context is full
    calls,     // tools are to be run
    filter,    // refused, by the model or by a filter
    pause,     // the provider's own tools need another turn
    unsaid,    // a whole answer that does not say; no stream ends well so
};

/// It ended where there was no more room, perhaps inside of a call.
inline bool is_cut(Stop stop) {
    return stop == Stop::length || stop == Stop::window;
}

/// Takes an answer in the order in which it was made. Calls are numbered from 0 as they begin;
/// their arguments come behind, in pieces, each naming its call.
class AnswerSink {
  public:
    AnswerSink() = default;
    virtual ~AnswerSink() = default;
    AnswerSink(const AnswerSink&) = delete;
    AnswerSink& operator=(const AnswerSink&) = delete;

    /// Once, in front of everything else.
    virtual void start(std::string_view id, std::string_view model) = 0;
    virtual void text(std::string_view content) = 0;
    virtual void thinking(std::string_view content) = 0;
    /// The seal of the thoughts before it; `alone`: of thoughts that were not shown at all.
    virtual void seal(SealKind kind, std::string_view content, bool alone) = 0;
    virtual void refusal(std::string_view content) = 0;
    virtual void call(std::size_t number, std::string_view id, std::string_view name,
                      std::string_view seal) = 0;
    virtual void arguments(std::size_t number, std::string_view content) = 0;
    /// How it ended; more may come behind, the last word counts. `sequence`: which one.
    virtual void stop(Stop why, std::string_view sequence) = 0;
    /// So far; a later one replaces what it says.
    virtual void usage(const wire::Usage& usage) = 0;
    /// The upstream gave up. Nothing comes behind it.
    virtual void error(const wire::ErrorFacts& error) = 0;
    /// All of it was told.
    virtual void done() = 0;
};

/// Reads one upstream's answer and tells it to a sink.
class AnswerReader {
  public:
    AnswerReader() = default;
    virtual ~AnswerReader() = default;
    AnswerReader(const AnswerReader&) = delete;
    AnswerReader& operator=(const AnswerReader&) = delete;

    /// One event of a stream, as wire::SseEvent has it: its `data`, and the value that stands
    /// there.
    virtual void event(Value event, std::string_view data, std::string_view name,
                       AnswerSink& sink) = 0;
    /// The stream has come to its proper end.
    virtual void end(AnswerSink& sink) = 0;
    /// A whole answer, which has been found to be one.
    virtual void whole(std::string_view body, AnswerSink& sink) = 0;
    /// What could not be told of what was read, static text; null: all of it was told. An answer
    /// that lacks something is none.
    const char* lost() const { return lost_; }
    /// Pictures or sounds of the answer, which no other API's client could be told of: what they
    /// are called there, static text; null: there are none. Where nothing else is in it, the answer
    /// is lost.
    const char* left_out() const { return left_out_; }
    /// The inside of a string in the event that was read last: another event that is the same but
    /// for this text would tell that one in the same way, if this one has told nothing else, and
    /// again() is all that is left to do. Empty: there is none. Asked once for each event.
    std::string_view take_steady() { return std::exchange(steady_, {}); }
    /// Such an event has come, with this piece; `counts`: its usageMetadata, or empty.
    virtual void again(std::string_view piece, std::string_view counts) {
        static_cast<void>(piece);
        static_cast<void>(counts);
    }
    /// Bytes of the answer that are kept, because they may be told again.
    std::size_t gathered() const { return gathered_; }

  protected:
    /// What is told next is all that counts of an event like this.
    void steady(Value piece) { steady_ = piece.content(); }
    void lose(const char* what) {
        if (lost_ == nullptr) lost_ = what;
    }
    void gather(std::size_t bytes) { gathered_ += bytes; }
    void leave_out(const char* what) { left_out_ = what; }
    static constexpr const char* kNameless = "it calls a tool without a name";

  private:
    const char* lost_ = nullptr;
    const char* left_out_ = nullptr;
    std::size_t gathered_ = 0;
    std::string_view steady_;
};

/// The client's tools as far as an answer must tell them apart.
struct ClientTools {
    ToolNames names;                                    // as they were sent upstream
    std::set<std::string, std::less<>> custom;          // that take free text
    std::map<std::string, Tool, std::less<>> in_space;  // by the name in the talk; name and space
};

/// What a writer has to know of the request that is answered.
struct Told {
    bool stream = false;
    bool include_usage = true;       // chat: the client asked for it in its stream
    bool wants_thinking = true;      // the client can read thoughts
    std::int64_t created = 0;        // Unix time, for dialects that say it
    std::string seed;                // of ids that the upstream does not give: no other answer's
    std::string asked_model;         // where the upstream names none
    std::uint64_t rough_prompt = 0;  // tokens, an estimate, for dialects that must say something
};

/// Writes an answer in the client's dialect: events as they come, or one body when it is done.
class AnswerWriter : public AnswerSink {
  public:
    /// Where the text goes; set before anything is told, and whenever it moves.
    void write_to(std::string& out) { out_ = &out; }
    /// Events written so far, for dialects that number them.
    virtual std::uint64_t events() const { return 0; }
    /// Bytes of the answer that were gathered, because its dialect tells them later or again.
    std::size_t gathered() const { return gathered_; }
    /// An error was told.
    bool told_error() const { return told_error_; }
    /// What could not be said in this dialect, as AnswerReader has it.
    const char* lost() const { return lost_; }

    /// Of an answer whose upstream counts nothing, for clients that cannot do without: by its
    /// bytes.
    static wire::Usage estimate(std::uint64_t prompt, std::uint64_t told_bytes);

    /// The text that a custom tool was to get, out of the object that stood for it; an inside of a
    /// string, as is what comes in.
    static std::string custom_input(const std::string& arguments);

  protected:
    std::string& out() { return *out_; }
    void gather(std::size_t bytes) { gathered_ += bytes; }
    void lose(const char* what) { lost_ = what; }
    void note_error() { told_error_ = true; }

  private:
    bool told_error_ = false;
    std::size_t gathered_ = 0;
    const char* lost_ = nullptr;
    std::string* out_ = nullptr;
};

}  // namespace understudy::dialects
