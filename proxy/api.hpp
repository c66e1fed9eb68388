// GET /api/...: what the ledger says, as JSON, read in a thread of its own while the worker goes
// on; and how the upstreams are.
#pragma once

#include "net/task.hpp"
#include "proxy/inbound.hpp"
#include "proxy/runtime.hpp"

#include <memory>

namespace understudy::proxy {

class Session;

/// Answers EndpointKind::api.
net::Task<void> answer_api(Session& session, const Inbound& request,
                           const std::shared_ptr<Runtime>& runtime);

}  // namespace understudy::proxy
