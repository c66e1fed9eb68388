// Watches an answer that is passed on as it comes, because it is too large to be held: whether it
// comes to its end, whether it is an answer or an error, and what it says at its top of usage,
// model and tier of service. Looks at each byte once and keeps only those. Pure; how the text is
// cut makes no difference.
#pragma once

#include "wire/answer.hpp"
#include "wire/answer_traits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::wire {

/// What has been said so far.
struct PassingFacts {
    std::optional<Usage> usage;
    std::string model;
    std::string service_tier;
    bool error = false;            // of a stream: some event has told one
    std::uint64_t text_bytes = 0;  // of one answer: what the model wrote, roughly
};

/// One JSON text. Of a list of answers (gemini_list) each counts, the later ones over the earlier.
class PassingAnswer {
  public:
    explicit PassingAnswer(AnswerShape shape) noexcept;
    /// Bytes of the text that are kept at a time; a member that is larger is not read.
    static constexpr std::size_t kMostKept = 64 << 10;

    /// The next piece of the text, from its beginning on.
    void feed(std::string_view piece);
    /// An object or array has been opened, and all that were are closed. Counts brackets outside
    /// strings and judges nothing else.
    bool reached() const noexcept { return begun_ && depth_ == 0 && !in_string_; }
    /// It tells an error, at its top or in its `response`; also one that is too long to be no error
    /// and has not come to its end.
    bool error() const noexcept {
        return error_ || (keeps_ && is_error_ && value_.size() > kLongestVoid);
    }
    /// It has had the member without which it is no answer.
    bool answered() const noexcept { return answered_; }
    /// Whole members only.
    PassingFacts facts() const;
    /// For the next text.
    void restart() noexcept;

  private:
    /// Whose member it is that is looked for.
    enum class Place : std::uint8_t { none, top, groq, inner };
    static constexpr std::size_t kPlaces = 4;
    /// An `error` that says nothing is shorter, with all its names.
    static constexpr std::size_t kLongestVoid = 256;

    std::size_t pass_string(std::string_view text);
    void pass(char c);
    void open(char c);
    void close();
    void end_key();
    void begin_value();
    void end_value();
    void keep(std::string_view text);
    void count(std::string_view text);
    Place place() const noexcept;

    bool list_;  // of answers, not one
    AnswerNeed need_;
    bool answered_;
    bool error_ = false;
    bool is_error_ = false;  // the value that is written down is of an `error`
    bool begun_ = false;
    bool in_string_ = false;
    bool escaped_ = false;      // the last byte was a backslash that stands for itself
    bool expects_key_ = false;  // a string that begins now is a key
    bool in_key_ = false;
    bool has_key_ = false;       // its colon comes next
    bool keeps_ = false;         // the value of `key_` is written down
    Place inner_ = Place::none;  // what the object is whose members stand below the top
    Place next_ = Place::none;   // and what the one is that begins next
    Place value_place_ = Place::none;
    std::size_t depth_ = 0;
    std::size_t top_ = 1;       // depth of an answer's own members
    bool counts_;               // what its model writes is text, by the token
    bool in_words_ = false;     // within the member that holds that
    std::size_t word_ = 0;      // bytes of the word that the text ends in
    std::uint64_t string_ = 0;  // of the last string, those that count: it may be a key
    std::uint64_t text_bytes_ = 0;
    std::size_t value_depth_ = 0;  // of the object whose member is written down
    std::string key_;
    std::string value_;
    std::array<std::optional<Usage>, kPlaces> usage_;  // by place
    std::string model_;
    std::string service_tier_;
};

/// The same for an event stream in which some event is too large to be held.
class PassingEvents {
  public:
    explicit PassingEvents(AnswerShape shape) noexcept : answer_(shape) {}

    /// The next piece, from the beginning of a line on. True: it told something new.
    bool feed(std::string_view piece);
    /// There is no more.
    bool finish();
    const PassingFacts& facts() const noexcept { return facts_; }

  private:
    void take(std::string_view text);
    void end_line();
    void end_event();

    PassingAnswer answer_;
    PassingFacts facts_;
    std::string start_;   // of a line, as far as it says what the line is
    std::string marker_;  // how the data of an event begins: it may be the end marker
    bool in_data_ = false;
    bool after_cr_ = false;
    bool done_ = false;  // the end marker went by: nothing behind it counts
    bool news_ = false;
};

}  // namespace understudy::wire
