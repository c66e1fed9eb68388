// How a request is known again that this process has sent out itself: a Via line (RFC 9110 7.6.3)
// with a name of its own.
#pragma once

#include "wire/head.hpp"

#include <string>

namespace understudy::upstreams {

/// So many daemons of this kind in a row are a chain somebody meant; more are a loop among several.
inline constexpr std::size_t kMaxHops = 8;

/// What this process adds to Via: "1.1 understudy-3f9a0c5e17d2b846". Made at random at first use.
const std::string& hop_mark();

/// Whether a request has been here before, or has passed more than kMaxHops of our kind.
bool in_a_loop(const wire::Fields& fields);

}  // namespace understudy::upstreams
