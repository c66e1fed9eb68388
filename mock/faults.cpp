#include "mock/faults.hpp"

#include <algorithm>
#include <array>

namespace understudy::mock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMaxCount = 10'000'000;

constexpr std::string_view kHtml =
    "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>\n"
    "<body><h1>Checking your browser</h1><p>This page should not be here.</p></body></html>\n";

void fail_with(Plan& plan, unsigned status, Refusal::Cause cause = Refusal::Cause::status) {
    plan.status = status;
    plan.refusal = Refusal{cause, status};
    plan.body.reset();
}

/// Names without a number in them.
bool apply_word(Behaviour& behaviour, std::string_view name) {
    Plan& plan = behaviour.plan;
    if (name == "reset") {
        plan.breaks = Break::reset;
    } else if (name == "close") {
        plan.breaks = Break::close;
    } else if (name == "silent") {
        plan.breaks = Break::stall;
        plan.stall = seconds(120);
    } else if (name == "quota") {
        fail_with(plan, 429, Refusal::Cause::quota);
    } else if (name == "context-length") {
        fail_with(plan, 400, Refusal::Cause::too_long);
    } else if (name == "content-filter") {
        fail_with(plan, 400, Refusal::Cause::filtered);
    } else if (name == "no-prefill") {
        behaviour.gate = Gate::prefill;
        fail_with(plan, 400, Refusal::Cause::no_prefill);
    } else if (name == "html") {
        plan.body = std::string(kHtml);
        plan.content_type = "text/html; charset=utf-8";
    } else if (name == "empty") {
        plan.body = "";
    } else if (name == "error-in-200") {
        plan.refusal = Refusal{Refusal::Cause::status, 500};
    } else if (name == "redirect") {
        plan.status = 307;
        plan.body = "";
        plan.headers.emplace_back("location", "https://elsewhere.invalid/v1/chat/completions");
    } else {
        return false;
    }
    return true;
}

/// Names that bend a healthy answer.
bool apply_bend(Plan& plan, std::string_view name) {
    if (name == "no-done") {
        plan.done = false;
    } else if (name == "no-usage") {
        plan.usage = false;
    } else if (name == "slow-drip") {
        plan.between = milliseconds(500);
        plan.piece_bytes = 64;
        plan.piece_pause = milliseconds(20);
    } else if (name == "truncated-json") {
        plan.flaw = Flaw::truncated;
    } else if (name == "no-choices") {
        plan.flaw = Flaw::no_choices;
    } else if (name == "error-event-first") {
        plan.flaw = Flaw::error_event;
    } else if (name == "gzip") {
        plan.gzip = true;
    } else if (name == "tools") {
        plan.content = Content::tools;
    } else if (name == "reasoning") {
        plan.content = Content::reasoning;
    } else if (name == "echo") {
        plan.content = Content::echo;
    } else if (name == "starts-over") {
        plan.starts_over = true;
    } else if (name == "lean") {
        plan.lean = true;
    } else if (name == "byte-by-byte") {
        plan.piece_bytes = 1;
    } else if (name == "head-drip") {
        plan.piece_bytes = 1;
        plan.piece_pause = milliseconds(20);
        plan.piece_head = true;
    } else if (name == "100-continue") {
        plan.interim = Interim::continue_100;
    } else if (name == "early-hints") {
        plan.interim = Interim::early_hints_103;
    } else if (name == "close-delimited") {
        plan.ending = Ending::until_close;
    } else if (name == "keep-alive-close") {
        plan.ending = Ending::close_unannounced;
    } else {
        return name == "ok";
    }
    return true;
}

/// <word>-<number>.
bool apply_counted(Plan& plan, std::string_view word, std::string_view argument) {
    const auto count = parse_number(argument, kMaxCount);
    if (!count) return false;
    if (word == "cut" || word == "reset" || word == "stall") {
        plan.breaks = word == "cut" ? Break::close : word == "reset" ? Break::reset : Break::stall;
        plan.break_after = *count;
        plan.stall = seconds(30);
    } else if (word == "torn") {
        plan.breaks = Break::close;
        plan.break_after = *count;
        plan.torn = true;
    } else if (word == "malformed" || word == "checksum" || word == "prelude") {
        plan.flaw = word == "malformed"  ? Flaw::malformed
                    : word == "checksum" ? Flaw::checksum
                                         : Flaw::prelude;
        plan.flaw_at = *count == 0 ? 0 : *count - 1;  // malformed-10: the tenth event
    } else if (word == "error-event") {
        plan.flaw = Flaw::error_event;
        plan.flaw_at = *count;
    } else if (word == "long") {
        plan.words = *count;
    } else if (word == "rate" && *count > 0) {
        plan.between = Duration(1'000'000 / *count);
    } else {
        return false;
    }
    return true;
}

/// <word>-<duration>.
bool apply_timed(Behaviour& behaviour, std::string_view word, std::string_view argument) {
    const auto time = parse_duration(argument);
    if (!time) return false;
    if (word == "slow") {
        behaviour.plan.before_first = *time;
    } else if (word == "late") {
        behaviour.plan.before_head = *time;
    } else if (word == "drip") {
        behaviour.plan.between = *time;
    } else if (word == "flap") {
        behaviour.gate = Gate::outage;
        behaviour.outage = *time;
        fail_with(behaviour.plan, 503);
    } else {
        return false;
    }
    return true;
}

/// <status>[-retry-<duration>].
bool apply_status(Plan& plan, std::string_view name) {
    const auto status = parse_number(name.substr(0, 3), 599);
    if (!status || *status < 300 || name.size() < 3) return false;
    std::string_view rest = name.substr(3);
    constexpr std::string_view kRetry = "-retry-";
    std::optional<Duration> wait;
    if (rest.starts_with(kRetry)) {
        wait = parse_duration(rest.substr(kRetry.size()));
        if (!wait) return false;
    } else if (!rest.empty()) {
        return false;
    }
    const auto code = static_cast<unsigned>(*status);
    fail_with(plan, code);
    if (!wait) return true;
    // retry-after knows whole seconds only; retry-after-ms says it exactly.
    const auto exact = std::chrono::duration_cast<milliseconds>(*wait);
    const auto whole = std::chrono::ceil<seconds>(exact);
    plan.headers.emplace_back("retry-after", std::to_string(whole.count()));
    if (whole != exact) plan.headers.emplace_back("retry-after-ms", std::to_string(exact.count()));
    return true;
}

bool apply_term(Behaviour& behaviour, std::string_view name) {
    if (apply_word(behaviour, name) || apply_bend(behaviour.plan, name)) return true;
    if (apply_status(behaviour.plan, name)) return true;
    const auto dash = name.rfind('-');
    if (dash == std::string_view::npos) return false;
    const auto word = name.substr(0, dash);
    const auto argument = name.substr(dash + 1);
    return apply_counted(behaviour.plan, word, argument) || apply_timed(behaviour, word, argument);
}

/// Takes "-once" out of the name, from its end or from before "-retry-".
std::string without_once(std::string_view name, bool& once) {
    constexpr std::string_view kOnce = "-once";
    const auto at = name.find(kOnce);
    std::string rest(name);
    if (at == std::string_view::npos || at == 0) return rest;
    const auto behind = name.substr(at + kOnce.size());
    if (!behind.empty() && !behind.starts_with("-retry-")) return rest;
    once = true;
    rest.erase(at, kOnce.size());
    return rest;
}

}  // namespace

std::optional<Behaviour> behaviour_named(std::string_view name) {
    Behaviour behaviour;
    bool once = false;
    std::string_view left = name;
    do {
        const auto plus = std::min(left.find('+'), left.size());
        const std::string term = without_once(left.substr(0, plus), once);
        if (!apply_term(behaviour, term)) return std::nullopt;
        left.remove_prefix(std::min(plus + 1, left.size()));
    } while (!left.empty());
    if (once) behaviour.gate = Gate::once;
    behaviour.healthy = name == "ok";
    return behaviour;
}

}  // namespace understudy::mock
