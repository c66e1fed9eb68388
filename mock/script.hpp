// A script of rules for chaos drills: which requests, and what becomes of them. YAML or JSON; the
// format is docs/mock.md. A Script is immutable once parsed, apart from its counters.
#pragma once

#include "mock/plan.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::mock {

/// What a rule may look at.
struct RequestTraits {
    std::string_view model, path;
    bool stream = false;
};

struct Rule {
    // Which requests; an empty glob matches everything.
    std::string model, path;
    std::optional<bool> stream;
    std::uint64_t nth = 0;    // only the n-th that matches; 0: all
    std::uint64_t every = 0;  // only each n-th that matches; 0: all
    double chance = 1;        // 0..1
    std::uint64_t times = 0;  // steps aside after this many; 0: never
    Behaviour behaviour;

    std::uint64_t matched = 0;
    std::uint64_t used = 0;
};

class Script {
  public:
    /// Throws std::invalid_argument with the line of the problem.
    static Script parse(std::string_view yaml);

    /// The first rule that applies; its counters move on. Not thread-safe.
    struct Choice {
        std::size_t number = 0;  // counted from 1
        const Behaviour* behaviour = nullptr;
    };
    std::optional<Choice> choose(const RequestTraits& request);
    /// Counters and chance start anew.
    void reset();
    bool empty() const { return rules_.empty(); }
    const std::string& text() const { return text_; }

  private:
    static constexpr std::uint64_t kSeed = 2;  // the same drill twice gives the same answers

    std::string text_;
    std::vector<Rule> rules_;
    std::mt19937_64 random_{kSeed};
};

}  // namespace understudy::mock
