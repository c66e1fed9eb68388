// One reader for the error bodies of every provider: wrapped, flat, a
// bare string, lists of problems, an array of one, JSON inside a string, HTML.
#include "wire/answer.hpp"
#include "wire/answer_walk.hpp"
#include "wire/json_cursor.hpp"
#include "wire/name_set.hpp"

#include <algorithm>
#include <cstdint>

namespace understudy::wire {
namespace {

constexpr std::size_t kMaxRawText = 1024;  // of a body that is not JSON
constexpr std::size_t kMaxMessage = 4096;
constexpr int kMaxUnwrap = 8;  // gateways in front of gateways quote each other's bodies

std::string scalar_text(const JsonValue& value) {
    if (value.kind == JsonKind::string) return decode_string(value.raw).value_or(std::string());
    if (value.kind == JsonKind::number) return std::string(value.raw);
    return {};
}

/// The members of one object, looked up by name; the last of a name counts.
class ObjectView {
  public:
    explicit ObjectView(std::string_view text) : text_(text) {
        Span object;
        if (text.empty() || scan_object(text, members_, object)) members_.clear();
        for (const auto& member : members_) {
            const auto token = member.key.of(text_);
            const auto name = token.substr(1, token.size() - 2);
            names_ |=
                name.find('\\') == std::string_view::npos ? name_bit(name) : ~std::uint64_t{0};
        }
    }

    /// Empty raw when absent or null.
    JsonValue find(std::string_view name) const {
        // Some twenty names are looked for, and an error has four: most are settled here.
        if (!may_have(name)) return {};
        for (auto it = members_.rbegin(); it != members_.rend(); ++it) {
            if (it->kind != JsonKind::null && key_equals(it->key.of(text_), name)) {
                return {it->kind, it->value.of(text_)};
            }
        }
        return {};
    }
    std::size_t size() const noexcept { return members_.size(); }
    /// A string decoded, a number as written, anything else empty.
    std::string text(std::string_view name) const {
        return may_have(name) ? scalar_text(find(name)) : std::string();
    }
    std::string first_text(std::initializer_list<std::string_view> names) const {
        for (const auto name : names) {
            if (std::string found = text(name); !found.empty()) return found;
        }
        return {};
    }

  private:
    bool may_have(std::string_view name) const noexcept { return (names_ & name_bit(name)) != 0; }

    std::string_view text_;
    std::vector<JsonMember> members_;
    std::uint64_t names_ = 0;  // the bits of those that are there; all where one has an escape
};

bool is_number(std::string_view code) noexcept {
    return !code.empty() && code.find_first_not_of("0123456789") == std::string_view::npos;
}

/// RESOURCE_EXHAUSTED and the like; "failed" or "error" as a status says nothing new.
bool is_status_name(std::string_view status) noexcept {
    return !status.empty() &&
           status.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos;
}

void fill_gaps(ErrorFacts& facts, const ErrorFacts& from) {
    if (facts.message.empty()) facts.message = from.message;
    if (facts.type.empty()) facts.type = from.type;
    // A status that somebody repeats as the code says less than a name.
    if (facts.code.empty() || (is_number(facts.code) && !from.code.empty())) facts.code = from.code;
    if (facts.param.empty()) facts.param = from.param;
}

ErrorFacts read_object(std::string_view object, int depth);

/// The error that `value` describes, whichever of the shapes it has.
ErrorFacts read_value(const JsonValue& value, int depth) {
    if (value.kind == JsonKind::object) return read_object(value.raw, depth);
    ErrorFacts facts;
    facts.message = scalar_text(value);
    // A whole error body quoted as a string.
    const std::size_t brace = facts.message.find_first_not_of(" \t\r\n");
    if (brace == std::string::npos || facts.message[brace] != '{') return facts;
    const std::string quoted = facts.message;
    ErrorFacts inner = read_object(quoted, depth + 1);
    return inner.message.empty() ? facts : inner;
}

/// The elements of an array; nothing for anything else.
std::vector<JsonValue> elements(const JsonValue& array) {
    std::vector<JsonValue> found;
    if (array.kind != JsonKind::array) return found;
    JsonCursor in(array.raw);
    in.each_element([&] { return in.take(found.emplace_back()); });
    return found;
}

/// FastAPI: {"loc":["body","messages",0],"msg":"field required","type":"missing"}.
std::string validation_problem(const ObjectView& entry) {
    std::string place;
    for (const JsonValue& part : elements(entry.find("loc"))) {
        if (!place.empty()) place += '.';
        place += scalar_text(part);
    }
    const std::string message = entry.first_text({"msg", "message"});
    if (place.empty()) return message;
    return message.empty() ? place : place + ": " + message;
}

/// `detail`: a string, a list of validation problems, or an error of its own.
void read_detail(const JsonValue& detail, int depth, ErrorFacts& facts) {
    if (detail.kind != JsonKind::array) return fill_gaps(facts, read_value(detail, depth + 1));
    std::string joined;
    for (const JsonValue& entry : elements(detail)) {
        const ObjectView problem(entry.raw);
        const std::string text =
            entry.kind == JsonKind::object ? validation_problem(problem) : scalar_text(entry);
        if (text.empty() || joined.size() > kMaxMessage) continue;
        if (!joined.empty()) joined += "; ";
        joined += text;
        if (facts.type.empty()) facts.type = problem.text("type");
    }
    if (facts.message.empty()) facts.message = std::move(joined);
}

/// OpenRouter: "Provider returned error", and the truth in metadata.raw.
void read_metadata(const ObjectView& error, int depth, ErrorFacts& facts) {
    const JsonValue found = error.find("metadata");
    if (found.kind != JsonKind::object) return;
    const ObjectView metadata(found.raw);
    const ErrorFacts raw = read_value(metadata.find("raw"), depth + 1);
    if (raw.message.empty()) return;
    if (facts.message.starts_with("Provider returned error")) facts.message.clear();
    fill_gaps(facts, raw);
}

/// Where an error hides when it is not at the top: inside a response or a choice.
ErrorFacts read_hidden(const ObjectView& object, int depth) {
    for (const auto name : {"response", "x_groq"}) {
        const JsonValue holder = object.find(name);
        if (holder.kind != JsonKind::object) continue;
        const JsonValue error = ObjectView(holder.raw).find("error");
        if (!error.raw.empty()) return read_value(error, depth + 1);
    }
    for (const JsonValue& choice : elements(object.find("choices"))) {
        const ObjectView view(choice.raw);
        ErrorFacts facts = read_value(view.find("error"), depth + 1);
        const std::string reason = view.text("finish_reason");
        if (is_error_finish(reason)) {
            if (facts.type.empty()) facts.type = reason;
            if (facts.message.empty()) facts.message = "the answer ended with " + reason;
        }
        if (!facts.message.empty()) return facts;
    }
    return {};
}

/// type, code, param and message as they stand in one object, whatever they are called.
void read_members(const ObjectView& object, int depth, ErrorFacts& facts) {
    facts.type = object.first_text({"type", "error_type", "__type"});
    if (facts.type == "error" || facts.type.starts_with("response.")) facts.type.clear();  // events
    facts.code = object.text("code");
    facts.param = object.text("param");
    // Google names the status in words beside the number.
    const std::string status = object.text("status");
    if (facts.type.empty() && is_status_name(status)) facts.type = status;
    const JsonValue message = object.find("message");
    if (!message.raw.empty()) fill_gaps(facts, read_value(message, depth + 1));
    if (facts.message.empty()) facts.message = object.first_text({"Message", "msg"});
    if (facts.code.empty()) facts.code = object.first_text({"statusCode", "status_code"});
    if (facts.code.empty()) facts.code = is_number(status) ? status : std::string();
    // Azure's own name for what its filter found.
    for (const auto name : {"innererror", "inner_error"}) {
        const JsonValue inner = object.find(name);
        if (inner.kind != JsonKind::object) continue;
        ErrorFacts found;
        found.code = ObjectView(inner.raw).text("code");
        fill_gaps(facts, found);
    }
    read_metadata(object, depth, facts);
}

ErrorFacts read_object(std::string_view text, int depth) {
    ErrorFacts facts;
    if (depth > kMaxUnwrap) return facts;
    const ObjectView object(text);
    const JsonValue error = object.find("error");
    const bool mere_wrapper = object.size() == 1 && !error.raw.empty();
    if (!mere_wrapper) read_members(object, depth, facts);
    if (error.kind == JsonKind::object) {
        // What the wrapper says itself only fills gaps.
        ErrorFacts inner = read_object(error.raw, depth + 1);
        fill_gaps(inner, facts);
        facts = std::move(inner);
    } else if (error.kind == JsonKind::string) {
        ErrorFacts inner = read_value(error, depth + 1);
        // Beside a message, the string is the name of the error.
        if (!facts.message.empty()) inner = {{}, {}, inner.message, {}};
        fill_gaps(facts, inner);
    }
    for (const JsonValue& entry : elements(object.find("errors"))) {
        fill_gaps(facts, read_value(entry, depth + 1));
        break;
    }
    if (const auto detail = object.find("detail"); !detail.raw.empty()) {
        read_detail(detail, depth, facts);
    }
    if (facts.message.empty()) fill_gaps(facts, read_hidden(object, depth));
    if (facts.message.empty()) facts.message = object.first_text({"error_description", "title"});
    return facts;
}

/// Cuts at a character, never inside one.
void cap(std::string& text, std::size_t limit) {
    if (text.size() <= limit) return;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
    text.resize(limit);
}

/// Skips a tag, and with <script> and <style> what they enclose.
std::size_t behind_tag(std::string_view text, std::size_t at) {
    for (const std::string_view name : {"script", "style"}) {
        if (text.substr(at + 1, name.size()) != name) continue;
        const std::size_t close = text.find("</" + std::string(name), at);
        if (close == std::string_view::npos) return text.size();
        at = close;
        break;
    }
    const std::size_t end = text.find('>', at);
    return end == std::string_view::npos ? text.size() : end + 1;
}

/// The words of a page or a plain text, on one line.
std::string readable(std::string_view text) {
    const bool html = text.starts_with('<');
    std::string out;
    bool gap = false;
    for (std::size_t i = 0; i < text.size() && out.size() <= kMaxRawText;) {
        const char c = text[i];
        if (html && c == '<') {
            i = behind_tag(text, i);
            gap = true;
            continue;
        }
        ++i;
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
            gap = true;
            continue;
        }
        if (gap && !out.empty()) out += ' ';
        gap = false;
        out += c;
    }
    // Through the encoder and back: what is not UTF-8 becomes U+FFFD.
    out = decode_string(encode_string(out)).value_or(std::string());
    cap(out, kMaxRawText);
    return out;
}

}  // namespace

ErrorFacts parse_error_body(std::string_view body) {
    JsonCursor in(body);
    in.skip_preamble();
    const std::string_view text = body.substr(in.offset());
    ErrorFacts facts;
    JsonValue value;
    if (in.at_end()) return facts;
    if (!in.take(value) || !in.finish()) {
        facts.message = readable(text);
        return facts;
    }
    // Gemini's streams wrap their error in an array of one.
    if (value.kind == JsonKind::array) {
        const auto found = elements(value);
        value = found.empty() ? JsonValue{} : found.front();
    }
    facts = read_value(value, 0);
    if (facts.message.empty() && facts.code.empty() && facts.type.empty()) {
        facts.message = readable(text);
    }
    cap(facts.message, kMaxMessage);
    return facts;
}

}  // namespace understudy::wire
