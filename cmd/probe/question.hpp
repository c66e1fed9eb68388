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

/// The question for `model`.
Question question_for(wire::Dialect dialect, const std::string& model);

}  // namespace understudy::cmd::probe
