// What a client asks, in no dialect: the form between any two. A reader of each dialect makes it of
// a body, a writer makes a body of it. Texts are slices of the client's body, with the escapes that
// they were written with; whatever had to be made anew is kept in the talk itself.
#pragma once

#include "dialects/value.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::dialects {

/// Who issued what only its issuer can read: thoughts in sealed form.
enum class SealKind : std::uint8_t { none, claude, openai, gemini };

struct Media {
    enum class Kind : std::uint8_t { image, document, audio };
    enum class Source : std::uint8_t { base64, url, file, text };
    Kind kind = Kind::image;
    Source source = Source::base64;
    std::string type;        // "image/png"; "" when nobody said
    std::string_view data;   // base64, or the id of a file, or text: the inside of a string
    std::string_view url;    // the inside of a string
    std::string_view title;  // of a document, likewise
};

struct Block {
    enum class Kind : std::uint8_t {
        text,
        media,
        call,      // of a tool, by the assistant
        result,    // of such a call, in a turn of the user's
        thinking,  // with or without its seal
        sealed,    // thoughts of which only the seal is there
    };
    Block() = default;
    explicit Block(Kind k) : kind(k) {}
    Kind kind = Kind::text;
    std::string_view content;  // of text, thinking and sealed: the inside of a string
    std::string_view seal;     // of thinking and calls: the inside of a string
    SealKind sealed_by = SealKind::none;
    Media media;
    std::string id;              // of a call and its result
    std::string name;            // of a call, and of a result where it is known
    std::string_view arguments;  // of a call: the inside of a string that holds JSON, or JSON
    bool arguments_escaped = false;
    bool custom = false;       // the arguments are free text, of a tool without a schema
    std::vector<Block> inner;  // of a result
    bool is_error = false;     // of a result
    Value cache;               // a mark for the prompt's cache
    bool server_side = false;  // of a call that its own provider runs
};

/// Thoughts, in words or sealed.
inline bool is_thought(const Block& block) {
    return block.kind == Block::Kind::thinking || block.kind == Block::Kind::sealed;
}
/// Thoughts that Claude takes back: its own, under their seal.
inline bool is_claudes(const Block& block) {
    return is_thought(block) && block.sealed_by == SealKind::claude &&
           (block.kind == Block::Kind::sealed || !block.seal.empty());
}

enum class Role : std::uint8_t { system, user, assistant };

struct Turn {
    Role role = Role::user;
    std::vector<Block> blocks;
};

struct Tool {
    std::string name;
    std::string space;             // of tools that come in named groups; "" none
    std::string_view description;  // the inside of a string
    Value schema;                  // of the arguments; absent: it takes none
    bool strict = false;
    bool custom = false;  // takes free text
    Value cache;
};

struct Choice {
    enum class Kind : std::uint8_t { unsaid, automatic, required, named, none };
    Kind kind = Kind::unsaid;
    std::string name;
    std::vector<std::string> allowed;  // tools, where not all of them are; none: all
    std::optional<bool> parallel;
};

struct Format {
    enum class Kind : std::uint8_t { text, object, schema };
    Kind kind = Kind::text;
    std::string name;
    Value schema;
    bool strict = false;
};

/// How much thought is wanted, in words or in tokens.
struct Effort {
    std::string word;                     // none, minimal, low, medium, high, xhigh, max; "" unsaid
    std::optional<std::uint64_t> budget;  // of tokens
    bool show = false;                    // the client wants to see the thoughts
    bool said() const { return !word.empty() || budget; }
};

struct Talk {
    std::vector<Block> system;
    std::vector<Turn> turns;  // system among them: what was said in the middle
    std::vector<Tool> tools;
    Choice choice;
    Format format;
    Effort effort;
    Value max_tokens;
    Value temperature, top_p, top_k, seed, presence_penalty, frequency_penalty;
    std::vector<std::string_view> stop;  // insides of strings
    Value user;
    Value cache_key;
    bool stream = false;
    std::uint64_t answers = 1;
    bool logprobs = false;
    std::vector<std::string> dropped;  // members that the translation loses

    /// Keeps what was made anew for as long as the talk lives.
    std::string_view keep(std::string text) { return kept.emplace_back(std::move(text)); }
    void drop(std::string_view member);
    /// Whether anything bears a mark for the prompt's cache.
    bool marks_cache() const;
    /// Takes the tools out that the choice does not allow.
    void keep_allowed();
    /// A tool by name, or null.
    const Tool* tool(std::string_view name) const;
    std::deque<std::string> kept;
};

/// Why a request is not translated.
struct Problem {
    enum class Kind : std::uint8_t {
        bad_request,  // it is wrong in its own dialect
        unsupported,  // it is right, but cannot be said in the other
    };
    Kind kind = Kind::unsupported;
    std::string what;  // "documents cannot be sent to it"
};

inline Problem bad(std::string what) {
    return {Problem::Kind::bad_request, std::move(what)};
}
inline Problem unsupported(std::string what) {
    return {Problem::Kind::unsupported, std::move(what)};
}

/// What an estimate takes for a token, where nobody counts.
inline constexpr std::uint64_t kBytesPerToken = 4;

/// Why this is no limit of tokens; nullopt: it is one, a whole number of at least 1.
std::optional<Problem> check_limit(std::string_view name, Value value);

/// Why the call asked for cannot be made: no such tool. Where there are no tools, no choice is one.
std::optional<Problem> check_choice(const Talk& talk);

/// Whether the client takes one call at a time, where any may be made.
bool wants_one_call(const Talk& talk);

/// Neighbours of one role become one turn; turns without a block go.
void merge_turns(std::vector<Turn>& turns);

/// Texts joined with `glue` (escaped) between them: the inside of a string.
std::string join_text(const std::vector<Block>& blocks, std::string_view glue);

}  // namespace understudy::dialects
