// What the simulated upstream answers about itself: /control/..., the list of models, /healthz.
#pragma once

#include "mock/ask.hpp"
#include "mock/http.hpp"
#include "mock/plan.hpp"
#include "mock/state.hpp"

namespace understudy::mock {

/// The answer to a /control/ request.
Plan control_answer(State& state, const HttpRequest& request);
/// The healthy answer of the endpoints that are no inference: models, health, unknown paths and
/// wrong methods. Leaves the plan of the others alone.
void answer_housekeeping(Plan& plan, Endpoint endpoint, const HttpRequest& request);

}  // namespace understudy::mock
