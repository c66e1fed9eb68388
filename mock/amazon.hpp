// What Bedrock's Converse answers, whole and as the messages of ConverseStream's event stream. The
// framing is this room's own, for it testifies about the daemon's.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
// https://smithy.io/2.0/aws/amazon-eventstream.html
#pragma once

#include "mock/answer.hpp"

namespace understudy::mock::amazon {

std::string document(const Ask& ask, const Plan& plan, const Tale& tale);
std::vector<std::string> opening(const Plan& plan);
/// Of the payload; the name of the message's type is kDelta.
EventFrame frame(const Plan& plan);
/// The end of the block, the reason, and behind it the counts.
std::vector<std::string> closing(const Plan& plan, const Tale& tale);

inline constexpr std::string_view kDelta = "contentBlockDelta";
/// One message of the stream, of an event of this type.
std::string event(std::string_view type, std::string_view payload);
/// One message of an exception; `document`: an error in this API's shape.
std::string exception(std::string_view type, std::string_view document);
/// An event of a script: {"contentBlockDelta":{...}}, {"throttlingException":{...}}. Anything else
/// stays as it is.
std::string scripted(std::string_view event);
/// A message of which one of the two checksums is wrong.
std::string corrupt(Flaw flaw);
/// What a refusal of this status is called in x-amzn-errortype.
std::string_view exception_of(unsigned status);

}  // namespace understudy::mock::amazon
