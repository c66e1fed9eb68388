// What a talk asks of the model besides words, as Google's generationConfig. A part of the
// request's writer. Pure.
#pragma once

#include "dialects/gemini/gates.hpp"
#include "dialects/gemini/request_writer.hpp"
#include "dialects/talk.hpp"

#include <string>

namespace understudy::dialects::gemini {

/// The object, or "" when nothing is asked for. What it cannot say is dropped from the talk; that
/// the talk asks for nothing that must not be lost was looked at in front.
std::string generation_config(Talk& talk, const Manner& manner, const Gates& gates);

}  // namespace understudy::dialects::gemini
