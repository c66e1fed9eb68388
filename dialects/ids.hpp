// Names and ids that one API takes and another refuses, made fit: always in the same way, so that
// nobody has to remember anything between two requests. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace understudy::dialects {

/// What ids or names may consist of there.
struct Alphabet {
    std::string_view others;  // besides letters, digits, '_' and '-'
    std::size_t most = 64;
};
inline constexpr Alphabet kAnthropicId{"", 128};
inline constexpr Alphabet kOpenAiId{".:", 64};
inline constexpr Alphabet kGoogleId{".:", 128};
inline constexpr Alphabet kToolName{"", 64};

/// `id` where it is legal, else one that stands for it: "us_" and 24 hex digits of its SHA-256.
/// Of an empty one it stays empty.
std::string legal_id(std::string_view id, const Alphabet& alphabet);

/// `id` where it is nine letters and digits, which is all that Mistral takes, else nine that stand
/// for it, made of its SHA-256. Of an empty one it stays empty.
std::string nine_letters(std::string_view id);

/// An id for what has none: `prefix` and 24 characters that depend on all that is given.
std::string minted_id(std::string_view prefix, std::string_view seed, std::size_t number);

/// Who the user is, in the 64 bytes that OpenAI's API takes: `user`, or the hex digits of its
/// SHA-256 where it is longer.
std::string short_user(std::string_view user);

/// Tool names as they are sent, and what they stand for. A name that is too long or has other
/// characters becomes its first 55 legal ones, '_' and 8 hex digits of its SHA-256.
class ToolNames {
  public:
    explicit ToolNames(const Alphabet& alphabet = kToolName) : alphabet_(alphabet) {}
    /// As it is sent; remembered where that is another name.
    std::string sent(std::string_view name);
    /// What a name that came back stands for.
    std::string_view original(std::string_view sent) const;
    bool empty() const { return originals_.empty(); }
    /// Remembers that `sent` stands for `name`, whoever made it.
    void remember(std::string_view sent, std::string_view name);

  private:
    Alphabet alphabet_;
    std::map<std::string, std::string, std::less<>> originals_;
};

}  // namespace understudy::dialects
