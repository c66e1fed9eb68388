// A talk as the body of Google's generateContent and streamGenerateContent, which are the same: the
// model and the wish for a stream stand in the path, and are the caller's. One request, one call;
// pure, on any thread.
// https://ai.google.dev/api/generate-content
#pragma once

#include "dialects/ids.hpp"
#include "dialects/talk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::gemini {

/// How one server wants its requests.
struct Manner {
    std::string_view model;        // decides what it takes; may have a path in front
    std::uint64_t max_output = 0;  // tokens that the model can write; 0: unknown
    bool ids = true;               // calls and results carry ids; Vertex AI refuses them
};

/// Appends the body. What it cannot say is a problem; what is lost is named in `talk.dropped`.
/// The turns of the talk are put in the order that the API demands, so it can be written once.
std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body);

/// A tool's name as it is sent: besides the alphabet's own rule, it begins with a letter or '_'.
std::string sent_name(ToolNames& names, std::string_view name);

}  // namespace understudy::dialects::gemini
