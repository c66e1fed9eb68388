// Active checks: each upstream that has `health` is asked for its path now and then, and rests
// while that fails. All of them run on one worker and for its thread only; what they find out goes
// to the breakers, which all workers share. They are no attempts: no metric counts them and no
// retry follows them.
#pragma once

#include "net/task.hpp"
#include "net/timers.hpp"
#include "proxy/runtime.hpp"
#include "upstreams/attempt.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace understudy::proxy {

/// What a check says. Absent: nothing, as when this process had no means to ask, or the server
/// wants to be left alone. Well is any answer from 200 to 399, whatever its body.
std::optional<bool> judge_check(wire::FailureClass failure, unsigned status);

class HealthChecks {
  public:
    HealthChecks() = default;
    HealthChecks(const HealthChecks&) = delete;
    HealthChecks& operator=(const HealthChecks&) = delete;

    /// From now on these upstreams are checked, and no others; all at once, then each at its
    /// interval.
    void use(const std::shared_ptr<Runtime>& runtime);
    /// Ends everything under way.
    void stop();

  private:
    struct Check;
    static net::Task<void> run(std::shared_ptr<Check> check);
    static net::Task<void> ask(Check& check);
    static void tell(Check& check, bool well, const std::string& why);

    std::set<std::shared_ptr<Check>> checks_;
};

}  // namespace understudy::proxy
