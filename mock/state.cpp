#include "mock/state.hpp"

#include "mock/faults.hpp"

namespace understudy::mock {

State::Decision State::decide(const RequestTraits& request, bool ends_with_assistant) {
    Decision decision;
    bool chosen = false;
    if (has_script()) {
        const std::lock_guard lock(mutex_);
        if (const auto choice = script_.choose(request)) {
            decision = {*choice->behaviour, "rule " + std::to_string(choice->number)};
            chosen = true;
        }
    }
    if (!chosen) {
        auto named = behaviour_named(request.model);
        decision.label = named ? request.model : "ok";
        if (named) decision.behaviour = *std::move(named);
    }
    const auto key = chosen ? decision.label : std::string(request.model);
    if (!gate_open(decision.behaviour, key, ends_with_assistant)) {
        decision.behaviour = Behaviour();
        decision.label += " (well)";
    }
    return decision;
}

bool State::gate_open(const Behaviour& behaviour, const std::string& key,
                      bool ends_with_assistant) {
    if (behaviour.gate == Gate::always) return true;
    if (behaviour.gate == Gate::prefill) return ends_with_assistant;
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (first_seen_.size() >= kMaxNames) first_seen_.clear();
    const auto [seen, first] = first_seen_.try_emplace(key, now);
    return behaviour.gate == Gate::once ? first : now - seen->second < behaviour.outage;
}

void State::set_script(std::string_view yaml) {
    Script script = Script::parse(yaml);
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
    has_script_.store(!script_.empty(), std::memory_order_release);
}

std::string State::script_text() const {
    const std::lock_guard lock(mutex_);
    return script_.text();
}

void State::reset() {
    {
        const std::lock_guard lock(mutex_);
        first_seen_.clear();
        script_.reset();
    }
    log_.clear();
    next_id_ = 0;
    counters_.requests = 0;
    counters_.complete = 0;
    counters_.aborted = 0;
    counters_.broken = 0;
}

std::string State::stats_json() const {
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - started_);
    return join({R"({"name":)", quoted(name_), R"(,"requests":)",
                 std::to_string(counters_.requests.load()), R"(,"complete":)",
                 std::to_string(counters_.complete.load()), R"(,"aborted":)",
                 std::to_string(counters_.aborted.load()), R"(,"broken":)",
                 std::to_string(counters_.broken.load()), R"(,"connections":)",
                 std::to_string(counters_.connections.load()), R"(,"connections_open":)",
                 std::to_string(counters_.connections_open.load()), R"(,"uptime_seconds":)",
                 std::to_string(uptime.count()), "}\n"});
}

}  // namespace understudy::mock
