// The pages that are not forwarded: health, metrics, the list of models.
#pragma once

#include "net/task.hpp"
#include "proxy/inbound.hpp"
#include "proxy/runtime.hpp"

#include <memory>

namespace understudy::proxy {

class Session;

/// Answers any endpoint that is not EndpointKind::proxied.
net::Task<void> answer_admin(Session& session, const Inbound& request,
                             const std::shared_ptr<Runtime>& runtime);

}  // namespace understudy::proxy
