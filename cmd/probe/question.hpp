// What a probe asks an upstream for: a word, as a stream, in the dialect that is spoken there.
// Pure.
#pragma once

#include "wire/answer.hpp"
#include "wire/dialect.hpp"

#include <string>
#include <string_view>

namespace understudy::cmd::probe {

struct Question {
    wire::AnswerShape shape = wire::AnswerShape::chat;
    std::string_view path;    // below the base URL
    std::string_view action;  // behind the model, where the path names it
    std::string body;
};

/// The question for `model`. `ask_usage`: with `stream_options` where the dialect has it, as the
/// daemon asks.
Question question_for(wire::Dialect dialect, const std::string& model, bool ask_usage = true);

}  // namespace understudy::cmd::probe
