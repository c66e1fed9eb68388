// What Google's Gemini API answers, whole and as events.
#pragma once

#include "mock/answer.hpp"

namespace understudy::mock::google {

std::string document(const Ask& ask, const Plan& plan, const Tale& tale);
/// Thoughts; else nothing: the first word is the first event.
std::vector<std::string> opening(const Ask& ask, const Plan& plan);
EventFrame frame(const Ask& ask, const Plan& plan);
/// The last candidate, with its reason and the counts. Nothing stands behind it.
std::vector<std::string> closing(const Ask& ask, const Plan& plan, const Tale& tale);
std::string malformed();
/// One event of this document.
std::string event(std::string_view document);
std::string models();
std::string model(std::string_view id);

}  // namespace understudy::mock::google
