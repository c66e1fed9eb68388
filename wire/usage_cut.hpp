// Takes the usage that we asked for out of an event of a client that did not. Pure; runs for the
// few events that have usage and no choices, and for those that have a usage of null.
#pragma once

#include "wire/json_scan.hpp"

#include <string_view>
#include <vector>

namespace understudy::wire {

/// What of the JSON object `data` is passed on once its `usage` is gone: ranges of it, in order;
/// with the bytes between them cut, a JSON object as it would have been without usage. Empty when
/// nothing but a chunk's envelope would be left (id, object, created, model, empty choices ...), so
/// that the event exists for the sake of usage alone. The whole of `data` when there is no usage.
std::vector<Span> without_usage(std::string_view data);

/// Where the last `"usage":null` of the JSON object `data` stands, with one of the commas beside
/// it; empty: nowhere. Fast where it is written without spaces and nothing else is called `usage`.
Span null_usage(std::string_view data);

}  // namespace understudy::wire
