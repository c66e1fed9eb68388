// Passes an attempt's answer on to the client.
#pragma once

#include "proxy/record.hpp"
#include "upstreams/attempt.hpp"
#include "upstreams/task.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

class Session;

/// Begins the head of an answer in `out`: the status line and the upstream's own fields.
void add_upstream_head(std::string& out, const upstreams::AnswerHead& head);

/// Adds header lines that say who answered: x-request-id, x-understudy-upstream, -model, -attempts,
/// -trace, and the cost where it is known before the head is sent.
void add_answer_fields(std::string& out, const Inbound& request, const RequestRecord& record,
                       std::string_view upstream, std::string_view model, const Bill* bill);

/// Sends a whole answer, or an upstream's error as it came. `head` holds what the functions above
/// put there; framing and Connection are added here. False: the socket did not take all of it, and
/// Session::send_rest() has to go on with `list`, while `head` and `body` stay untouched.
[[nodiscard]] bool relay_whole(Session& session, std::string& head, unsigned status,
                               std::string_view body, upstreams::GatherList& list);

/// A committed answer, piece by piece, to its end: proper, or visibly cut. `head` as above.
upstreams::Task<void> relay_stream(Session& session, upstreams::Attempt& attempt,
                                   std::string& head);

}  // namespace understudy::proxy
