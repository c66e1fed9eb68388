// Passes an attempt's answer on to the client.
#pragma once

#include "proxy/record.hpp"
#include "upstreams/attempt.hpp"
#include "upstreams/task.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

class Session;

/// Header lines that say who answered: x-request-id, x-understudy-upstream, -model, -attempts,
/// -trace, and the cost where it is known before the head is sent.
std::string answer_fields(const Inbound& request, const RequestRecord& record,
                          std::string_view upstream, std::string_view model, const Bill* bill);

/// A whole answer, or an upstream's error as it came: status, fields and body verbatim.
upstreams::Task<void> relay_whole(Session& session, const upstreams::AnswerHead& head,
                                  std::string_view body, const std::string& our_fields);

/// A committed answer, piece by piece, to its end: proper, or visibly cut.
upstreams::Task<void> relay_stream(Session& session, upstreams::Attempt& attempt,
                                   const std::string& our_fields);

}  // namespace understudy::proxy
