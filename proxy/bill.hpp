// Tokens and money of one attempt: what the upstream reported, and what is guessed where an answer
// was cut before it could. docs/accounting.md says what is counted when. Pure: no clock, no
// sockets.
#pragma once

#include "metrics/price_table.hpp"
#include "upstreams/meter.hpp"
#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::proxy {

/// Who knew the price.
enum class PricedBy : std::uint8_t {
    nobody,         // nothing to pay, or no price is known
    upstream,       // the answer named its cost
    configuration,  // `price` of the upstream
    table,          // the built-in price table
    file,           // `prices`
};
std::string_view name_of(PricedBy by);
/// What says which price it was: the words above, or the version of the table; empty: none.
std::string_view price_version(PricedBy by, const metrics::PriceTable& prices);

/// Tokens and cost of one attempt.
struct Bill {
    metrics::TokenCounts tokens;  // all of them, guesses included
    std::optional<std::int64_t> cost_pico_usd;
    metrics::TokenCounts guessed;  // of `tokens`: input and output alone
    std::int64_t guessed_cost_pico_usd = 0;
    bool reported = false;   // the upstream said so: all, or all but what is guessed
    bool estimated = false;  // there is a guess, because it did not say
    PricedBy priced_by = PricedBy::nobody;
    /// There are tokens, and no price for them.
    bool unpriced() const {
        return (reported || estimated) && tokens.total() > 0 && !cost_pico_usd;
    }
    /// What the upstream said: tokens without `guessed`.
    metrics::TokenCounts said() const;
    std::int64_t said_cost_pico_usd() const {
        return cost_pico_usd.value_or(0) - guessed_cost_pico_usd;
    }
};

/// How an attempt ended, as far as its bill depends on that.
enum class Ending : std::uint8_t {
    none,       // there was no answer that began well
    finished,   // it came to its end by itself
    cut,        // it had begun, and broke off or was left
    overtaken,  // another attempt answered first; the provider goes on with what it was asked
};

/// What an attempt used by our own reckoning.
struct Estimate {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
};

/// Whether the upstream's own figures are not the last word, so that an estimate is wanted.
bool needs_estimate(const upstreams::Metered& metered, Ending ending);

/// Tokens of what was asked: a quarter of its text in bytes. A walk over the body.
std::uint64_t estimated_prompt(std::string_view body, const wire::RequestFacts* facts);
/// Tokens of what has come: an event each, or where events hold more than words, a quarter of their
/// text in bytes. 0 for answers that are no text.
std::uint64_t estimated_completion(wire::AnswerShape shape, const upstreams::Metered& metered);

/// Metered usage as a bill, and what is paid for by the piece; with an estimate, for what it is
/// short of. `price`: null, not known. `reasoning_beside`: by the provider's habit, where its total
/// does not tell.
Bill bill_for(const upstreams::Metered& metered, const std::optional<Estimate>& estimate,
              const metrics::ModelPrice* price, const metrics::Pieces& pieces = {},
              bool reasoning_beside = false);

}  // namespace understudy::proxy
