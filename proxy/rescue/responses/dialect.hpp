// OpenAI's Responses, as a rescue has to know them. They have no way to put the beginning of an
// answer into the model's mouth. Pure.
#pragma once

#include "proxy/rescue/dialect.hpp"
#include "proxy/rescue/responses/transcript.hpp"

namespace understudy::proxy::rescue {

class ResponsesDialect final : public Dialect {
  public:
    Transcript& transcript() override { return transcript_; }
    std::string ask(std::string_view body, Rung rung, config::PrefillKind kind) const override;
    std::unique_ptr<Continuation> go_on(const ContinuationOptions& options) const override;

  private:
    Wishes read(std::string_view body, const wire::RequestFacts& facts) override;

    ResponsesTranscript transcript_;
};

}  // namespace understudy::proxy::rescue
