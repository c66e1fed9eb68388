#include "dialects/messages/answer_base.hpp"

namespace understudy::dialects::messages {
namespace {

std::string_view reason_of(Stop stop, bool calls) {
    switch (stop) {
        case Stop::length:
            return "max_tokens";
        case Stop::window:
            return "model_context_window_exceeded";
        case Stop::filter:
            return "refusal";
        case Stop::sequence:
            return calls ? "tool_use" : "stop_sequence";
        case Stop::pause:
            return "pause_turn";
        default:
            return calls ? "tool_use" : "end_turn";
    }
}

}  // namespace

void WriterBase::write_reason(Writer& to, bool calls) const {
    const auto reason = stop_ == Stop::unsaid ? std::string_view() : reason_of(stop_, calls);
    to.key("stop_reason").text_or_null(reason).key("stop_sequence");
    if (reason == "stop_sequence" && !sequence_.empty()) {
        to.content(sequence_);
    } else {
        to.null();
    }
}

}  // namespace understudy::dialects::messages
