#include "proxy/rescue/ladder.hpp"

#include "dialects/messages/gates.hpp"
#include "wire/answer.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy::rescue {

using config::Continuation;
using config::PrefillKind;
using wire::Dialect;

namespace {

Rungs none(const char* why) {
    Rungs rungs;
    rungs.why_none = why;
    return rungs;
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// In lower case; what is looked for has no other letters than ASCII's.
std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

// As servers word it: Anthropic ("does not support assistant message prefill. The conversation
// must end with a user message"), Mistral ("Expected last role User or Tool (or Assistant with
// prefix True)"), llama.cpp ("Assistant response prefill is incompatible with enable_thinking"),
// vLLM and SGLang (the names of their members), chat templates ("roles must alternate").
constexpr std::array<std::string_view, 11> kRefusalWords{"prefill",
                                                         "prefix",
                                                         "last role",
                                                         "last message",
                                                         "final message",
                                                         "must end with a user",
                                                         "roles must alternate",
                                                         "role must alternate",
                                                         "continue_final_message",
                                                         "add_generation_prompt",
                                                         "partial mode"};

/// Anthropic's models answer there, or nobody's of whom anything is known.
bool says_claude(Dialect dialect) {
    return dialect == Dialect::messages || dialect == Dialect::converse;
}

PrefillKind known_kind(const config::Upstream& upstream, std::string_view model) {
    if (says_claude(upstream.dialect)) {
        return dialects::messages::gates_of(model).prefill ? PrefillKind::assistant
                                                           : PrefillKind::none;
    }
    // What is known of a preset is of its OpenAI form.
    const bool openais = upstream.preset != nullptr && upstream.dialect == Dialect::chat;
    return openais ? upstream.preset->prefill : PrefillKind::none;
}

}  // namespace

std::string_view name_of(Rung rung) noexcept {
    constexpr std::array<std::string_view, 3> names{"prefill", "instruct", "restart"};
    return names[static_cast<std::size_t>(rung)];
}

Rungs allowed_rungs(const Transcript& transcript, const Wishes& wishes) {
    if (transcript.obstacle() != nullptr) return none(transcript.obstacle());
    if (!wishes.conversation) return none("the request is no conversation");
    if (!wishes.one_choice) return none("more than one choice was asked for");
    if (wishes.logprobs) return none("logprobs were asked for");
    if (wishes.audio) return none("more than text was asked for");
    Rungs rungs;
    rungs.restart = true;
    // Without a word of the answer there is nothing to continue: any new one will do.
    if (is_blank(transcript.text())) return rungs;
    rungs.prefill = true;
    // Asked in words, models talk where they should call a tool or write JSON.
    rungs.instruct = !wishes.tools && !wishes.schema;
    return rungs;
}

Capabilities capabilities_of(const config::Upstream& upstream, bool refused, Dialect client,
                             std::string_view model) {
    Capabilities can;
    can.setting = upstream.continuation;
    can.prefill = prefill_kind(upstream, client, model);
    // Anthropic: its structured outputs and a prefill exclude each other.
    can.schema_from_start = says_claude(upstream.dialect) ||
                            (upstream.preset != nullptr && upstream.preset->schema_from_start);
    can.prefill_refused = refused;
    can.thinks_or_prefills = says_claude(upstream.dialect);
    return can;
}

PrefillKind prefill_kind(const config::Upstream& upstream, Dialect client, std::string_view model) {
    if (client == Dialect::responses || upstream.dialect == Dialect::responses)
        return PrefillKind::none;
    const auto known = known_kind(upstream, model);
    const bool marked = known != PrefillKind::none && known != PrefillKind::assistant;
    if (marked && client != Dialect::chat) return PrefillKind::none;
    if (known != PrefillKind::none || upstream.continuation != Continuation::prefill) return known;
    // What is translated is written as the model is known to take it, whatever the setting says.
    if (says_claude(upstream.dialect) && upstream.dialect != client) return PrefillKind::none;
    return PrefillKind::assistant;
}

std::string_view prefill_path(const config::Upstream& upstream) {
    const auto* preset = upstream.preset;
    if (preset == nullptr || upstream.dialect != config::Dialect::chat) return {};
    return preset->hosts.contains(upstream.base_url.host) ? preset->prefill_path
                                                          : std::string_view();
}

std::optional<Rung> choose_rung(const Rungs& allowed, const Capabilities& can,
                                const Wishes& wishes) {
    const auto setting = can.setting;
    if (setting == Continuation::none) return std::nullopt;
    const bool from_prefill =
        setting == Continuation::automatic || setting == Continuation::prefill;
    const bool torn_schema = wishes.schema && can.schema_from_start;
    const bool thinks = wishes.thinking && can.thinks_or_prefills;
    const auto left = [&](Rung rung) { return !can.tried || *can.tried < rung; };
    if (allowed.prefill && left(Rung::prefill) && from_prefill &&
        can.prefill != PrefillKind::none && !can.prefill_refused && !torn_schema && !thinks) {
        return Rung::prefill;
    }
    if (allowed.instruct && left(Rung::instruct) && setting != Continuation::restart)
        return Rung::instruct;
    if (allowed.restart && left(Rung::restart)) return Rung::restart;
    return std::nullopt;
}

bool refuses_prefill(std::string_view body) {
    const auto facts = wire::parse_error_body(body);
    const std::string said = lowered(facts.message + ' ' + facts.param + ' ' + facts.code);
    return std::any_of(kRefusalWords.begin(), kRefusalWords.end(),
                       [&](std::string_view word) { return said.find(word) != std::string::npos; });
}

}  // namespace understudy::proxy::rescue
