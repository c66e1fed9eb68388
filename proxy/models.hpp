// GET /models and /models/{id}: what a client may ask for.
#pragma once

#include "net/task.hpp"
#include "proxy/inbound.hpp"
#include "proxy/runtime.hpp"

#include <memory>
#include <set>
#include <string>

namespace understudy::proxy {

class Session;

/// Names that the configuration itself gives to clients and that this one may use: literal routes,
/// and the model that the first entry of a chain always sends, where asking for it leads there.
std::set<std::string> configured_names(const config::Config& config, const Inbound& request);

net::Task<void> answer_models(Session& session, const Inbound& request,
                              const std::shared_ptr<Runtime>& runtime);
net::Task<void> answer_model(Session& session, const Inbound& request,
                             const std::shared_ptr<Runtime>& runtime);

}  // namespace understudy::proxy
