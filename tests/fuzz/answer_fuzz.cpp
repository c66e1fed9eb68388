// Any bytes as an answer, an event, a usage block or an error body. Nothing may crash, what is
// called well-formed must be JSON, and what is not must say nothing.
#include "wire/answer.hpp"
#include "wire/json_scan.hpp"

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
    require(usage->prompt + usage->completion > 0);
}

void check_event(AnswerShape shape, std::string_view data, std::string_view name) {
    EventFacts facts;
    inspect_event(shape, data, name, facts);
    check_usage(facts.usage);
    require(!facts.error || (!facts.finish && !facts.commits && !facts.done && !facts.usage_only));
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

void check_answer(AnswerShape shape, std::string_view body, bool json) {
    const AnswerFacts facts = inspect_answer(shape, body);
    check_usage(facts.usage);
    require((facts.problem == nullptr) == (facts.complete && !facts.error_inside));
    if (shape != AnswerShape::opaque) require(facts.well_formed == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    JsonKind kind = JsonKind::null;
    const bool json = !check_json(text, kind);
    for (const auto shape :
         {AnswerShape::chat, AnswerShape::completion, AnswerShape::responses,
          AnswerShape::embeddings, AnswerShape::other_json, AnswerShape::opaque}) {
        check_answer(shape, text, json);
        check_event(shape, text, {});
        check_event(shape, text, "error");
        check_event(shape, text, "response.output_text.delta");
    }
    check_usage(parse_usage(text));
    const ErrorFacts error = parse_error_body(text);
    require(error.message.size() <= 4096);
    return 0;
}
