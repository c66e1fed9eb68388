// Where the beginning of a continuation repeats the end, or all, of what was sent before, and what
// has to stand between the two. Pure functions over text; proxy/rescue/seam.hpp feeds them.
//
// A word here is a run of letters and digits. Scripts that put no spaces between words (Han, kana,
// Thai ...) count each character as a word.
#pragma once

#include "proxy/rescue/wrapping.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

/// What is known of the beginning of a continuation.
struct Overlap {
    std::size_t bytes = 0;          // at its front that were sent already
    bool settled = false;           // more of it will not change that
    bool repeated = false;          // something was: then what follows goes on exactly there
    std::vector<Wrapper> wrappers;  // opened before it, and not closed right behind it
};

/// How far back the end of what was sent is compared.
inline constexpr std::size_t kTailBytes = 400;

/// For a prefilled continuation, in which nothing should be repeated: only a repetition that can be
/// no accident counts, byte for byte: at least 40 bytes and five words, and not in a text that
/// repeats itself anyway. `sent` without white space at its end.
Overlap accidental_overlap(std::string_view sent, std::string_view head);

/// For an instructed continuation, which may begin with any of the last words, behind white space,
/// quotes, an ellipsis, a code fence or an introduction that quotes them. White space counts the
/// same whatever it is; the overlap begins with a word. Words that any answer may begin with are
/// none. `last`: no more of it will come.
Overlap instructed_overlap(std::string_view sent, std::string_view head, bool last);

/// Whether a text repeats itself so much that a repetition says nothing ("0, 0, 0, 0").
bool repeats_itself(std::string_view text);

/// What has to be written between `sent` and `rest`, the continuation behind its overlap: `skip`
/// bytes of `rest` are left out and `glue` put in, so that neither two words become one, nor white
/// space doubles.
struct Joint {
    std::size_t skip = 0;
    std::string glue;
};

/// `rest` goes on exactly where `sent` ended, but for the white space at its end, which the
/// upstream has not seen and writes again.
Joint join_exactly(std::string_view sent, std::string_view rest);
/// `rest` begins with the character that `sent` ends in the middle of; no skip: it does not.
Joint finish_character(std::string_view sent, std::string_view rest);

}  // namespace understudy::proxy::rescue
