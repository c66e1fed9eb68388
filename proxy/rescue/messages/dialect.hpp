// Anthropic's Messages, as a rescue has to know them. Pure.
#pragma once

#include "proxy/rescue/dialect.hpp"
#include "proxy/rescue/messages/transcript.hpp"
#include "wire/chat_request.hpp"

namespace understudy::proxy::rescue {

class MessagesDialect final : public Dialect {
  public:
    Transcript& transcript() override { return transcript_; }
    std::string ask(std::string_view body, Rung rung, config::PrefillKind kind) const override;
    std::unique_ptr<Continuation> go_on(const ContinuationOptions& options) const override;

  private:
    Wishes read(std::string_view body, const wire::RequestFacts& facts) override;

    MessagesTranscript transcript_;
    wire::ChatRequest request_;  // its turns have the same form
};

}  // namespace understudy::proxy::rescue
