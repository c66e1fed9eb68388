// The making of reports: both records gather what happens to a request and to one of its attempts,
// and settle when they go out of scope, so no way out is missed: each makes its report once and
// hands it to the counters, the trace and the log. Several attempts of one request may be alive at
// once, and end in any order.
#pragma once

#include "metrics/series.hpp"
#include "proxy/bill.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/report.hpp"
#include "proxy/runtime.hpp"
#include "upstreams/attempt.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

class Quota;
struct AttemptMoney;

/// One request: counts its outcome and writes its log line when it ends, however it ends.
class RequestRecord {
  public:
    /// `cut_off`: the client is gone because this process has ended its connection.
    RequestRecord(Runtime& runtime, const Inbound& request, const RuntimeRoute* route,
                  const bool& client_gone, const bool& cut_off);
    ~RequestRecord();
    RequestRecord(const RequestRecord&) = delete;
    RequestRecord& operator=(const RequestRecord&) = delete;

    metrics::Outcome outcome = metrics::Outcome::client_closed;
    unsigned status = 0;          // sent to the client, 0: none
    std::string_view error_code;  // of a LocalError, static
    Quota* quota = nullptr;       // null: no limit is about this request
    std::string trace;            // x-understudy-trace; its memory is used again
    std::uint32_t attempts = 0;
    std::uint32_t stale_replays = 0;  // beside the attempts
    std::string_view served_by;       // upstream that answered; the configuration's
    std::string served_model;         // as that upstream names it
    RequestUsage usage;               // of all attempts
    std::int64_t total_cost_pico_usd = 0;
    PricedBy priced_by = PricedBy::nobody;  // the last attempt that has cost something
    std::chrono::nanoseconds waited{0};     // for upstreams
    bool delivered = false;  // the client has it all: what happens after is its affair
    bool whole = false;      // a plain answer: overhead can be told
    bool broken = false;     // the answer had begun, and then broke

    /// An entry was passed over because it rests: the trace says so.
    void skip(std::string_view upstream, std::string_view model) {
        append_skipped(trace, upstream, model);
        ++traced_;
    }
    /// The prices that its attempts are booked with.
    const metrics::PriceTable& prices() const { return *runtime_.config().prices; }
    /// The client has the whole answer; the request's clock stops.
    void deliver();
    /// It is over, and so are its attempts: accounts for it now, and not when this ends.
    void settle();
    /// The next attempt is one of the chain moving on from this upstream, which failed so.
    void moved(std::string_view from, wire::FailureClass why) {
        moved_from_ = from;
        moved_why_ = why;
    }

  private:
    friend class AttemptRecord;
    RequestReport report(std::chrono::nanoseconds took) const;
    std::uint64_t no_in(Books& books);

    Runtime& runtime_;
    const Inbound& request_;
    const RuntimeRoute* route_;
    const bool& client_gone_;
    const bool& cut_off_;
    std::uint32_t traced_ = 0;  // entries of the trace
    std::string_view moved_from_;
    wire::FailureClass moved_why_ = wire::FailureClass::none;
    net::TimePoint delivered_at_{};
    std::uint64_t no_ = 0;  // in the books, once it is there
    bool settled_ = false;
};

/// Accounts for one attempt when it goes out of scope, or before: attempt, tokens, cost, durations.
class AttemptRecord {
  public:
    AttemptRecord(Runtime& runtime, RequestRecord& request, const Inbound& inbound,
                  const upstreams::AttemptSpec& spec, const upstreams::Attempt& attempt,
                  std::string_view sent_model, std::size_t position = 0,
                  Cause cause = Cause::first);
    ~AttemptRecord();
    AttemptRecord(const AttemptRecord&) = delete;
    AttemptRecord& operator=(const AttemptRecord&) = delete;

    /// Adds this attempt to the request's trace; once, when it is known whether it answers. What
    /// becomes of the answer later is corrected when this ends, for the log.
    void trace();
    bool traced() const { return traced_.has_value(); }
    /// It is about to be dropped in the middle of its work, for this reason: another one has
    /// answered first, say. Without that, an attempt dropped so was left by the client.
    void dropped(wire::FailureClass why) { dropped_ = why; }
    /// What this attempt costs as far as it is known now.
    const Bill& bill();
    /// What was held for it; settled when this ends.
    void money(std::unique_ptr<AttemptMoney> money);
    /// It is over and nothing about it will change: accounts for it now, and not when this ends.
    /// Once: what comes again finds it done.
    void settle();

  private:
    bool in_the_middle() const;
    Ending ending() const;
    std::optional<Estimate> estimate();
    TraceEntry trace_entry(wire::FailureClass reason) const;
    AttemptReport report();
    void add_to_request(const AttemptReport& report);
    void count_moves(const AttemptReport& report) const;
    void put_in_books(const AttemptReport& report, const metrics::AttemptSeries& series) const;
    void tell_of_refused_key() const;
    void tell_of_missing_price() const;

    Runtime& runtime_;
    RequestRecord& request_;
    const upstreams::AttemptSpec& spec_;
    const upstreams::Attempt& attempt_;
    std::string_view sent_model_;
    metrics::Operation operation_;
    Cause cause_;
    std::uint16_t position_;
    std::uint32_t number_;
    std::string_view moved_from_;
    wire::FailureClass moved_why_;
    std::unique_ptr<AttemptMoney> money_;
    bool settled_ = false;
    bool bill_is_final_ = false;  // of a whole answer: nothing can change it any more
    Bill bill_;
    std::optional<std::uint64_t> prompt_estimate_;  // once it was needed
    std::uint32_t trace_place_ = 0;
    std::optional<wire::FailureClass> traced_;
    std::optional<wire::FailureClass> dropped_;
};

/// Counts and logs a request that was refused before it had a route; the ledger has no row of it.
void reject(Runtime& runtime, const Inbound& request, const LocalError& error);

}  // namespace understudy::proxy
