#include "dialects/value.hpp"

#include "wire/json_text.hpp"

#include <algorithm>
#include <charconv>

namespace understudy::dialects {

Value Value::of(std::string_view text) {
    wire::JsonCursor in(text);
    in.skip_preamble();
    wire::JsonValue value;
    if (in.at_end() || !in.take(value)) return {};
    return {value.kind, value.raw};
}

Value Value::standing(std::string_view text) {
    constexpr std::string_view kBom = "\xEF\xBB\xBF";
    if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text.empty() ? Value() : Value(kind_at(text.front()), text);
}

std::string Value::decoded(std::string_view key) {
    std::string out;
    wire::decode_content(key, out);
    return out;
}

std::string_view Value::content() const {
    return is_string() ? raw_.substr(1, raw_.size() - 2) : std::string_view();
}

std::string Value::text() const {
    return is_string() ? unescaped(content()) : std::string();
}

std::string_view Value::said(std::string& made) const {
    if (is_string()) return content();
    if (nothing()) return {};
    made.clear();
    append_escaped(made, raw_);
    return made;
}

bool Value::text_is(std::string_view plain) const {
    const auto said = content();
    if (said == plain) return true;
    if (said.size() <= plain.size()) return false;  // with escapes it would be longer
    return said.find('\\') != std::string_view::npos && unescaped(said) == plain;
}

std::uint64_t Value::count(std::uint64_t otherwise) const {
    if (!is_number()) return otherwise;
    std::uint64_t count = 0;
    const char* const end = raw_.data() + raw_.size();
    const auto read = std::from_chars(raw_.data(), end, count);
    if (read.ec == std::errc() && read.ptr == end) return count;
    // "64.0" and "1e3" are whole numbers too.
    const double as_double = number(-1);
    const bool whole = as_double >= 0 && as_double < 1e15;
    return whole ? static_cast<std::uint64_t>(as_double) : otherwise;
}

double Value::number(double otherwise) const {
    if (!is_number()) return otherwise;
    double number = 0;
    const auto read = std::from_chars(raw_.data(), raw_.data() + raw_.size(), number);
    return read.ec == std::errc() ? number : otherwise;
}

Value Value::at(std::string_view key) const {
    Value found;
    members([&](std::string_view name, Value value) {
        if (name == key) found = value;
    });
    return found;
}

bool Value::empty() const {
    return wire::JsonValue{kind_, raw_}.is_empty();
}

Writer& Writer::key(std::string_view name) {
    const bool comma = needs_comma();
    const auto at = out_->size();
    out_->resize(at + name.size() + (comma ? 4 : 3));
    char* to = out_->data() + at;
    if (comma) *to++ = ',';
    *to++ = '"';
    to = std::copy(name.begin(), name.end(), to);
    *to++ = '"';
    *to = ':';
    return *this;
}

Writer& Writer::text(std::string_view text) {
    comma();
    *out_ += '"';
    append_escaped(*out_, text);
    *out_ += '"';
    return *this;
}

Writer& Writer::on_one_line(std::string_view json) {
    comma();
    append_on_one_line(*out_, json);
    return *this;
}

void append_on_one_line(std::string& out, std::string_view json) {
    const auto begin = static_cast<std::ptrdiff_t>(out.size());
    out += json;
    std::replace_if(
        out.begin() + begin, out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

std::string escaped(std::string_view text) {
    std::string out;
    append_escaped(out, text);
    return out;
}

std::string unescaped(std::string_view content) {
    std::string out;
    wire::append_exactly(out, content);
    return out;
}

void append_escaped(std::string& out, std::string_view text) {
    wire::append_encoded(out, text);
}

bool is_object_text(std::string_view text) {
    // What looks like one at a glance: a byte-order mark in front is none of ours to pass on.
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || text[first] != '{') return false;
    wire::JsonKind kind{};
    return !wire::check_json(text, kind) && kind == wire::JsonKind::object;
}

bool is_blank(std::string_view content) {
    for (std::size_t i = 0; i < content.size(); ++i) {
        const char c = content[i];
        if (c == ' ') continue;
        if (c != '\\' || i + 1 == content.size()) return false;
        const char escape = content[++i];
        if (escape != 'n' && escape != 't' && escape != 'r') return false;
    }
    return true;
}

namespace {

constexpr std::size_t kEscape = 6;  // \ud83d

/// Whether half of a character is written here, whose fourth letter is one of these.
bool is_half(std::string_view content, std::size_t at, std::string_view letters) {
    return content.size() >= at + kEscape && content[at] == '\\' && content[at + 1] == 'u' &&
           (content[at + 2] == 'd' || content[at + 2] == 'D') &&
           letters.find(content[at + 3]) != std::string_view::npos;
}

constexpr std::string_view kHigh = "89abAB";
constexpr std::string_view kLow = "cdefCDEF";

/// Where the next half without the other one is written; `at` is between two characters.
std::size_t lone_half(std::string_view content, std::size_t at) {
    while ((at = content.find('\\', at)) != std::string_view::npos) {
        if (is_half(content, at, kLow)) return at;
        if (is_half(content, at, kHigh)) {
            if (!is_half(content, at + kEscape, kLow)) return at;
            at += kEscape;
        }
        at += content.substr(at).starts_with("\\u") ? kEscape : 2;
    }
    return at;
}

}  // namespace

bool has_lone_half(std::string_view content) {
    return lone_half(content, 0) != std::string_view::npos;
}

void mend_halves(std::string& content, std::size_t from, std::size_t to) {
    const auto part = std::string_view(content).substr(0, to);
    for (auto at = from; (at = lone_half(part, at)) != std::string_view::npos; at += kEscape) {
        content.replace(at, kEscape, "\\ufffd");
    }
}

std::size_t tellable(std::string_view content) {
    if (content.size() < kEscape) return content.size();
    const auto at = content.size() - kEscape;
    const auto half = content.substr(at);
    if (!is_half(half, 0, kHigh)) return content.size();
    const auto plain = content.substr(0, at).find_last_not_of('\\');
    const auto slashes = plain == std::string_view::npos ? at : at - plain - 1;
    return slashes % 2 == 0 ? at : content.size();
}

std::string_view without_trailing_space(std::string_view content) {
    for (;;) {
        if (content.ends_with(' ')) {
            content.remove_suffix(1);
            continue;
        }
        if (content.size() < 2) return content;
        const auto end = content.substr(content.size() - 2);
        if (end != "\\n" && end != "\\t" && end != "\\r") return content;
        // The backslash may itself be escaped: then the letter is one.
        const auto first = content.find_last_not_of('\\', content.size() - 2);
        const auto before = first == std::string_view::npos ? 0 : first + 1;
        const auto slashes = content.size() - 1 - before;
        if (slashes % 2 == 0) return content;
        content.remove_suffix(2);
    }
}

}  // namespace understudy::dialects
