// The requests of the demo's tour, and what must come of each. Judging is pure.
#pragma once

#include "cmd/demo/client.hpp"
#include "cmd/demo/meter.hpp"

#include <span>
#include <string>
#include <string_view>

namespace understudy::demo {

/// One request of the tour. The model's name is the primary's behaviour (docs/mock.md).
struct Step {
    std::string_view model;
    bool stream = false;
    unsigned status = 200;      // the client must see
    std::string_view upstream;  // that must have answered
    std::string_view primary;   // class of the primary's attempt in x-understudy-trace
    bool broken = false;        // a stream that must end with an error event, never silently
};
std::span<const Step> tour_steps();

/// The body of the request.
std::string request_json(const Step& step);

/// What became of it.
struct Result {
    bool as_promised = false;
    std::string primary_did;      // "429 rate_limit", "silence: timeout"
    std::string primary_briefly;  // "rate_limit", "timeout"
    std::string answered_by;      // "backup 200"
};
Result judge(const Step& step, const Answer& answer);

/// The configuration of the daemon in front, as a user would write it.
std::string demo_config(std::string_view listen, std::string_view primary, std::string_view backup);

}  // namespace understudy::demo
