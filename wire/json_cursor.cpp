#include "wire/json_cursor.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace understudy::wire {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr const char* kTooDeep = "nesting deeper than 512";

}  // namespace

/// Open containers, one bit each: nesting costs no call stack and no allocation.
class JsonCursor::Nesting {
  public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    bool in_object() const noexcept { return in_object_; }
    char closer() const noexcept { return in_object_ ? '}' : ']'; }

    void push(bool object) noexcept {
        const std::uint64_t bit = std::uint64_t{1} << (size_ % 64);
        auto& word = bits_[size_ / 64];
        word = object ? (word | bit) : (word & ~bit);
        ++size_;
        in_object_ = object;
    }
    void pop() noexcept {
        --size_;
        if (size_ == 0) return;
        in_object_ = ((bits_[(size_ - 1) / 64] >> ((size_ - 1) % 64)) & 1U) != 0;
    }

  private:
    std::array<std::uint64_t, kMaxJsonDepth / 64> bits_{};
    std::size_t size_ = 0;
    bool in_object_ = false;
};

bool JsonValue::is_empty() const noexcept {
    if (kind == JsonKind::string) return raw.size() == 2;
    if (kind != JsonKind::array && kind != JsonKind::object) return false;
    const std::size_t first = raw.find_first_not_of(" \t\r\n", 1);
    return first == raw.size() - 1;
}

bool JsonValue::truthy() const noexcept {
    switch (kind) {
        case JsonKind::null:
            return false;
        case JsonKind::boolean:
            return raw.front() == 't';
        case JsonKind::number: {
            const std::string_view mantissa = raw.substr(0, raw.find_first_of("eE"));
            return mantissa.find_first_of("123456789") != std::string_view::npos;
        }
        default:
            return !is_empty();
    }
}

bool JsonCursor::fail(const char* what) noexcept {
    // The first problem is the one that says where the text went wrong.
    if (!problem_) problem_ = JsonProblem{offset(), what};
    return false;
}

void JsonCursor::skip_preamble() noexcept {
    if (static_cast<std::size_t>(end_ - p_) >= kBom.size() &&
        std::memcmp(p_, kBom.data(), kBom.size()) == 0) {
        p_ += kBom.size();
    }
    skip_space();
}

bool JsonCursor::finish() noexcept {
    skip_space();
    return p_ == end_ || fail("text behind the end of the JSON value");
}

bool JsonCursor::peek(JsonKind& kind) noexcept {
    if (p_ == end_) return fail("value missing");
    switch (*p_) {
        case '"':
            kind = JsonKind::string;
            return true;
        case '{':
            kind = JsonKind::object;
            return true;
        case '[':
            kind = JsonKind::array;
            return true;
        case 't':
        case 'f':
            kind = JsonKind::boolean;
            return true;
        case 'n':
            kind = JsonKind::null;
            return true;
        default:
            break;
    }
    if (*p_ != '-' && !is_digit(*p_)) return fail("expected a value");
    kind = JsonKind::number;
    return true;
}

bool JsonCursor::fail_too_deep() noexcept {
    return fail(kTooDeep);
}

/// Behind a key, at whatever keeps the colon or the value from following at once.
bool JsonCursor::skip_spaced_colon() noexcept {
    skip_space();
    if (p_ == end_ || *p_ != ':') return fail("expected ':'");
    ++p_;
    skip_space();
    return true;
}

inline bool JsonCursor::skip_colon() noexcept {
    // As minified JSON has it.
    if (end_ - p_ >= 2 && *p_ == ':' && !is_space(p_[1])) [[likely]] {
        ++p_;
        return true;
    }
    return skip_spaced_colon();
}

inline const char* JsonCursor::find_string_stop(const char* from) const noexcept {
    if (clear_ != nullptr) [[unlikely]]
        return find_string_stop_by_blocks(from);
    return detail::find_string_stop(from, end_, begin_);
}

const char* JsonCursor::find_string_stop_by_blocks(const char* from) const noexcept {
    for (;;) {
        const auto run = clear_->run_behind(static_cast<std::size_t>(from - begin_));
        // Where no run begins the stop is in this block or the next, or nothing is known yet.
        if (run == ClearBlocks::kNone) return detail::find_string_stop(from, end_, begin_);
        const char* const edge = begin_ + run;
        const char* const stop = detail::find_string_stop(from, edge, begin_);
        if (stop != edge) return stop;
        from = begin_ + clear_->end_of_run(run);
    }
}

/// At the opening quote. Most strings are short and have no escape: one block ends them.
inline bool JsonCursor::skip_string() noexcept {
    const char* const stop = detail::find_near_string_stop(p_ + 1, end_);
    if (stop == nullptr || *stop != '"') return skip_far_string();
    p_ = stop + 1;
    return true;
}

bool JsonCursor::skip_far_string() noexcept {
    p_ = find_string_stop(p_ + 1);
    return skip_rest_of_string();
}

/// At the first byte of a string that is not plain, or at the end of the text.
bool JsonCursor::skip_rest_of_string() noexcept {
    for (;;) {
        if (p_ == end_) return fail("unterminated string");
        if (*p_ == '"') {
            ++p_;
            return true;
        }
        if (*p_ != '\\') return fail("control character in a string");
        if (!skip_escape()) return false;
        p_ = find_string_stop(p_);
    }
}

inline bool JsonCursor::skip_key() noexcept {
    if (p_ == end_ || *p_ != '"') [[unlikely]]
        return fail_at_key();
    return skip_string() && skip_colon();
}

bool JsonCursor::take_any_key(std::string_view& key) {
    const char* const from = p_;
    if (p_ == end_ || *p_ != '"') return fail_at_key();
    // Keys that do not end within one look end within two.
    constexpr std::ptrdiff_t one_look = 16;
    const char* const first = p_ + 1;
    const char* stop = detail::find_near_string_stop(first, end_);
    if (stop == nullptr && end_ - first > one_look) {
        stop = detail::find_near_string_stop(first + one_look, end_);
    }
    p_ = stop != nullptr ? stop : detail::find_string_stop(first, end_, begin_);
    const bool plain = p_ != end_ && *p_ == '"';
    if (!skip_rest_of_string()) return false;
    key_begin_ = from;
    key_end_ = p_;
    key = {from + 1, static_cast<std::size_t>(p_ - from) - 2};
    if (!plain) {
        decode_content(key, decoded_key_);
        key = decoded_key_;
    }
    return skip_colon();
}

bool JsonCursor::fail_at_key() noexcept {
    return fail(p_ == end_ ? "unterminated object" : "expected a key");
}

bool JsonCursor::skip_escape() noexcept {
    if (end_ - p_ < 2) {
        p_ = end_;
        return fail("unterminated string");
    }
    switch (p_[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            p_ += 2;
            return true;
        case 'u':
            break;
        default:
            return fail("invalid escape in a string");
    }
    for (int i = 2; i < 6; ++i) {
        if (p_ + i == end_) {
            p_ = end_;
            return fail("unterminated string");
        }
        if (!is_hex(p_[i])) return fail("invalid \\u escape in a string");
    }
    p_ += 6;
    return true;
}

bool JsonCursor::skip_digits() noexcept {
    const char* p = p_;
    while (p != end_ && is_digit(*p)) ++p;
    const bool any = p != p_;
    p_ = p;
    return any || fail("invalid number");
}

inline bool JsonCursor::skip_number() noexcept {
    if (*p_ == '-') ++p_;
    const char* const first = p_;
    const char* p = first;
    while (p != end_ && is_digit(*p)) ++p;
    p_ = p;
    if (p == first) return fail("invalid number");
    if (*first == '0' && p - first > 1) {
        p_ = first + 1;  // a leading zero stands alone
        return fail("invalid number");
    }
    return p == end_ || (*p != '.' && (*p | 0x20) != 'e') || skip_fraction();
}

/// The part of a number that an integer does not have.
bool JsonCursor::skip_fraction() noexcept {
    if (*p_ == '.') {
        ++p_;
        if (!skip_digits()) return false;
    }
    if (p_ == end_ || (*p_ | 0x20) != 'e') return true;
    ++p_;
    if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
    return skip_digits();
}

inline bool JsonCursor::skip_literal(std::string_view word) noexcept {
    const std::string_view rest{p_, static_cast<std::size_t>(end_ - p_)};
    if (!rest.starts_with(word)) {
        if (word.starts_with(rest)) p_ = end_;  // cut, not wrong
        return fail("invalid literal");
    }
    p_ += word.size();
    return true;
}

/// Takes one value and says what it was.
[[gnu::always_inline]] inline bool JsonCursor::pass(JsonKind& kind) noexcept {
    if (p_ == end_) return fail("value missing");
    switch (*p_) {
        case '"':
            kind = JsonKind::string;
            return skip_string();
        case '{':
        case '[':
            return skip_nested(kind);
        case 't':
            kind = JsonKind::boolean;
            return skip_literal("true");
        case 'f':
            kind = JsonKind::boolean;
            return skip_literal("false");
        case 'n':
            kind = JsonKind::null;
            return skip_literal("null");
        default:
            break;
    }
    if (*p_ != '-' && !is_digit(*p_)) return fail("expected a value");
    kind = JsonKind::number;
    return skip_number();
}

bool JsonCursor::take(JsonValue& value) noexcept {
    const char* const from = p_;
    if (!pass(value.kind)) return false;
    value.raw = {from, static_cast<std::size_t>(p_ - from)};
    return true;
}

bool JsonCursor::skip() noexcept {
    JsonKind kind = JsonKind::null;
    return pass(kind);
}

/// At a container: its values are passed one by one, only the containers in it are kept count of.
bool JsonCursor::skip_nested(JsonKind& kind) noexcept {
    kind = *p_ == '{' ? JsonKind::object : JsonKind::array;
    Nesting open;
    for (;;) {
        if (p_ != end_ && (*p_ == '{' || *p_ == '[')) {
            if (depth_ + open.size() == kMaxJsonDepth) return fail(kTooDeep);
            open.push(*p_ == '{');
            ++p_;
            skip_space();
            if (p_ == end_ || *p_ != open.closer()) {
                if (open.in_object() && !skip_key()) return false;
                continue;
            }
            ++p_;
            open.pop();
        } else if (!skip()) {
            return false;
        }
        if (!close_nested(open)) return false;
        if (open.empty()) return true;
        ++p_;
        skip_space();
        if (open.in_object() && !skip_key()) return false;
    }
}

/// Behind a value: closes what closes here, up to the next comma.
inline bool JsonCursor::close_nested(Nesting& open) noexcept {
    while (!open.empty()) {
        skip_space();
        if (p_ == end_) {
            return fail(open.in_object() ? "unterminated object" : "unterminated array");
        }
        if (*p_ == ',') return true;
        if (*p_ != open.closer()) {
            return fail(open.in_object() ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        ++p_;
        open.pop();
    }
    return true;
}

}  // namespace understudy::wire
