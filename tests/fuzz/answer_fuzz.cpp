// Any bytes as an answer, an event, a usage block or an error body. Nothing may crash, what is
// called well-formed must be JSON, and what is not must say nothing.
#include "wire/answer.hpp"
#include "wire/event_inspector.hpp"
#include "wire/json_scan.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace understudy::wire;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_usage(const std::optional<Usage>& usage) {
    if (!usage) return;
    require(usage->reasoning <= usage->completion);
    require(usage->cache_read + usage->cache_write <= usage->prompt);
    require(usage->prompt + usage->completion > 0 || usage->reported_cost_pico_usd > 0U);
}

void check_event(AnswerShape shape, std::string_view data, std::string_view name) {
    EventFacts facts;
    inspect_event(shape, data, name, facts);
    check_usage(facts.usage);
    require(!facts.error || (!facts.finish && !facts.commits && !facts.usage_only));
    // An end may hold an error, but none that a client is told of.
    require(!facts.error || !facts.done || facts.untold);
    if (!facts.well_formed) {
        require(!facts.done && !facts.commits && !facts.finish && !facts.usage);
        require(facts.model.empty() && facts.service_tier.empty());
    }
    for (const std::string_view slice : {facts.model, facts.service_tier}) {
        if (slice.empty()) continue;
        require(slice.data() > data.data() &&
                slice.data() + slice.size() < data.data() + data.size());
    }
}

bool same(const EventFacts& a, const EventFacts& b) {
    return a.well_formed == b.well_formed && a.done == b.done && a.commits == b.commits &&
           a.error == b.error && a.usage_only == b.usage_only && a.finish == b.finish &&
           a.usage == b.usage && a.model == b.model && a.service_tier == b.service_tier &&
           a.text_bytes == b.text_bytes;
}

/// The text as the events of one stream, a line each: what is remembered changes nothing.
void check_stream(AnswerShape shape, std::string_view text) {
    EventInspector inspector(shape);
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        EventFacts facts;
        inspect_event(shape, line, {}, facts);
        // Twice: the second time it may be a repeat of itself.
        require(same(inspector.inspect(line, {}), facts));
        require(same(inspector.inspect(line, {}), facts));
    }
}

void check_answer(AnswerShape shape, std::string_view body, bool json) {
    const AnswerFacts facts = inspect_answer(shape, body);
    check_usage(facts.usage);
    require((facts.problem == nullptr) == (facts.complete && !facts.error_inside));
    if (shape != AnswerShape::opaque && shape != AnswerShape::transcription)
        require(facts.well_formed == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    JsonKind kind = JsonKind::null;
    const bool json = !check_json(text, kind);
    for (const auto shape : {AnswerShape::chat, AnswerShape::completion, AnswerShape::responses,
                             AnswerShape::embeddings, AnswerShape::moderations, AnswerShape::images,
                             AnswerShape::transcription, AnswerShape::other_json,
                             AnswerShape::opaque, AnswerShape::compaction}) {
        check_answer(shape, text, json);
        require(inspect_answer(shape, text, BodyLabel::json).well_formed == json);
        check_stream(shape, text);
        check_event(shape, text, {});
        check_event(shape, text, "error");
        check_event(shape, text, "response.output_text.delta");
    }
    check_usage(parse_usage(text));
    const ErrorFacts error = parse_error_body(text);
    require(error.message.size() <= 4096);
    return 0;
}
