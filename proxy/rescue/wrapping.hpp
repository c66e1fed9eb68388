// Marks that a model puts around an answer that it was to give bare: quotes, a code fence,
// emphasis, the marks of the instruction. What opens one is skipped (lead_in.hpp); what closes it
// at the very end is left out here, by one rule: a mark is left out where it ends the text and the
// text, all of it from the first stream's beginning on, has nothing open that the mark would close.
// Where that is in doubt it stays: a mark too many is told rather than one too few. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

/// One mark that was opened, and what the text has open of its kind.
class Wrapper {
  public:
    /// `count` of the glyph that opens it, in a row.
    Wrapper(std::string_view glyph, std::size_t count);

    /// A piece of the answer as the client has it, in order and in whole characters.
    void note(std::string_view text);
    /// Whether the next mark that closes belongs to the text.
    bool text_has_open() const noexcept;

    /// Bytes of what closes it at the front, or at the end, of a text; 0: it does not stand there.
    std::size_t at_front(std::string_view text) const noexcept;
    std::size_t at_end(std::string_view text) const noexcept;
    /// The text may become what closes it: it is the beginning of that.
    bool may_become(std::string_view text) const noexcept;

  private:
    enum class Kind : std::uint8_t {
        quote,  // the same mark opens and closes: every second one closes
        run,    // so many in a row, as for code and emphasis
        fence,  // of a block: it begins a line
        pair,   // one mark opens, another one closes
        tag,    // of the instruction: no text has it
    };

    static Kind kind_of(std::string_view glyph, std::size_t count) noexcept;
    void note(std::uint32_t code) noexcept;
    void note_apostrophe(std::uint32_t code) noexcept;
    void note_run(std::uint32_t code) noexcept;
    void note_fence(std::uint32_t code) noexcept;
    /// What a mark of this kind adds to what is open.
    int weight_of(std::uint32_t code) const noexcept;

    Kind kind_;
    std::size_t count_;
    std::uint32_t opening_;
    bool may_be_apostrophe_;
    std::vector<std::string> closing_;    // any of them
    std::vector<std::uint32_t> closers_;  // of a pair
    std::int64_t open_ = 0;               // marks, of a pair those that open less those that close
    std::size_t run_ = 0;                 // marks in a row that the text ends with
    bool line_begins_ = true;             // nothing but white space stands in its last line
    bool behind_letter_ = false;          // it ends with a letter
    int undecided_ = 0;                   // weight of a mark at its end that a letter would undo
};

/// The marks right before the text proper that end an introduction; empty: there are none.
std::string_view marks_at_end(std::string_view introduction) noexcept;

/// What was opened in `skipped`, marks among white space and dots; the last one is the innermost.
std::vector<Wrapper> opened_in(std::string_view skipped);

/// From where on a text may be nothing but marks that close, and white space behind them; its size:
/// it does not end with any. One that is half there counts.
std::size_t closing_from(std::string_view text, const std::vector<Wrapper>& wrappers) noexcept;

/// `end` without the marks that close nothing in the text, and without the white space behind them;
/// `end` is what closing_from() has found, and the text before it has been noted.
std::string_view without_closing(std::string_view end, const std::vector<Wrapper>& wrappers);

}  // namespace understudy::proxy::rescue
