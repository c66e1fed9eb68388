// Google's Gemini, as a rescue has to know it. Pure.
#pragma once

#include "proxy/rescue/dialect.hpp"
#include "proxy/rescue/gemini/transcript.hpp"

namespace understudy::proxy::rescue {

class GeminiDialect final : public Dialect {
  public:
    Transcript& transcript() override { return transcript_; }
    std::string ask(std::string_view body, Rung rung, config::PrefillKind kind) const override;
    std::unique_ptr<Continuation> go_on(const ContinuationOptions& options) const override;

  private:
    Wishes read(std::string_view body, const wire::RequestFacts& facts) override;

    GeminiTranscript transcript_;
};

}  // namespace understudy::proxy::rescue
