// Parts that documents and streams have in common: usage objects, the /responses object.
#pragma once

#include "mock/answer.hpp"

namespace understudy::mock {

inline constexpr std::string_view kCreated = "1790000000";

/// Twenty words, one token each.
std::string_view reasoning_text();

std::string chat_usage(std::size_t words);
std::string responses_usage(std::size_t words);
std::string transcript_usage(std::size_t words);

enum class ResponseState : std::uint8_t { in_progress, completed };
/// The object of /responses.
std::string response_object(const Ask& ask, const Plan& plan, const Tale& tale,
                            ResponseState state);
/// Its one output item: a message, or a function call.
std::string response_item(const Ask& ask, const Plan& plan, const Tale& tale, ResponseState state);

}  // namespace understudy::mock
