// multipart/form-data as far as routing needs it: where the "model" field stands (RFC 7578, RFC
// 2046 section 5.1). Bodies are megabytes of audio, so the search runs from delimiter to delimiter
// and looks at part headers only.
#include "wire/request_body.hpp"

#include "wire/lax_bool.hpp"
#include "wire/member_names.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace understudy::wire {
namespace {

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 5.1.1
constexpr std::size_t kMaxPartHead = 16 << 10;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The value at the front of `rest` (a token or a quoted string), which is cut off.
std::string take_parameter_value(std::string_view& rest) {
    rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!rest.starts_with('"')) {
        const std::size_t end = std::min(rest.find(';'), rest.size());
        const std::string_view token = trim(rest.substr(0, end));
        rest.remove_prefix(end);
        return std::string(token);
    }
    std::string value;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
        // Browsers send a lone backslash in file names as it is; only these two are escapes.
        const bool escape =
            rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\');
        value += rest[escape ? ++i : i];
    }
    rest.remove_prefix(std::min(i + 1, rest.size()));
    return value;
}

/// Calls visit(key, value) for each parameter of a header value such as `form-data; name="model"`.
template <class Visit>
void for_each_parameter(std::string_view header_value, Visit visit) {
    std::string_view rest = header_value;
    // Walked from one parameter to the next: a file name may well contain "; name=".
    for (;;) {
        const std::size_t semicolon = rest.find(';');
        if (semicolon == std::string_view::npos) return;
        rest.remove_prefix(semicolon + 1);
        const std::size_t equals = rest.find_first_of("=;");
        if (equals == std::string_view::npos) return;
        if (rest[equals] == ';') continue;
        const std::string_view key = trim(rest.substr(0, equals));
        rest.remove_prefix(equals + 1);
        visit(key, take_parameter_value(rest));
    }
}

/// The first parameter `name`, or empty.
std::string parameter(std::string_view header_value, std::string_view name) {
    std::optional<std::string> found;
    for_each_parameter(header_value, [&](std::string_view key, std::string value) {
        if (!found && equals_ignoring_case(key, name)) found = std::move(value);
    });
    return found.value_or(std::string());
}

/// What the head of a part says, and whether everybody reads the same out of it.
struct PartHead {
    PartHead() = default;
    std::string name;           // of the form field
    const char* odd = nullptr;  // what is not plain about it; static text
};

void read_disposition(std::string_view value, PartHead& head) {
    bool named = false;
    for_each_parameter(value, [&](std::string_view key, std::string text) {
        if (equals_ignoring_case(key, "name*")) head.odd = "its name in an extended form (name*)";
        if (!equals_ignoring_case(key, "name")) return;
        if (named) head.odd = "two names";
        named = true;
        head.name = std::move(text);
    });
}

PartHead read_part_head(std::string_view headers) {
    PartHead head;
    bool disposed = false;
    while (!headers.empty()) {
        const std::size_t end = std::min(headers.find("\r\n"), headers.size());
        const std::string_view line = headers.substr(0, end);
        headers.remove_prefix(std::min(end + 2, headers.size()));
        if (line.find_first_of("\r\n") != std::string_view::npos) head.odd = "a bare line end";
        if (line.starts_with(' ') || line.starts_with('\t')) head.odd = "a folded line";
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        if (!equals_ignoring_case(trim(line.substr(0, colon)), "content-disposition")) continue;
        if (disposed) head.odd = "two fields Content-Disposition";
        disposed = true;
        read_disposition(line.substr(colon + 1), head);
    }
    return head;
}

/// Where the content of the part begins whose delimiter ends at `at`; npos when this is the closing
/// delimiter or not a delimiter at all.
std::size_t after_delimiter(std::string_view body, std::size_t at, RequestFacts& facts) noexcept {
    while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
    if (at < body.size() && body[at] == '\n') facts.odd_part = "a delimiter that ends in a bare LF";
    return body.substr(at, 2) == "\r\n" ? at + 2 : std::string_view::npos;
}

/// The next delimiter from `at` on: the place of its line end. A line that others may take for one
/// is noted.
std::size_t find_delimiter(std::string_view body, std::string_view delimiter, std::size_t at,
                           RequestFacts& facts) {
    const auto dashes = delimiter.substr(2);
    for (;; ++at) {
        at = body.find(dashes, at);
        if (at == std::string_view::npos) return at;
        if (at >= 2 && body.substr(at - 2, 2) == "\r\n") return at - 2;
        if (at > 0 && (body[at - 1] == '\n' || body[at - 1] == '\r'))
            facts.odd_part = "a delimiter behind a bare line end";
    }
}

void read_part(std::string_view body, Span part, RequestFacts& facts) {
    // The headers end in an empty line; it comes first when there are none.
    const std::string_view text = part.of(body);
    const auto beginning = text.substr(0, kMaxPartHead);
    const std::size_t blank = text.starts_with("\r\n") ? 0 : beginning.find("\r\n\r\n");
    if (blank == 0) return;
    if (blank == std::string_view::npos) {
        facts.odd_part = "a head of more than 16 KiB, or one that does not end";
        return;
    }
    const Span value{part.begin + blank + 4, part.end};
    const auto head = read_part_head(text.substr(0, blank));
    if (head.odd != nullptr) facts.odd_part = head.odd;
    const auto& name = head.name;
    const auto decisive = decisive_member(name);
    if (decisive == Decisive::none || !note_decisive(decisive, name, facts)) return;
    if (decisive == Decisive::model) {
        facts.model = value.of(body);
        facts.model_values.push_back(value);
        facts.has_model = true;
    } else if (decisive == Decisive::stream) {
        const auto stream = lax_bool(trim(value.of(body)));
        facts.stream = stream.value_or(false);
        facts.odd_stream = !stream;
    }
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
    const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
    if (!equals_ignoring_case(type, "multipart/form-data")) return {};
    std::string boundary = parameter(content_type, "boundary");
    if (boundary.size() > kMaxBoundary) boundary.clear();
    return boundary;
}

bool scan_multipart(std::string_view body, std::string_view boundary, RequestFacts& facts) {
    facts = {};
    if (boundary.empty()) return false;
    const std::string delimiter = "\r\n--" + std::string(boundary);
    // The first delimiter needs no line end in front of it.
    std::size_t at = delimiter.size() - 2;
    if (!body.starts_with(std::string_view(delimiter).substr(2))) {
        at = find_delimiter(body, delimiter, 0, facts);
        if (at == std::string_view::npos) return false;
        at += delimiter.size();
    }
    while (body.substr(at, 2) != "--") {
        const std::size_t begin = after_delimiter(body, at, facts);
        // The line end behind a delimiter may also be the one in front of the next.
        const std::size_t end =
            find_delimiter(body, delimiter, begin == std::string_view::npos ? at : begin, facts);
        // A part without its closing delimiter was cut: it is not ours to change.
        if (end == std::string_view::npos) break;
        if (begin <= end) read_part(body, {begin, end}, facts);
        at = end + delimiter.size();
    }
    return true;
}

}  // namespace understudy::wire
