#include "proxy/rescue/chat/dialect.hpp"

#include "proxy/rescue/chat/continuation.hpp"
#include "proxy/rescue/continuation_request.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy::rescue {

namespace {

// Ways to ask for thoughts, where they are no matter of the model alone.
constexpr std::array<std::string_view, 4> kThinkingMembers{"reasoning_effort", "reasoning",
                                                           "thinking", "enable_thinking"};

bool asks_for_thoughts(const wire::JsonMember& member, std::string_view body) {
    const auto key = member.key.of(body);
    const auto value = member.value.of(body);
    if (value == "null" || value == "false" || value == "\"none\"") return false;
    return std::any_of(kThinkingMembers.begin(), kThinkingMembers.end(),
                       [key](std::string_view name) { return wire::key_equals(key, name); });
}

}  // namespace

Wishes wishes_of(const wire::ChatRequest& request) {
    Wishes wishes;
    wishes.conversation = request.conversation;
    wishes.one_choice = request.one_choice;
    wishes.logprobs = request.logprobs;
    wishes.tools = request.tools;
    wishes.schema = request.schema;
    wishes.audio = request.audio;
    return wishes;
}

Wishes ChatDialect::read(std::string_view body, const wire::RequestFacts& facts) {
    request_ = wire::read_chat_request(body, facts);
    auto wishes = wishes_of(request_);
    for (const auto& member : facts.members) wishes.thinking |= asks_for_thoughts(member, body);
    return wishes;
}

std::string ChatDialect::ask(std::string_view body, Rung rung, config::PrefillKind kind) const {
    return continuation_body(body, request_, rung, kind, transcript_);
}

std::unique_ptr<Continuation> ChatDialect::go_on(const ContinuationOptions& options) const {
    return std::make_unique<ChatContinuation>(transcript_, options);
}

}  // namespace understudy::proxy::rescue
