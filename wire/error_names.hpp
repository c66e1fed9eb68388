// What other APIs call an error by its status; their libraries look at these words. Constants.
#pragma once

#include <string_view>

namespace understudy::wire {

/// "rate_limit_error", "overloaded_error" ...: Anthropic's error types
/// (https://docs.anthropic.com/en/api/errors). A status that is not named there is the request's
/// fault below 500, else theirs.
std::string_view anthropic_error_type(unsigned status);

/// "INVALID_ARGUMENT", "UNAVAILABLE" ...: the google.rpc.Code that goes with a status
/// (https://cloud.google.com/apis/design/errors). The same for one that is not named there.
std::string_view google_error_status(unsigned status);

/// The same, but empty for a status of the 400s that is not named there.
std::string_view named_google_status(unsigned status);

}  // namespace understudy::wire
