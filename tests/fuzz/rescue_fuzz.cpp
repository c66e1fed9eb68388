// In the API of each client: two streams of any bytes, the second one gone on with behind the
// first, and a request of any bytes that asks for it. Nothing may crash; what is sent on must be
// whole events with JSON in them; a continuation request must be JSON where the client's was.
#include "proxy/rescue/dialect.hpp"
#include "proxy/rescue/ladder.hpp"
#include "wire/json_scan.hpp"
#include "wire/request_body.hpp"
#include "wire/sse.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
namespace rescue = understudy::proxy::rescue;

namespace {

constexpr std::array kRungs{rescue::Rung::prefill, rescue::Rung::instruct, rescue::Rung::restart};

void require(bool holds) {
    if (!holds) std::abort();
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
        if (event.has_data) require(event.data == "[DONE]" || is_object(event.data));
        rest.remove_prefix(event.raw.size());
    }
    require(rest.empty());
}

void go_on(const rescue::Dialect& dialect, rescue::Rung rung, std::string_view second) {
    rescue::ContinuationOptions options;
    options.rung = rung;
    options.usage_asked = true;
    options.upstream = "backup";
    options.failure = "timeout";
    const auto continuation = dialect.go_on(options);
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string out;
    while (scanner.next(second, event)) {
        if (event.has_data) continuation->feed(event.data, out);
        second.remove_prefix(event.raw.size());
    }
    check_events(out);
}

void ask(rescue::Dialect& dialect, std::string_view body) {
    wire::RequestFacts facts;
    if (wire::scan_request(body, facts)) return;
    const auto allowed = rescue::allowed_rungs(dialect.transcript(), dialect.wishes(body, facts));
    for (const auto rung : kRungs) {
        const bool may = rung == rescue::Rung::prefill    ? allowed.prefill
                         : rung == rescue::Rung::instruct ? allowed.instruct
                                                          : allowed.restart;
        if (!may) continue;
        const auto asked = dialect.ask(body, rung, config::PrefillKind::prefix);
        wire::RequestFacts again;
        require(!wire::scan_request(asked, again));
    }
}

}  // namespace

// Lines of NUL divide the parts: the first stream, the second, the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const auto first_end = std::min(all.find('\0'), size);
    const auto rest = all.substr(std::min(first_end + 1, size));
    const auto second_end = std::min(rest.find('\0'), rest.size());
    const auto second = rest.substr(0, second_end);
    const auto body = rest.substr(std::min(second_end + 1, rest.size()));
    for (const auto shape : {wire::AnswerShape::chat, wire::AnswerShape::messages,
                             wire::AnswerShape::responses, wire::AnswerShape::gemini}) {
        const auto dialect = rescue::dialect_of(shape);
        dialect->transcript().sent(all.substr(0, first_end));
        for (const auto rung : kRungs) go_on(*dialect, rung, second);
        ask(*dialect, body);
    }
    return 0;
}
