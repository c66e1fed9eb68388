// The body that asks another provider for the rest of an answer, where it is a list of messages
// with roles (chat completions, Anthropic's Messages). The client's bytes stay as they are;
// messages and a few members are put in between. Pure. What the upstream's configuration changes in
// a body (model, overrides) is done to the outcome, as to any request.
#pragma once

#include "config/presets.hpp"
#include "proxy/rescue/ladder.hpp"
#include "proxy/rescue/transcript.hpp"
#include "wire/chat_request.hpp"
#include "wire/request_body.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

/// The edits that make the client's `body` a request for the rest, sorted and not overlapping.
///
/// prefill: the text so far becomes the assistant's message at the end, or goes on the client's own
/// one, and is marked as `kind` wants it. instruct: behind that message the user asks for the rest.
/// restart: none, the client's own request is asked again.
///
/// `joins`: text goes on in the last part of the client's own beginning, for what stands between
/// two parts differs from API to API; else it is a part of its own.
///
/// White space at the end of the text is not sent (servers refuse it or go on badly behind it), nor
/// is half a character; the seam knows. A limit of tokens shrinks by what was delivered of it.
std::vector<wire::Edit> continuation_edits(std::string_view body, const wire::ChatRequest& request,
                                           Rung rung, config::PrefillKind kind,
                                           const Transcript& transcript, bool joins = false);

/// A body with edits applied to it, which are put in order first.
std::string with_edits(std::string_view body, std::vector<wire::Edit> edits);

/// The client's body with continuation_edits: a body of its own, to be scanned as any other.
std::string continuation_body(std::string_view body, const wire::ChatRequest& request, Rung rung,
                              config::PrefillKind kind, const Transcript& transcript,
                              bool joins = false);

}  // namespace understudy::proxy::rescue
