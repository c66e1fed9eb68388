// Which member of a request an upstream's error is about.
#pragma once

#include <string_view>

namespace understudy::wire {

/// Whether an error body names `member`: in its message, its `param` or its `loc`; in all of it
/// where it is none of the shapes that are known. What an upstream echoes of the request beside its
/// message is not looked at.
bool blames_member(std::string_view error_body, std::string_view member);

}  // namespace understudy::wire
