#include "ledger/sqlite/row_writer.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace understudy::ledger {

namespace {

// A clock that went back by more than this has been set; less is the order of arrival.
constexpr std::int64_t kClockSet = 5'000'000;
constexpr int kTriesForId = 16;  // then behind all others

// What differs between the two kinds of rows. With the names of the columns: a later version, which
// takes over, may have added some. In the order of the table, so that a statement with many rows
// makes each where it is needed.
struct AttemptTable {
    static constexpr std::string_view name = "attempt";
    static constexpr std::string_view columns =
        "id, request_id, number, session, route, key, upstream, model, answered_model, dialect, "
        "cause, position, reason, status, deliveries, total_us, first_token_us, bytes_sent, "
        "bytes_received, usage, input, cache_read, cache_write, output, reasoning, "
        "estimated_input, estimated_output, cost_nano_usd, estimated_cost_nano_usd, unpriced, "
        "price, tier, detail, request_no";
    static constexpr const char* newest = "SELECT max(id) FROM attempt";
};
struct RequestTable {
    static constexpr std::string_view name = "request";
    static constexpr std::string_view columns =
        "id, request_id, given, session, route, key, path, model, outcome, status, code, stream, "
        "broken, attempts, served_by, served_model, total_us, bytes_received, prompt_tokens, "
        "completion_tokens, cost_nano_usd, request_no";
    static constexpr const char* newest = "SELECT max(id) FROM request";
};
// Asked for its type alone.
[[maybe_unused]] constexpr AttemptTable table_of(const AttemptRow& /*row*/) {
    return {};
}
[[maybe_unused]] constexpr RequestTable table_of(const RequestRow& /*row*/) {
    return {};
}

// Rows before one that has no place where it is to go stay: the one is written by itself then.
std::string insert_sql(std::string_view table, std::string_view columns, const Columns& filled,
                       std::size_t rows) {
    std::string row = "(?";  // the id, which every row has
    const auto count = static_cast<std::size_t>(std::count(columns.begin(), columns.end(), ','));
    for (std::size_t i = 0; i < count; ++i) row += filled[i] ? ",?" : ",NULL";
    row += ')';
    std::string sql = "INSERT OR FAIL INTO " + std::string(table) + " (" + std::string(columns) +
                      ") VALUES " + row;
    for (std::size_t i = 1; i < rows; ++i) sql += "," + row;
    return sql;
}

std::int64_t number(std::uint64_t n) {
    return static_cast<std::int64_t>(n);
}

// A row's id is the time of its end, or one of the next that is free.
std::int64_t id_at(std::int64_t at, std::int64_t last) {
    return at > last || last - at > kClockSet ? at : last + 1;
}

/// Takes the columns behind the id one after the other, and says which ones a row fills.
class Filled {
  public:
    void put(std::string_view /*text*/) { note(true); }
    void put(std::int64_t /*number*/) { note(true); }
    void put_or_null(std::string_view text) { note(!text.empty()); }
    void put_or_null(std::int64_t number) { note(number != 0); }
    void put_if(bool known, std::int64_t /*number*/) { note(known); }
    const Columns& columns() const { return columns_; }

  private:
    void note(bool filled) { columns_[next_++] = filled; }

    Columns columns_;
    std::size_t next_ = 0;
};

/// The same, into a statement that has some of them.
class Bind {
  public:
    Bind(Statement& statement, const Columns& columns) : s_(statement), columns_(columns) {}
    void put(std::string_view text) { next() ? void(s_.bind(text)) : note(true); }
    void put(std::int64_t number) { next() ? void(s_.bind(number)) : note(true); }
    void put_or_null(std::string_view text) {
        next() ? void(s_.bind_or_null(text)) : note(!text.empty());
    }
    void put_or_null(std::int64_t number) {
        next() ? void(s_.bind_or_null(number)) : note(number != 0);
    }
    void put_if(bool known, std::int64_t number) {
        if (!next()) return note(known);
        known ? s_.bind(number) : s_.bind_null();
    }
    /// The row has one that the statement has not.
    bool lacks() const { return lacks_; }

  private:
    bool next() { return columns_[next_++]; }
    void note(bool lacks) { lacks_ = lacks_ || lacks; }

    Statement& s_;
    const Columns columns_;
    std::size_t next_ = 0;
    bool lacks_ = false;
};

// Both behind the id, in the order of the columns.
template <class To>
void put(To& to, const AttemptRow& row, const AttemptNames& n) {
    to.put(row.request);
    to.put(std::int64_t{row.number});
    to.put_or_null(row.session);
    to.put_or_null(n.route);
    to.put_or_null(n.key);
    to.put(n.upstream);
    to.put_or_null(n.model);
    to.put_or_null(n.answered);
    to.put_or_null(n.dialect);
    to.put_or_null(n.cause);
    to.put(std::int64_t{row.position});
    to.put(n.reason);
    to.put_or_null(std::int64_t{row.status});
    to.put(std::int64_t{row.deliveries});
    to.put(row.total_us);
    to.put_if(row.first_token_us >= 0, row.first_token_us);
    to.put_or_null(number(row.bytes_sent));
    to.put_or_null(number(row.bytes_received));
    to.put(static_cast<std::int64_t>(row.usage));
    to.put_or_null(number(row.tokens.input));
    to.put_or_null(number(row.tokens.cache_read));
    to.put_or_null(number(row.tokens.cache_write));
    to.put_or_null(number(row.tokens.output));
    to.put_or_null(number(row.tokens.reasoning));
    to.put_or_null(number(row.estimated_input));
    to.put_or_null(number(row.estimated_output));
    to.put_or_null(row.cost_nano_usd);
    to.put_or_null(row.estimated_cost_nano_usd);
    to.put_or_null(std::int64_t{row.unpriced});
    to.put_or_null(n.price);
    to.put_or_null(n.tier);
    to.put_or_null(row.detail);
    to.put_or_null(number(row.request_no));
}

template <class To>
void put(To& to, const RequestRow& row, const RequestNames& n) {
    to.put(row.request);
    to.put_or_null(std::int64_t{row.given});
    to.put_or_null(row.session);
    to.put_or_null(n.route);
    to.put_or_null(n.key);
    to.put_or_null(n.path);
    to.put_or_null(n.model);
    to.put(n.outcome);
    to.put_or_null(std::int64_t{row.status});
    to.put_or_null(n.code);
    to.put_or_null(std::int64_t{row.stream});
    to.put_or_null(std::int64_t{row.broken});
    to.put(std::int64_t{row.attempts});
    to.put_or_null(n.served_by);
    to.put_or_null(n.served_model);
    to.put(row.total_us);
    to.put_or_null(number(row.bytes_received));
    to.put_or_null(number(row.prompt_tokens));
    to.put_or_null(number(row.completion_tokens));
    to.put_or_null(row.cost_nano_usd);
    to.put_or_null(number(row.no));
}

}  // namespace

template <class T>
Fault RowWriter::prepare(T& table) {
    table.last =
        database_->number(decltype(table_of(table.waiting.front().row))::newest).value_or(0);
    // Whatever is the matter with the table is found when it is opened.
    const typename T::Waiting none{};
    return prepare(table, kGroups.size() - 1, {&none, 1});
}

// The columns that no row has had so far are no parameters: most rows leave many of them empty, and
// each costs as much as one that is filled.
template <class T>
Fault RowWriter::prepare(T& table, std::size_t group, std::span<const typename T::Waiting> rows) {
    using Kind = decltype(table_of(rows.front().row));
    auto columns = table.columns;
    for (const auto& [row, names, id] : rows) {
        Filled filled;
        put(filled, row, names);
        columns |= filled.columns();
    }
    if (columns != table.columns) {
        for (auto& insert : table.inserts) insert.finalize();
    }
    table.columns = columns;
    return table.inserts[group].prepare(
        *database_, insert_sql(Kind::name, Kind::columns, columns, kGroups[group]));
}

Fault RowWriter::prepare(Database& database) {
    database_ = &database;
    const auto fault = prepare(attempts_);
    return fault == Fault::none ? prepare(requests_) : fault;
}

void RowWriter::finalize() {
    attempts_.count = requests_.count = 0;
    for (auto& insert : attempts_.inserts) insert.finalize();
    for (auto& insert : requests_.inserts) insert.finalize();
}

void RowWriter::go_back(const Place& place) {
    attempts_.count = requests_.count = 0;
    attempts_.last = place.attempt;
    requests_.last = place.request;
}

template <class T, class Row>
Fault RowWriter::add(T& table, const Row& row) {
    names_.at(row.ended_us);
    auto& waiting = table.waiting[table.count];
    waiting.row = row;
    waiting.names = names_of(row);
    if (names_.fault() != Fault::none) return names_.fault();
    return ++table.count == table.waiting.size() ? flush(table) : Fault::none;
}

Fault RowWriter::add(const AttemptRow& row) {
    return add(attempts_, row);
}

Fault RowWriter::add(const RequestRow& row) {
    return add(requests_, row);
}

Fault RowWriter::flush() {
    const auto fault = flush(attempts_);
    return fault == Fault::none ? flush(requests_) : fault;
}

template <class T>
Fault RowWriter::flush(T& table) {
    const std::span<typename T::Waiting> waiting(table.waiting);
    auto rest = waiting.first(std::exchange(table.count, 0));
    auto fault = Fault::none;
    while (!rest.empty() && fault == Fault::none) {
        std::size_t group = 0;
        while (kGroups[group] > rest.size()) ++group;
        std::size_t written = 0;
        fault = write(table, group, rest.first(kGroups[group]), written);
        for (const auto& row : rest.first(written)) count(row);
        rest = rest.subspan(written);
        if (written == kGroups[group] || fault != Fault::none) continue;
        fault = write_alone(table, rest.front());
        if (fault == Fault::none) count(rest.front());
        rest = rest.subspan(1);
    }
    return fault;
}

template <class T>
bool RowWriter::bind(T& table, std::size_t group, std::span<const typename T::Waiting> rows) {
    auto& insert = table.inserts[group];
    bool lacks = !insert.ready();
    for (std::size_t i = 0; i < rows.size() && !lacks; ++i) {
        insert.bind(rows[i].id);
        Bind to(insert, table.columns);
        put(to, rows[i].row, rows[i].names);
        lacks = to.lacks();
    }
    return !lacks;
}

// Runs the statement for so many rows, which is made when it is first needed, and anew for a row
// with a column that none before it had.
template <class T>
Statement::Step RowWriter::insert(T& table, std::size_t group,
                                  std::span<const typename T::Waiting> rows, Fault& fault) {
    if (!bind(table, group, rows)) {
        fault = prepare(table, group, rows);
        if (fault != Fault::none) return Statement::Step::fault;
        bind(table, group, rows);
    }
    auto& insert = table.inserts[group];
    const auto step = insert.step();
    insert.reset();
    if (step == Statement::Step::fault) fault = insert.fault();
    return step;
}

// Up to the first one that has no place.
template <class T>
Fault RowWriter::write(T& table, std::size_t group, std::span<typename T::Waiting> rows,
                       std::size_t& written) {
    auto last = table.last;
    for (auto& waiting : rows) last = waiting.id = id_at(waiting.row.ended_us, last);
    auto fault = Fault::none;
    const auto step = insert(table, group, rows, fault);
    if (step == Statement::Step::fault) return fault;
    written = step == Statement::Step::done ? rows.size() : database_->changes();
    if (written > 0) table.last = rows[written - 1].id;
    return Fault::none;
}

// Among many in a row, which a clock that was set back has left, it goes behind all others: there
// is always a place.
template <class T>
Fault RowWriter::write_alone(T& table, typename T::Waiting& waiting) {
    auto& [row, names, id] = waiting;
    id = id_at(row.ended_us, table.last);
    for (int tries = 0; tries <= kTriesForId; ++tries, ++id) {
        if (tries == kTriesForId) {
            id = database_->number(decltype(table_of(row))::newest).value_or(id) + 1;
        }
        auto fault = Fault::none;
        const auto step = insert(table, kGroups.size() - 1, {&waiting, 1}, fault);
        if (step == Statement::Step::done) {
            table.last = id;
            return Fault::none;
        }
        if (step != Statement::Step::constraint) return fault;
    }
    database_->set_why("a row has no place");
    return Fault::failed;
}

AttemptNames RowWriter::names_of(const AttemptRow& row) {
    using enum Names::Origin;
    // The label before the model: it always gets its number. Otherwise in the order of the texts.
    const auto& n = attempt_names_.of(names_, {{{row.label, ours},
                                                {row.operation, ours},
                                                {row.moved_from, ours},
                                                {row.moved_why, ours},
                                                {row.route, ours},
                                                {row.key, ours},
                                                {row.upstream, ours},
                                                {row.model, chosen},
                                                {row.answered, chosen},
                                                {row.dialect, ours},
                                                {row.reason, ours},
                                                {row.cause, ours},
                                                {row.tier, chosen},
                                                {row.price, ours}}});
    return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13]};
}

RequestNames RowWriter::names_of(const RequestRow& row) {
    using enum Names::Origin;
    const auto& n = request_names_.of(names_, {{{row.route, ours},
                                                {row.key, ours},
                                                {row.path, chosen},
                                                {row.model, chosen},
                                                {row.outcome, ours},
                                                {row.code, ours},
                                                {row.served_by, ours},
                                                {row.served_model, chosen}}});
    return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
}

void RowWriter::count(const Attempts::Waiting& waiting) {
    tallies_.add(waiting.row, waiting.names, waiting.id);
}

void RowWriter::count(const Requests::Waiting& waiting) {
    if (waiting.names.route != 0) {
        tallies_.add_request(waiting.names.route, waiting.names.outcome);
    }
}

}  // namespace understudy::ledger
