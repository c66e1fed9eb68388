// Chat completions, as a rescue has to know them. Pure.
#pragma once

#include "proxy/rescue/chat/transcript.hpp"
#include "proxy/rescue/dialect.hpp"
#include "wire/chat_request.hpp"

namespace understudy::proxy::rescue {

/// What a request that has been read as one of chat completions wants.
Wishes wishes_of(const wire::ChatRequest& request);

class ChatDialect final : public Dialect {
  public:
    Transcript& transcript() override { return transcript_; }
    std::string ask(std::string_view body, Rung rung, config::PrefillKind kind) const override;
    std::unique_ptr<Continuation> go_on(const ContinuationOptions& options) const override;

  private:
    Wishes read(std::string_view body, const wire::RequestFacts& facts) override;

    ChatTranscript transcript_;
    wire::ChatRequest request_;
};

}  // namespace understudy::proxy::rescue
