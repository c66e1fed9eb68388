// Sums and counters of one batch, gathered while its rows are written and added to their tables at
// its end, so that a row costs one row and a batch a few more. For the writer alone.
#pragma once

#include "ledger/sqlite/database.hpp"
#include "ledger/sums.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace understudy::ledger {

/// Numbers of an attempt's names.
struct AttemptNames {
    std::int64_t label = 0, operation = 0;
    std::int64_t moved_from = 0, moved_why = 0;
    std::int64_t route = 0, key = 0, upstream = 0, model = 0, answered = 0;
    std::int64_t dialect = 0, reason = 0, cause = 0, tier = 0, price = 0;
};

class Tallies {
  public:
    Fault prepare(Database& database);
    void finalize();

    void add(const AttemptRow& row, const AttemptNames& names, std::int64_t id);
    void add_request(std::int64_t route, std::int64_t outcome);
    /// Writes what was added; inside the batch's transaction.
    Fault write();
    void clear();
    /// By how much write() has raised which counter; labels are numbers of names.
    using Four = std::array<std::int64_t, 4>;
    struct Raised {
        std::string_view name;  // static
        Four labels;
        std::uint64_t by = 0;
    };
    const std::vector<Raised>& raised() const { return raised_; }

  private:
    void count(const AttemptRow& row, const AttemptNames& names);
    void count_hedge(const AttemptRow& row, const AttemptNames& names);
    void raise_series();
    void raise_rest();
    void raise(std::string_view name, const Four& labels, std::uint64_t n);
    Fault write_counters();

    /// Counters to a statement: as many as there are, in as few statements.
    static constexpr std::array<std::size_t, 3> kGroups{8, 4, 1};
    std::map<std::array<std::int64_t, 5>, Sums> hours_;
    // hour, session, key, upstream, model
    std::map<std::tuple<std::int64_t, std::string, std::int64_t, std::int64_t, std::int64_t>, Sums>
        sessions_;
    struct Series {
        Sums sums;
        std::map<std::int64_t, std::uint64_t> reasons;
        std::uint64_t silent_replays = 0;
    };
    std::map<std::array<std::int64_t, 3>, Series> series_;            // upstream, label, operation
    std::map<std::array<std::int64_t, 2>, std::uint64_t> requests_;   // route, outcome
    std::map<std::array<std::int64_t, 3>, std::uint64_t> failovers_;  // from, to, why
    struct Hedges {
        std::uint64_t started = 0, won = 0, tokens = 0;
    };
    std::map<std::int64_t, Hedges> hedges_;  // by route
    std::vector<Raised> raised_;
    // Where the row before was added: rows in a row are mostly of one kind.
    decltype(hours_)::value_type* last_hour_ = nullptr;
    decltype(series_)::value_type* last_series_ = nullptr;
    decltype(Series::reasons)::value_type* last_reason_ = nullptr;
    Statement hour_, session_;
    std::array<Statement, kGroups.size()> counters_;
};

}  // namespace understudy::ledger
