#include "proxy/rescue/messages/dialect.hpp"

#include "proxy/rescue/chat/dialect.hpp"
#include "proxy/rescue/continuation_request.hpp"
#include "proxy/rescue/messages/continuation.hpp"

namespace understudy::proxy::rescue {

using dialects::Value;

Wishes MessagesDialect::read(std::string_view body, const wire::RequestFacts& facts) {
    request_ = wire::read_chat_request(body, facts);
    auto wishes = wishes_of(request_);
    const auto [config, format, thinking, servers] =
        Value::of(body).pick({"output_config", "output_format", "thinking", "mcp_servers"});
    wishes.schema |= !format.nothing() || !config.at("format").nothing();
    wishes.tools |= servers.is_array() && !servers.empty();
    wishes.thinking = thinking.is_object() && !thinking.at("type").is("disabled");
    // A budget for thoughts has to be less than the limit.
    if (wishes.thinking) request_.max_tokens.reset();
    return wishes;
}

std::string MessagesDialect::ask(std::string_view body, Rung rung, config::PrefillKind) const {
    return continuation_body(body, request_, rung, config::PrefillKind::assistant, transcript_,
                             true);
}

std::unique_ptr<Continuation> MessagesDialect::go_on(const ContinuationOptions& options) const {
    return std::make_unique<MessagesContinuation>(transcript_, options);
}

}  // namespace understudy::proxy::rescue
