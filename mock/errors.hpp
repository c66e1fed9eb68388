// What a refusal says, in the words and the shape of the API that was asked.
#pragma once

#include "mock/ask.hpp"
#include "mock/plan.hpp"

#include <string>
#include <string_view>

namespace understudy::mock {

/// Turns the refusal of a plan into the answer of the endpoint's API: its body, and its status,
/// which may be another one than OpenAI's for that cause.
void word_refusal(Plan& plan, Endpoint endpoint, bool stream);

/// The error for this status, in the endpoint's API.
std::string error_body(Endpoint endpoint, unsigned status);
/// An error with words of one's own. An empty `param` or `code` is null; only OpenAI's shape has
/// them and `type`.
std::string error_document(Endpoint endpoint, unsigned status, std::string_view message,
                           std::string_view type = "invalid_request_error",
                           std::string_view param = {}, std::string_view code = {});

}  // namespace understudy::mock
