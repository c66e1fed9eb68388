// Seals of one provider's thoughts in the hands of another API's client. They travel in the field
// that its dialect has for seals, behind a mark that names whose they are; when they come back they
// are told apart by it, so that nothing has to be remembered. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "wire/dialect.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects {

/// What stands in front of a seal that is not the dialect's own: this, and whose it is.
inline constexpr std::string_view kSealMark = "understudy-seal-";
/// The same in base64, as far as it is the same whatever follows: Google's clients take a seal for
/// bytes.
inline constexpr std::string_view kSealMarkBase64 = "dW5kZXJzdHVkeS1zZWFs";

/// What a seal was found on: Google puts one on a call as well. Claude has one for a thought, which
/// may be without words, and another form for thoughts that it shows to nobody.
enum class SealOf : std::uint8_t { thoughts, redacted, call };
/// `alone`: as AnswerSink::seal() is told.
constexpr SealOf seal_of(SealKind by, bool alone) {
    return alone && by == SealKind::claude ? SealOf::redacted : SealOf::thoughts;
}

/// A seal as it stands in a client's field: as it is where it is its own, marked where not. Both
/// are insides of JSON strings.
std::string sealed_for(wire::Dialect client, SealKind by, std::string_view seal,
                       SealOf of = SealOf::thoughts);

/// Gives marked seals back to whom they belong: `sealed_by` and the seal as it was, on the thought
/// or the call that it was on. Pieces of a thought before its seal become one thought, those in
/// several turns of Google's too: some clients keep each chunk of a stream as one. Only the
/// mark that this client is given counts, and behind base64 none but plain characters: they are
/// written into requests as they are.
void unmark_seals(Talk& talk, wire::Dialect client);

/// Thoughts as they are told, each with its seal: for writers that say them when all is there.
struct Thought {
    std::string text;  // the inside of a string; "" where it is not shown
    std::string seal;  // likewise, as sealed_for() made it
    bool sealed = false;
};
class Thoughts {
  public:
    void add(std::string_view text);
    /// `alone`: of thoughts that were not shown.
    void seal(std::string seal, bool alone);
    const std::vector<Thought>& all() const { return all_; }
    std::vector<Thought>& all() { return all_; }

  private:
    std::vector<Thought> all_;
};

}  // namespace understudy::dialects
