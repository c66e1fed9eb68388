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

/// Open containers, one bit each: nesting costs no call stack and no allocation.
class Nesting {
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

constexpr const char* kTooDeep = "nesting deeper than 512";

}  // namespace

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

bool JsonCursor::take(JsonValue& value) noexcept {
    const char* const from = p_;
    if (!peek(value.kind) || !skip()) return false;
    value.raw = {from, static_cast<std::size_t>(p_ - from)};
    return true;
}

bool JsonCursor::skip() noexcept {
    if (p_ != end_ && (*p_ == '{' || *p_ == '[')) return skip_nested();
    return skip_scalar();
}

bool JsonCursor::enter() noexcept {
    if (depth_ == kMaxJsonDepth) return fail(kTooDeep);
    ++depth_;
    ++p_;
    skip_space();
    return true;
}

bool JsonCursor::skip_colon() noexcept {
    skip_space();
    if (p_ == end_ || *p_ != ':') return fail("expected ':'");
    ++p_;
    skip_space();
    return true;
}

bool JsonCursor::take_key(std::string_view& key) {
    if (p_ == end_) return fail("unterminated object");
    if (*p_ != '"') return fail("expected a key");
    const char* const from = p_;
    bool escaped = false;
    if (!skip_string(escaped)) return false;
    key_ = {static_cast<std::size_t>(from - begin_), offset()};
    if (escaped) [[unlikely]] {
        decoded_key_ = *decode_string({from, key_.size()});
        key = decoded_key_;
    } else {
        key = {from + 1, key_.size() - 2};
    }
    return skip_colon();
}

bool JsonCursor::skip_key() noexcept {
    if (p_ == end_) return fail("unterminated object");
    if (*p_ != '"') return fail("expected a key");
    bool escaped = false;
    return skip_string(escaped) && skip_colon();
}

bool JsonCursor::skip_string(bool& escaped) noexcept {
    ++p_;
    for (;;) {
        p_ = detail::find_string_stop(p_, end_);
        if (p_ == end_) return fail("unterminated string");
        if (*p_ == '"') {
            ++p_;
            return true;
        }
        if (*p_ != '\\') return fail("control character in a string");
        escaped = true;
        if (!skip_escape()) return false;
    }
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

bool JsonCursor::skip_number() noexcept {
    const auto digits = [this] {
        const char* const from = p_;
        while (p_ != end_ && is_digit(*p_)) ++p_;
        return p_ != from;
    };
    if (*p_ == '-') ++p_;
    if (p_ != end_ && *p_ == '0') {
        ++p_;  // a leading zero stands alone
        if (p_ != end_ && is_digit(*p_)) return fail("invalid number");
    } else if (!digits()) {
        return fail("invalid number");
    }
    if (p_ != end_ && *p_ == '.') {
        ++p_;
        if (!digits()) return fail("invalid number");
    }
    if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
        ++p_;
        if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
        if (!digits()) return fail("invalid number");
    }
    return true;
}

bool JsonCursor::skip_literal(std::string_view word) noexcept {
    const std::string_view rest{p_, static_cast<std::size_t>(end_ - p_)};
    if (!rest.starts_with(word)) {
        if (word.starts_with(rest)) p_ = end_;  // cut, not wrong
        return fail("invalid literal");
    }
    p_ += word.size();
    return true;
}

bool JsonCursor::skip_scalar() noexcept {
    if (p_ == end_) return fail("value missing");
    bool escaped = false;
    switch (*p_) {
        case '"':
            return skip_string(escaped);
        case 't':
            return skip_literal("true");
        case 'f':
            return skip_literal("false");
        case 'n':
            return skip_literal("null");
        default:
            break;
    }
    if (*p_ == '-' || is_digit(*p_)) return skip_number();
    return fail("expected a value");
}

bool JsonCursor::skip_nested() noexcept {
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
        } else if (!skip_scalar()) {
            return false;
        }
        // Behind a value: close what closes here, up to the next comma.
        for (;;) {
            if (open.empty()) return true;
            skip_space();
            if (p_ == end_)
                return fail(open.in_object() ? "unterminated object" : "unterminated array");
            if (*p_ == ',') break;
            if (*p_ != open.closer()) {
                return fail(open.in_object() ? "expected ',' or '}'" : "expected ',' or ']'");
            }
            ++p_;
            open.pop();
        }
        ++p_;
        skip_space();
        if (open.in_object() && !skip_key()) return false;
    }
}

}  // namespace understudy::wire
