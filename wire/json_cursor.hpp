// A validating walk through JSON text, forwards only, without a tree: the caller looks at the
// members it cares about and skips the rest. Everything walked over has been checked, so a walk
// that ends well has proved the text well-formed.
//
// Internal to wire: json_scan.hpp is what others use. Nothing allocates except the decoding of a
// key that was written with escapes.
#pragma once

#include "wire/byte_search.hpp"
#include "wire/clear_blocks.hpp"
#include "wire/json_scan.hpp"

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// One value of the text: what it is, and its bytes.
struct JsonValue {
    JsonKind kind = JsonKind::null;
    std::string_view raw;

    /// Between the quotes, escapes as written; empty when this is not a string.
    std::string_view string_content() const noexcept {
        return kind == JsonKind::string ? raw.substr(1, raw.size() - 2) : std::string_view{};
    }
    bool is_true() const noexcept { return kind == JsonKind::boolean && raw.front() == 't'; }
    /// A string, array or object with nothing in it.
    bool is_empty() const noexcept;
    /// What most languages take for true: true, a number other than 0, anything not empty.
    bool truthy() const noexcept;
};

/// Decodes what stands between the quotes of a string that has been walked over; replaces what
/// `out` holds and reuses its memory. What decode_string does after its own check.
void decode_content(std::string_view content, std::string& out);

class JsonCursor {
  public:
    /// `clear`, where given, is what is known of this very text; it outlives the walk.
    explicit JsonCursor(std::string_view text, const ClearBlocks* clear = nullptr) noexcept
        : begin_(text.data()), p_(begin_), end_(begin_ + text.size()), clear_(clear) {}

    /// Skips a UTF-8 BOM and white space: call before the outermost value.
    void skip_preamble() noexcept;
    /// True when only white space follows; a problem otherwise.
    bool finish() noexcept;

    bool at_end() const noexcept { return p_ == end_; }
    bool at_object() const noexcept { return p_ != end_ && *p_ == '{'; }
    std::size_t offset() const noexcept { return static_cast<std::size_t>(p_ - begin_); }
    /// Kind of the value that begins here, judged by its first byte; problem when none can.
    bool peek(JsonKind& kind) noexcept;

    /// Takes one value, whatever it is.
    bool take(JsonValue& value) noexcept;
    bool skip() noexcept;

    /// Steps over `text` if that is what comes next; for text known to end between two tokens.
    bool take_literal(std::string_view text) noexcept {
        if (static_cast<std::size_t>(end_ - p_) < text.size() ||
            std::memcmp(p_, text.data(), text.size()) != 0) {
            return false;
        }
        p_ += text.size();
        return true;
    }

    /// At '{': calls on_member(key) for each member, key decoded and without quotes. on_member must
    /// take exactly one value and return false to give up.
    template <class OnMember>
    bool each_member(OnMember&& on_member);
    /// At '[': calls on_element() for each element; same duties.
    template <class OnElement>
    bool each_element(OnElement&& on_element);

    /// each_member for a value that may be anything: what is not an object is skipped.
    template <class OnMember>
    bool object_members(OnMember&& on_member);

    /// The token of the key that on_member was called with last.
    Span key_token() const noexcept {
        return {static_cast<std::size_t>(key_begin_ - begin_),
                static_cast<std::size_t>(key_end_ - begin_)};
    }

    [[gnu::cold]] bool fail(const char* what) noexcept;
    std::optional<JsonProblem> problem() const noexcept { return problem_; }

  private:
    class Nesting;

    void skip_space() noexcept {
        while (p_ != end_ && is_space(*p_)) ++p_;
    }
    static bool is_space(char c) noexcept {
        return static_cast<unsigned char>(c) <= ' ' &&
               (c == ' ' || c == '\n' || c == '\r' || c == '\t');
    }
    bool enter() noexcept {
        if (depth_ == kMaxJsonDepth) return fail_too_deep();
        ++depth_;
        ++p_;
        skip_space();
        return true;
    }
    bool fail_too_deep() noexcept;
    bool leave() noexcept {
        ++p_;
        --depth_;
        return true;
    }
    bool pass(JsonKind& kind) noexcept;
    bool take_key(std::string_view& key);
    bool take_any_key(std::string_view& key);
    bool fail_at_key() noexcept;
    bool skip_key() noexcept;
    bool skip_colon() noexcept;
    bool skip_spaced_colon() noexcept;
    const char* find_string_stop(const char* from) const noexcept;
    const char* find_string_stop_by_blocks(const char* from) const noexcept;
    bool skip_string() noexcept;
    bool skip_far_string() noexcept;
    bool skip_rest_of_string() noexcept;
    bool skip_escape() noexcept;
    bool skip_number() noexcept;
    bool skip_fraction() noexcept;
    bool skip_digits() noexcept;
    bool skip_literal(std::string_view word) noexcept;
    bool skip_nested(JsonKind& kind) noexcept;
    bool close_nested(Nesting& open) noexcept;

    const char* begin_;
    const char* p_;
    const char* end_;
    const ClearBlocks* clear_;
    std::size_t depth_ = 0;  // containers entered by each_member and each_element
    const char* key_begin_ = nullptr;
    const char* key_end_ = nullptr;
    std::string decoded_key_;  // of a key with escapes
    std::optional<JsonProblem> problem_;
};

inline bool JsonCursor::take_key(std::string_view& key) {
    // As minified JSON has it; no call here, so that this costs no stack frame.
    const char* const from = p_;
    if (end_ - from >= 2 && *from == '"') [[likely]] {
        const char* const stop = detail::find_near_string_stop(from + 1, end_);
        if (stop != nullptr && *stop == '"' && end_ - stop > 2 && stop[1] == ':' &&
            !is_space(stop[2])) [[likely]] {
            p_ = stop + 2;
            key_begin_ = from;
            key_end_ = stop + 1;
            key = {from + 1, static_cast<std::size_t>(stop - from) - 1};
            return true;
        }
    }
    return take_any_key(key);
}

template <class OnMember>
bool JsonCursor::each_member(OnMember&& on_member) {
    if (!enter()) return false;
    if (p_ != end_ && *p_ == '}') return leave();
    for (;;) {
        std::string_view key;
        if (!take_key(key) || !on_member(key)) return false;
        skip_space();
        if (p_ == end_) return fail("unterminated object");
        if (*p_ == '}') return leave();
        if (*p_ != ',') return fail("expected ',' or '}'");
        ++p_;
        skip_space();
    }
}

template <class OnElement>
bool JsonCursor::each_element(OnElement&& on_element) {
    if (!enter()) return false;
    if (p_ != end_ && *p_ == ']') return leave();
    for (;;) {
        if (!on_element()) return false;
        skip_space();
        if (p_ == end_) return fail("unterminated array");
        if (*p_ == ']') return leave();
        if (*p_ != ',') return fail("expected ',' or ']'");
        ++p_;
        skip_space();
    }
}

template <class OnMember>
bool JsonCursor::object_members(OnMember&& on_member) {
    if (!at_object()) return skip();
    return each_member(on_member);
}

/// scan_object, which calls on_member(decoded key, member) for each member on the way: before the
/// text has proved to be well-formed.
template <class OnMember>
std::optional<JsonProblem> walk_object(std::string_view text, std::vector<JsonMember>& members,
                                       Span& object, OnMember&& on_member,
                                       const ClearBlocks* clear = nullptr) {
    constexpr std::size_t usual_members = 16;
    members.clear();
    members.reserve(usual_members);
    JsonCursor in(text, clear);
    in.skip_preamble();
    if (!in.at_object()) {
        in.fail(in.at_end() ? "empty text" : "not a JSON object");
        return in.problem();
    }
    object.begin = in.offset();
    const bool walked = in.each_member([&](std::string_view key) {
        if (members.size() == kMaxJsonMembers) return in.fail("more than 1024 members");
        JsonMember& member = members.emplace_back();
        member.key = in.key_token();
        JsonValue value;
        member.value.begin = in.offset();
        if (!in.take(value)) return false;
        member.value.end = in.offset();
        member.kind = value.kind;
        on_member(key, member);
        return true;
    });
    object.end = in.offset();
    if (walked) in.finish();
    return in.problem();
}

}  // namespace understudy::wire
