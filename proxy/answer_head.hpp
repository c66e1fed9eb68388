// The head of an answer as the client gets it: the upstream's own fields, and who answered.
#pragma once

#include "proxy/record.hpp"
#include "upstreams/attempt.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace understudy::proxy {

class Session;

/// Header lines without the fields of these names.
std::string without_fields(std::string_view lines, std::initializer_list<std::string_view> names);

/// Begins the head of an answer in `out`: the status line and the upstream's own fields.
void add_upstream_head(std::string& out, const upstreams::AnswerHead& head);

/// Says which members of the request a translation has lost.
inline constexpr std::string_view kDroppedField = "x-understudy-dropped";

/// Adds header lines that say who answered: x-request-id, x-understudy-upstream, -model, -attempts,
/// -trace, and the cost where it is known before the head is sent.
void add_answer_fields(std::string& out, const Inbound& request, const RequestRecord& record,
                       std::string_view upstream, std::string_view model, const Bill* bill);

/// The same for a head that goes out before anybody has answered: x-request-id, the trace up to now
/// and what limits leave. How many attempts there will be is not known yet.
void add_early_fields(std::string& out, const Inbound& request, const RequestRecord& record);

/// Sends a whole answer, or an upstream's error as it came. `head` holds what the functions above
/// put there; framing and Connection are added here. False: the socket did not take all of it, and
/// Session::send_rest() has to go on with `list`, while `head` and `body` stay untouched.
[[nodiscard]] bool send_whole(Session& session, std::string& head, unsigned status,
                              std::string_view body, net::GatherList& list);

}  // namespace understudy::proxy
