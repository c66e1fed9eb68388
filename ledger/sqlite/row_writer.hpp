// Rows on their way into their tables: names as numbers, an id for each, and many in one statement,
// for most of what a row by itself costs is the statement around it. For the writer alone, within a
// transaction.
#pragma once

#include "ledger/row.hpp"
#include "ledger/sqlite/database.hpp"
#include "ledger/sqlite/names.hpp"
#include "ledger/sqlite/tallies.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace understudy::ledger {

/// Numbers of a request's names.
struct RequestNames {
    std::int64_t route = 0, key = 0, path = 0, model = 0, outcome = 0, code = 0;
    std::int64_t served_by = 0, served_model = 0;
};

/// Which columns of a table, behind its id.
using Columns = std::bitset<64>;

class RowWriter {
  public:
    /// `names` and `tallies` are the same transaction's, and outlive this.
    RowWriter(Names& names, Tallies& tallies) : names_(names), tallies_(tallies) {}

    Fault prepare(Database& database);
    void finalize();

    /// The row's text has to stay where it is until flush().
    Fault add(const AttemptRow& row);
    Fault add(const RequestRow& row);
    /// Writes what has been added and is not written yet.
    Fault flush();

    /// The ids that were given last.
    struct Place {
        std::int64_t attempt = 0, request = 0;
    };
    Place place() const { return {attempts_.last, requests_.last}; }
    /// What has been added since then did not stay.
    void go_back(const Place& place);

  private:
    /// Rows to a statement: as many as there are, in as few statements.
    static constexpr std::array<std::size_t, 3> kGroups{16, 4, 1};
    template <class Row, class Numbers>
    struct Table {
        struct Waiting {
            Row row;
            Numbers names;
            std::int64_t id = 0;
        };
        std::array<Statement, kGroups.size()> inserts;
        Columns columns;  // of the statements: those that a row has had so far
        std::array<Waiting, kGroups.front()> waiting;  // the first `count` of them
        std::size_t count = 0;
        std::int64_t last = 0;  // id
    };
    using Attempts = Table<AttemptRow, AttemptNames>;
    using Requests = Table<RequestRow, RequestNames>;

    template <class T>
    Fault prepare(T& table);
    template <class T, class Row>
    Fault add(T& table, const Row& row);
    template <class T>
    Fault flush(T& table);
    template <class T>
    Fault prepare(T& table, std::size_t group, std::span<const typename T::Waiting> rows);
    template <class T>
    bool bind(T& table, std::size_t group, std::span<const typename T::Waiting> rows);
    template <class T>
    Statement::Step insert(T& table, std::size_t group, std::span<const typename T::Waiting> rows,
                           Fault& fault);
    template <class T>
    Fault write(T& table, std::size_t group, std::span<typename T::Waiting> rows,
                std::size_t& written);
    template <class T>
    Fault write_alone(T& table, typename T::Waiting& row);

    AttemptNames names_of(const AttemptRow& row);
    RequestNames names_of(const RequestRow& row);
    void count(const Attempts::Waiting& waiting);
    void count(const Requests::Waiting& waiting);

    Names& names_;
    Tallies& tallies_;
    Database* database_ = nullptr;
    Attempts attempts_;
    Requests requests_;
    RowNames<14> attempt_names_;
    RowNames<8> request_names_;
};

}  // namespace understudy::ledger
