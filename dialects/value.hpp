// JSON values where they stand in a text that has been validated (wire::scan_request), and a writer
// that puts new texts together. What a translation does not have to understand it copies as it is:
// strings with their escapes, numbers with their digits, schemas whole. Pure.
#pragma once

#include "dialects/steps.hpp"
#include "wire/json_cursor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::dialects {

using wire::JsonKind;

/// One value; a view that lives as long as its text. A default one is none: absent.
class Value {
  public:
    Value() = default;
    Value(JsonKind kind, std::string_view raw) : kind_(kind), raw_(raw) {}
    /// The first value of any text; absent when there is none that is well-formed.
    static Value of(std::string_view text);
    /// The one value that a text is which has been validated: it is not gone through again.
    static Value standing(std::string_view text);

    bool present() const { return raw_.data() != nullptr; }
    /// Absent or null: to most APIs the same.
    bool nothing() const { return !present() || kind_ == JsonKind::null; }
    bool is_string() const { return present() && kind_ == JsonKind::string; }
    bool is_object() const { return present() && kind_ == JsonKind::object; }
    bool is_array() const { return present() && kind_ == JsonKind::array; }
    bool is_number() const { return present() && kind_ == JsonKind::number; }
    bool is_true() const { return present() && kind_ == JsonKind::boolean && raw_[0] == 't'; }
    JsonKind kind() const { return kind_; }
    std::string_view raw() const { return raw_; }

    /// What stands between the quotes, escapes as written; empty when this is no string.
    std::string_view content() const;
    /// The string decoded; empty when this is none.
    std::string text() const;
    /// Whether it is this string. `plain` is ASCII without anything to escape.
    bool is(std::string_view plain) const { return is_string() && text_is(plain); }
    /// What is said where a text should stand, as the inside of a string: of a string its content,
    /// of an absent or null one nothing, of anything else its JSON, for which `made` is the room.
    std::string_view said(std::string& made) const;
    /// The number as an integer of at least 0; `otherwise` when it is none.
    std::uint64_t count(std::uint64_t otherwise = 0) const;
    double number(double otherwise = 0) const;

    /// The last member of this name; absent when there is none, or this is no object.
    Value at(std::string_view key) const;
    /// Several members at once: the object is gone through but one time.
    template <std::size_t N>
    std::array<Value, N> pick(const std::string_view (&keys)[N]) const {
        std::array<Value, N> found;
        members([&](std::string_view key, Value value) {
            for (std::size_t i = 0; i < N; ++i) {
                if (key == keys[i]) found[i] = value;
            }
        });
        return found;
    }
    bool empty() const;  // of a string, array or object

    /// f(std::string_view key, Value) for each member, key decoded.
    template <class F>
    void members(F&& f) const {
        if (!is_object()) return;
        const char* const end = raw_.data() + raw_.size();
        Step step;
        for (const char* p = raw_.data() + 1; step_to_member(p, end, step); p = step.behind) {
            const auto size = static_cast<std::size_t>(step.behind - step.value);
            const Value value(kind_at(*step.value), {step.value, size});
            if (step.escaped_key) [[unlikely]] {
                f(std::string_view(decoded(step.key)), value);
            } else {
                f(step.key, value);
            }
        }
    }
    /// f(Value) for each element.
    template <class F>
    void elements(F&& f) const {
        if (!is_array()) return;
        const char* const end = raw_.data() + raw_.size();
        Step step;
        for (const char* p = raw_.data() + 1; step_to_element(p, end, step); p = step.behind) {
            const auto size = static_cast<std::size_t>(step.behind - step.value);
            f(Value(kind_at(*step.value), {step.value, size}));
        }
    }

  private:
    bool text_is(std::string_view plain) const;
    static std::string decoded(std::string_view key);

    JsonKind kind_ = JsonKind::null;
    std::string_view raw_;
};

/// Appends JSON to a text. Commas are put where they belong; braces are the caller's to match.
class Writer {
  public:
    explicit Writer(std::string& out) : out_(&out) {}

    Writer& open(char bracket) {
        comma();
        *out_ += bracket;
        return *this;
    }
    Writer& close(char bracket) {
        *out_ += bracket;
        return *this;
    }
    /// `name` is ASCII without anything to escape.
    Writer& key(std::string_view name);
    /// A whole JSON value as it is.
    Writer& raw(std::string_view json) {
        comma();
        *out_ += json;
        return *this;
    }
    /// A whole JSON value of another's as it is, but on one line, as an event needs it.
    Writer& on_one_line(std::string_view json);
    /// A string from what stands between its quotes.
    Writer& content(std::string_view content) {
        comma();
        out_->append(1, '"').append(content).append(1, '"');
        return *this;
    }
    /// A string from plain text.
    Writer& text(std::string_view text);
    /// The same, where an empty one means that there is none.
    Writer& text_or_null(std::string_view text) { return text.empty() ? null() : this->text(text); }
    Writer& number(std::uint64_t number) { return raw(std::to_string(number)); }
    Writer& boolean(bool flag) { return raw(flag ? "true" : "false"); }
    Writer& null() { return raw("null"); }

  private:
    bool needs_comma() const {
        if (out_->empty()) return false;
        const char last = out_->back();
        return last != '{' && last != '[' && last != ':' && last != ' ';
    }
    void comma() {
        if (needs_comma()) *out_ += ',';
    }
    std::string* out_;
};

/// The inside of a JSON string that says `text`.
std::string escaped(std::string_view text);
/// What the inside of a JSON string says.
std::string unescaped(std::string_view content);
/// Appends the inside of a JSON string that says `text`.
void append_escaped(std::string& out, std::string_view text);

/// Appends JSON that may stand on several lines as one that does not: outside of its strings it
/// does not care.
void append_on_one_line(std::string& out, std::string_view json);

/// Whether a text is one JSON object, and nothing else.
bool is_object_text(std::string_view text);

/// Nothing but white space, written plainly or with escapes.
bool is_blank(std::string_view content);
/// How much of the inside of a string can be told by itself: all of it but the first half of a
/// character that is written as two escapes. Some clients refuse a text with such a half in it.
std::size_t tellable(std::string_view content);
/// Makes U+FFFD of each half whose other half is not there, in a text that is written on, from
/// `from` up to `to`; nothing moves. A half at `to` has no other half.
void mend_halves(std::string& content, std::size_t from = 0, std::size_t to = std::string::npos);
/// Whether there is one.
bool has_lone_half(std::string_view content);
/// The inside of a string without the white space at its end.
std::string_view without_trailing_space(std::string_view content);

}  // namespace understudy::dialects
