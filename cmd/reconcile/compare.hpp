// The ledger beside a bill, day by day and model by model, and why they differ where they do. Pure.
#pragma once

#include "cmd/reconcile/bill.hpp"
#include "ledger/reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::cmd::reconcile {

enum class Verdict : std::uint8_t {
    agrees,       // within the tolerance
    estimated,    // broken off attempts, whose usage here is a guess
    missing,      // answers that did not say what they used
    unpriced,     // tokens without a price here
    price,        // the same tokens, another price
    only_billed,  // not in the ledger
    only_ledger,  // not on the bill
    differs,      // for no reason that the ledger knows
};
std::string_view name_of(Verdict verdict);
/// What it is due to is known and is no fault of either side.
bool explained(Verdict verdict);

struct Comparison {
    std::string day, model;
    Billed billed;        // of a line that only the ledger has: nothing
    ledger::Sums ledger;  // of a line that only the bill has: nothing
    Verdict verdict = Verdict::agrees;
    std::string why;  // in words; empty: it agrees

    /// Billed less what the ledger has, guesses included.
    std::optional<std::int64_t> difference_nano_usd() const;
};

/// `used`: of the bill's days and of the upstreams that it is about. The order is that of the days,
/// then of the models.
std::vector<Comparison> compare(Provider provider, const ProviderBill& bill,
                                const std::vector<ledger::DailyLine>& used,
                                std::int64_t tolerance_nano_usd);

}  // namespace understudy::cmd::reconcile
