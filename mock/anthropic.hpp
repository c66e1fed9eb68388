// What Anthropic's Messages answers, whole and as events.
#pragma once

#include "mock/answer.hpp"

namespace understudy::mock::anthropic {

std::string document(const Ask& ask, const Plan& plan, const Tale& tale);
std::vector<std::string> opening(const Ask& ask, const Plan& plan);
EventFrame frame(const Plan& plan);
std::vector<std::string> closing(const Plan& plan, const Tale& tale);
std::string malformed();
/// `document`: an error in this API's shape.
std::string error_event(std::string_view document);
std::string models();
std::string model(std::string_view id);

}  // namespace understudy::mock::anthropic
