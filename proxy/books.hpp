// One worker's way to the ledger: turns reports into rows and puts them into its mailbox. Where
// there is no ledger there are no books, and nothing is done.
#pragma once

#include "ledger/ledger.hpp"
#include "proxy/inbound.hpp"
#include "proxy/report.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::proxy {

/// What an attempt's row has besides its report.
struct AttemptContext {
    std::uint64_t request_no = 0;  // of Books::next_no()
    std::string_view route;        // its label
    const metrics::AttemptSeries* series = nullptr;
    const metrics::PriceTable* prices = nullptr;
};

class Books {
  public:
    /// `mailbox`: of this worker.
    Books(ledger::Ledger& ledger, std::size_t mailbox);

    /// A number for another request: of no other one, of whatever worker, process or day.
    std::uint64_t next_no() { return no_++ & kGreatestNo; }
    void put(const AttemptReport& report, const Inbound& request, const AttemptContext& context);
    void put(const RequestReport& report);

    /// Requests ought to begin more slowly.
    bool congested() const { return ledger_.congested(); }
    /// There is no room for the rows of another request.
    bool full() const { return ledger_.full(); }

  private:
    static constexpr std::uint64_t kGreatestNo = INT64_MAX;
    ledger::Ledger& ledger_;
    std::size_t mailbox_;
    std::uint64_t no_;  // from where chance has put it, in 2^63
};

/// What a row says of a bill: whole nano-dollars, guesses apart.
void put_bill(const Bill& bill, const metrics::PriceTable& prices, ledger::AttemptRow& row);

}  // namespace understudy::proxy
