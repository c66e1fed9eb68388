// Any bytes as a request in every API, put to every other one, and any bytes as what comes back:
// events, a whole answer, an error. Nothing may crash; what is sent must be JSON, and what the
// client gets whole events with JSON in them.
#include "dialects/translate.hpp"
#include "dialects/unsealed.hpp"
#include "wire/json_scan.hpp"
#include "wire/sse.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
using dialects::Translation;
using wire::AnswerShape;
using wire::Dialect;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

// What was nested as deep as is read may be deeper in other words.
bool is_json(std::string_view text) {
    wire::JsonKind kind{};
    const auto problem = wire::check_json(text, kind);
    return !problem || std::string_view(problem->what).starts_with("nesting");
}

bool is_object(std::string_view text) {
    std::vector<wire::JsonMember> members;
    wire::Span object;
    return !wire::scan_object(text, members, object);
}

// Whole events, each with an object or the end marker.
void check_events(const std::string& text) {
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string_view rest = text;
    while (scanner.next(rest, event)) {
        if (event.has_data) require(event.data == "[DONE]" || is_json(event.data));
        rest.remove_prefix(event.raw.size());
    }
    require(rest.empty());
}

void come_back(Translation& translation, std::string_view answer, bool stream) {
    require(is_json(translation.error(answer, {wire::ErrorKind::bad_request, 400})));
    if (!stream) {
        if (!is_object(answer)) return;
        const auto whole = translation.whole(answer);
        require(translation.lost() != nullptr || is_json(whole));
        return;
    }
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string out;
    while (scanner.next(answer, event)) {
        if (event.has_data) translation.event(event.data, event.name, out);
        answer.remove_prefix(event.raw.size());
    }
    translation.end(out);
    translation.end(out);
    check_events(out);
}

void ask(AnswerShape shape, Dialect to, bool stream, std::string_view body,
         std::string_view answer) {
    if (!dialects::can_translate(shape, to)) return;
    dialects::Ask ask;
    ask.shape = shape;
    ask.body = body;
    ask.model = "asked \"model\"";
    ask.stream = stream;
    ask.include_usage = true;
    dialects::Target target;
    target.dialect = to;
    target.model = to == Dialect::messages ? "claude-sonnet-4-5"
                   : to == Dialect::gemini ? "gemini-3-pro"
                                           : "anthropic.claude-sonnet-4-5";
    target.thinking = "reasoning_content";
    dialects::Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    if (const auto problem = dialects::translate(ask, target, outgoing, translation)) {
        require(!problem->what.empty());
        return;
    }
    require(outgoing.body.starts_with('{') && is_json(outgoing.body));
    come_back(*translation, answer, stream && shape != AnswerShape::gemini_list);
}

void strip(Dialect dialect, std::string_view body) {
    const auto stripped = dialects::without_seals(dialect, body);
    if (stripped.empty()) return;
    require(is_json(stripped));
    require(dialects::without_seals(dialect, stripped).empty());
}

}  // namespace

// A NUL divides the request from what comes back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(all.find('\0'), size);
    const auto body = all.substr(0, end);
    const auto answer = all.substr(std::min(end + 1, size));
    if (!is_object(body)) return 0;
    for (const auto shape : {AnswerShape::chat, AnswerShape::messages, AnswerShape::responses,
                             AnswerShape::gemini, AnswerShape::gemini_list}) {
        for (const auto to : {Dialect::chat, Dialect::messages, Dialect::gemini, Dialect::converse,
                              Dialect::responses}) {
            for (const bool stream : {false, true}) ask(shape, to, stream, body, answer);
        }
    }
    for (std::size_t i = 0; i < wire::kDialects; ++i) strip(static_cast<Dialect>(i), body);
    static_cast<void>(dialects::refuses_seals(400, answer));
    return 0;
}
