// The questions of a probe, over real connections: the list of models, one small chat request, and
// whether a port speaks the other scheme. Blocking: a small event loop runs until the answer is
// there.
#pragma once

#include "cmd/probe/heard.hpp"
#include "config/config.hpp"

#include <memory>
#include <string>

namespace understudy::cmd::probe {

/// Everything that is asked of one upstream. Keeps its connections between questions.
class Questions {
  public:
    explicit Questions(const config::Upstream& upstream);
    ~Questions();
    Questions(const Questions&) = delete;
    Questions& operator=(const Questions&) = delete;

    Listing list_models();
    Told chat(const std::string& model);
    /// Whether the same host answers by the other scheme. No credential travels with this question,
    /// and no certificate is checked.
    bool answers_by_other_scheme();

  private:
    struct Bench;
    std::unique_ptr<Bench> bench_;
};

}  // namespace understudy::cmd::probe
