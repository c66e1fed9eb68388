#include "cmd/reconcile/compare.hpp"

#include "metrics/price.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace understudy::cmd::reconcile {

namespace {

using ledger::Sums;

std::int64_t cost_of(const Sums& sums) {
    return sums.cost_nano_usd + sums.estimated_cost_nano_usd;
}
std::uint64_t prompt_of(const Sums& sums) {
    return sums.tokens.prompt() + sums.estimated_input;
}
std::uint64_t completion_of(const Sums& sums) {
    return sums.tokens.completion() + sums.estimated_output;
}

std::string dollars(std::int64_t nano) {
    return "$" + metrics::format_usd(std::abs(nano) * 1000);
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
    return std::to_string(n).append(" ").append(n == 1 ? one : many);
}

/// Nothing that anybody could bill.
bool is_nothing(const Sums& sums) {
    return cost_of(sums) == 0 && prompt_of(sums) + completion_of(sums) == 0 && sums.missing == 0;
}

std::optional<bool> tokens_agree(const Billed& billed, const Sums& sums) {
    if (!billed.prompt_tokens && !billed.completion_tokens) return std::nullopt;
    return billed.prompt_tokens.value_or(prompt_of(sums)) == prompt_of(sums) &&
           billed.completion_tokens.value_or(completion_of(sums)) == completion_of(sums);
}

/// Judges a line that both sides have.
class Judge {
  public:
    Judge(Comparison& line, std::int64_t tolerance)
        : line_(line),
          tolerance_(tolerance),
          difference_(line.difference_nano_usd()),
          same_tokens_(tokens_agree(line.billed, line.ledger)) {}

    void run() {
        if (agrees()) return;
        const auto& s = line_.ledger;
        // More was billed than is booked, or nobody knows: what is not booked explains it.
        const bool more = difference_ ? *difference_ > 0 : more_tokens();
        if (more && s.unpriced > 0) {
            say(Verdict::unpriced, counted(s.unpriced, "attempt has", "attempts have") +
                                       " tokens that no price is known for: add one to `prices`");
        }
        if (more && s.missing > 0) {
            say(Verdict::missing,
                counted(s.missing, "answer", "answers") + " did not say what was used");
        }
        if (guessed() && at_least_reported()) {
            say(Verdict::estimated, dollars(s.estimated_cost_nano_usd) + " of the ledger, for " +
                                        std::to_string(s.estimated_input + s.estimated_output) +
                                        " tokens of streams that broke off, is a guess");
        }
        if (!line_.why.empty()) return;
        if (same_tokens_.value_or(false)) {
            say(Verdict::price,
                "the tokens are the same: the price that was booked is another "
                "than the provider's; set `price`, or `prices`");
        } else {
            say(Verdict::differs, unexplained());
        }
    }

  private:
    bool agrees() const {
        if (difference_) return std::abs(*difference_) <= tolerance_;
        return same_tokens_.value_or(true);
    }
    bool more_tokens() const {
        return line_.billed.prompt_tokens.value_or(0) > prompt_of(line_.ledger) ||
               line_.billed.completion_tokens.value_or(0) > completion_of(line_.ledger);
    }
    bool guessed() const {
        const auto& s = line_.ledger;
        return s.estimated_input + s.estimated_output > 0 || s.estimated_cost_nano_usd > 0;
    }
    /// What upstreams reported is billed in any case: less than that is no guess's fault.
    bool at_least_reported() const {
        const auto& s = line_.ledger;
        if (difference_) return *line_.billed.cost_nano_usd >= s.cost_nano_usd - tolerance_;
        return line_.billed.prompt_tokens.value_or(s.tokens.prompt()) >= s.tokens.prompt() &&
               line_.billed.completion_tokens.value_or(s.tokens.completion()) >=
                   s.tokens.completion();
    }
    std::string unexplained() const {
        const auto& s = line_.ledger;
        const auto& b = line_.billed;
        std::string text;
        if (b.prompt_tokens && b.completion_tokens) {
            text = "the bill has " + std::to_string(*b.prompt_tokens) + " prompt and " +
                   std::to_string(*b.completion_tokens) + " completion tokens, the ledger " +
                   std::to_string(prompt_of(s)) + " and " + std::to_string(completion_of(s));
        }
        const bool less = difference_ ? *difference_ < 0 : !more_tokens();
        text.append(text.empty() ? "" : "; ");
        return text + (less ? "the ledger has more than was billed"
                            : "somebody may have used the account beside this daemon");
    }
    void say(Verdict verdict, std::string why) {
        if (line_.why.empty()) line_.verdict = verdict;
        line_.why.append(line_.why.empty() ? "" : "; ").append(why);
    }

    Comparison& line_;
    std::int64_t tolerance_;
    std::optional<std::int64_t> difference_;
    std::optional<bool> same_tokens_;
};

void judge(Comparison& line, bool billed, bool used, std::int64_t tolerance) {
    if (billed && used) {
        Judge(line, tolerance).run();
        return;
    }
    const auto& cost = line.billed.cost_nano_usd;
    if (billed && cost && std::abs(*cost) <= tolerance) return;
    line.verdict = billed ? Verdict::only_billed : Verdict::only_ledger;
    line.why = billed
                   ? "the ledger has no attempt of this day and model: it went past this daemon, "
                     "or is older than what the ledger keeps"
                   : "the bill has nothing of this day and model";
}

}  // namespace

std::string_view name_of(Verdict verdict) {
    static constexpr std::array<std::string_view, 8> kNames{
        "agrees", "estimated",   "missing",     "unpriced",
        "price",  "only_billed", "only_ledger", "differs"};
    return kNames[static_cast<std::size_t>(verdict)];
}

bool explained(Verdict verdict) {
    return verdict <= Verdict::unpriced;
}

std::optional<std::int64_t> Comparison::difference_nano_usd() const {
    if (!billed.cost_nano_usd) return std::nullopt;
    return *billed.cost_nano_usd - cost_of(ledger);
}

std::vector<Comparison> compare(Provider provider, const ProviderBill& bill,
                                const std::vector<ledger::DailyLine>& used,
                                std::int64_t tolerance_nano_usd) {
    struct Sides {
        Comparison line;
        bool billed = false, used = false;
    };
    std::map<DayAndModel, Sides> lines;
    for (const auto& [key, billed] : bill.lines) {
        auto& sides = lines[key];
        sides.billed = true;
        sides.line.billed = billed;
        sides.line.model = billed.model;
    }
    for (const auto& line : used) {
        if (is_nothing(line.sums)) continue;
        DayAndModel key{line.day, std::string()};
        const auto& answered = line.answered.empty() ? line.model : line.answered;
        if (bill.by_model) {
            // Bills name what answered, or what was asked for.
            key.second = same_model(provider, answered);
            const DayAndModel asked{line.day, same_model(provider, line.model)};
            if (!bill.lines.contains(key) && bill.lines.contains(asked)) key = asked;
        }
        auto& sides = lines[key];
        sides.used = true;
        sides.line.ledger.add(line.sums);
        if (sides.line.model.empty() && bill.by_model) sides.line.model = answered;
    }
    std::vector<Comparison> out;
    for (auto& [key, sides] : lines) {
        sides.line.day = key.first;
        judge(sides.line, sides.billed, sides.used, tolerance_nano_usd);
        out.push_back(std::move(sides.line));
    }
    return out;
}

}  // namespace understudy::cmd::reconcile
