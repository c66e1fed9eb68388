#include "cmd/demo/tour.hpp"

#include <algorithm>
#include <array>

namespace understudy::demo {
namespace {

constexpr std::string_view kPrimary = "primary";
constexpr std::string_view kBackup = "backup";

constexpr std::array kSteps{
    Step{"ok", false, 200, kPrimary, "ok"},
    Step{"429", false, 200, kBackup, "rate_limit"},
    Step{"quota", false, 200, kBackup, "quota"},
    Step{"503", false, 200, kBackup, "server_error"},
    Step{"silent", false, 200, kBackup, "timeout"},
    Step{"reset", false, 200, kBackup, "connection"},
    Step{"html", false, 200, kBackup, "malformed"},
    Step{"cut-40", false, 200, kBackup, "malformed"},
    Step{"context-length", false, 400, kPrimary, "context_length"},
    Step{"401", false, 401, kPrimary, "auth"},
    Step{"ok", true, 200, kPrimary, "ok"},
    Step{"slow-20s", true, 200, kBackup, "timeout"},
    Step{"error-event-first", true, 200, kBackup, "malformed"},
    Step{"cut-40", true, 200, kPrimary, "ok", true},
};

/// The parts of the first entry of "primary/429;rate_limit;429;112ms, backup/..."
struct Attempt {
    std::string_view failure, status;
};
Attempt first_attempt(std::string_view trace) {
    const auto next = [&trace] {
        const auto end = std::min(trace.find(';'), trace.size());
        const auto part = trace.substr(0, end);
        trace.remove_prefix(std::min(end + 1, trace.size()));
        return part;
    };
    trace = trace.substr(0, trace.find(", "));
    next();  // upstream and model
    Attempt attempt;
    attempt.failure = next();
    attempt.status = next();
    return attempt;
}

/// What the primary did, in words: the class where it says more than the status.
std::string words_for(const Step& step, const Attempt& attempt) {
    if (attempt.failure == "timeout") return "silence: timeout";
    if (attempt.failure == "connection") return "reset: connection";
    if (step.broken) return "cut after 40 words";
    if (attempt.failure == "ok") return "answered";
    return std::string(attempt.status) + " " + std::string(attempt.failure);
}

/// The same where there is little room.
std::string brief_words_for(const Step& step, const Attempt& attempt) {
    if (step.broken) return "cut midway";
    return std::string(attempt.failure == "ok" ? "answered" : attempt.failure);
}

}  // namespace

std::span<const Step> tour_steps() {
    return kSteps;
}

std::string request_json(const Step& step) {
    return R"({"model":")" + std::string(step.model) + R"(",)" +
           (step.stream ? R"("stream":true,)" : "") +
           R"("messages":[{"role":"user","content":"Tell me the story."}]})";
}

Result judge(const Step& step, const Answer& answer) {
    Result result;
    const auto attempt = first_attempt(answer.field("x-understudy-trace"));
    const auto upstream = answer.field("x-understudy-upstream");
    // Every healthy answer ends with the same words; a stream also with its end marker.
    const bool told =
        step.stream ? answer.whole && answer.body.find("data: [DONE]") != std::string::npos
                    : answer.whole && answer.body.find("go down slowly.") != std::string::npos;
    const bool said_so = !answer.whole && answer.body.find("{\"error\":") != std::string::npos;
    const bool body_right = step.broken ? said_so : step.status != 200 || told;
    result.as_promised = answer.status == step.status && upstream == step.upstream &&
                         attempt.failure == step.primary && body_right;
    result.primary_did = words_for(step, attempt);
    result.primary_briefly = brief_words_for(step, attempt);
    result.answered_by =
        answer.status == 0 ? "nobody" : std::string(upstream) + " " + std::to_string(answer.status);
    if (step.broken && said_so) result.answered_by = "error event";
    return result;
}

std::string demo_config(std::string_view listen, std::string_view primary,
                        std::string_view backup) {
    const auto text = [](std::string_view part) { return std::string(part); };
    return "listen: " + text(listen) +
           "\n\n"
           "upstreams:                    # in order: the first one answers as long as it can\n"
           "  - name: primary             # misbehaves as the model's name says\n"
           "    base_url: " +
           text(primary) +
           "/v1\n"
           "    api_key: demo-key-of-primary\n"
           "    timeouts: { first_token: 1s, response: 1s, idle: 1s }\n"
           "    price: { input: 2.50, output: 10.00, cache_read: 1.25 }   # USD per million\n"
           "  - name: backup              # always well\n"
           "    base_url: " +
           text(backup) +
           "/v1\n"
           "    api_key: demo-key-of-backup\n"
           "    model: steady             # whatever the client asked for\n"
           "    price: { input: 0.15, output: 0.60, cache_read: 0.075 }\n"
           "\n"
           "routes:\n"
           "  - model: \"*\"\n"
           "    chain: [primary, backup]\n"
           "    midstream: error          # a stream that breaks later ends with an error event\n"
           "\n"
           "ledger: off                   # without this line every attempt is recorded\n"
           "log: { level: error }\n";
}

}  // namespace understudy::demo
