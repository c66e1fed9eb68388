#include "ledger/sqlite/row_writer.hpp"

#include <algorithm>
#include <string>

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
std::string insert_sql(std::string_view table, std::string_view columns, std::size_t rows) {
    std::string row = "(?";
    for (const char c : columns) {
        if (c == ',') row += ",?";
    }
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

// Both behind the id, in the order of the columns.
void bind(Statement& s, const AttemptRow& row, const AttemptNames& n) {
    s.bind(row.request).bind(row.number).bind_or_null(row.session);
    s.bind_or_null(n.route).bind_or_null(n.key).bind(n.upstream).bind_or_null(n.model);
    s.bind_or_null(n.answered).bind_or_null(n.dialect).bind_or_null(n.cause).bind(row.position);
    s.bind(n.reason).bind_or_null(row.status).bind(row.deliveries).bind(row.total_us);
    row.first_token_us < 0 ? s.bind_null() : s.bind(row.first_token_us);
    s.bind_or_null(number(row.bytes_sent)).bind_or_null(number(row.bytes_received));
    s.bind(static_cast<std::int64_t>(row.usage));
    const auto& t = row.tokens;
    for (const auto tokens : {t.input, t.cache_read, t.cache_write, t.output, t.reasoning,
                              row.estimated_input, row.estimated_output})
        s.bind_or_null(number(tokens));
    s.bind_or_null(row.cost_nano_usd).bind_or_null(row.estimated_cost_nano_usd);
    s.bind_or_null(std::int64_t{row.unpriced}).bind_or_null(n.price).bind_or_null(n.tier);
    s.bind_or_null(row.detail).bind_or_null(number(row.request_no));
}

void bind(Statement& s, const RequestRow& row, const RequestNames& n) {
    s.bind(row.request).bind_or_null(std::int64_t{row.given});
    s.bind_or_null(row.session).bind_or_null(n.route).bind_or_null(n.key);
    s.bind_or_null(n.path).bind_or_null(n.model).bind(n.outcome).bind_or_null(row.status);
    s.bind_or_null(n.code).bind_or_null(std::int64_t{row.stream});
    s.bind_or_null(std::int64_t{row.broken}).bind(row.attempts);
    s.bind_or_null(n.served_by).bind_or_null(n.served_model).bind(row.total_us);
    s.bind_or_null(number(row.bytes_received)).bind_or_null(number(row.prompt_tokens));
    s.bind_or_null(number(row.completion_tokens)).bind_or_null(row.cost_nano_usd);
    s.bind_or_null(number(row.no));
}

}  // namespace

template <class T>
Fault RowWriter::prepare(T& table) {
    using Kind = decltype(table_of(table.waiting.front().row));
    auto fault = Fault::none;
    for (std::size_t i = 0; i < kGroups.size() && fault == Fault::none; ++i) {
        fault =
            table.inserts[i].prepare(*database_, insert_sql(Kind::name, Kind::columns, kGroups[i]));
    }
    table.waiting.reserve(kGroups.front());
    table.last = database_->number(Kind::newest).value_or(0);
    return fault;
}

Fault RowWriter::prepare(Database& database) {
    database_ = &database;
    const auto fault = prepare(attempts_);
    return fault == Fault::none ? prepare(requests_) : fault;
}

void RowWriter::finalize() {
    attempts_.waiting.clear();
    requests_.waiting.clear();
    for (auto& insert : attempts_.inserts) insert.finalize();
    for (auto& insert : requests_.inserts) insert.finalize();
}

void RowWriter::go_back(const Place& place) {
    attempts_.waiting.clear();
    requests_.waiting.clear();
    attempts_.last = place.attempt;
    requests_.last = place.request;
}

template <class T, class Row>
Fault RowWriter::add(T& table, const Row& row) {
    names_.at(row.ended_us);
    const auto names = names_of(row);
    if (names_.fault() != Fault::none) return names_.fault();
    table.waiting.push_back({row, names});
    return table.waiting.size() == kGroups.front() ? flush(table) : Fault::none;
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
    std::span rest(table.waiting);
    auto fault = Fault::none;
    while (!rest.empty() && fault == Fault::none) {
        std::size_t group = 0;
        while (kGroups[group] > rest.size()) ++group;
        std::size_t written = 0;
        fault = write(table, table.inserts[group], rest.first(kGroups[group]), written);
        for (const auto& row : rest.first(written)) count(row);
        rest = rest.subspan(written);
        if (written == kGroups[group] || fault != Fault::none) continue;
        fault = write_alone(table, rest.front());
        if (fault == Fault::none) count(rest.front());
        rest = rest.subspan(1);
    }
    table.waiting.clear();
    return fault;
}

// Up to the first one that has no place.
template <class T>
Fault RowWriter::write(T& table, Statement& insert, std::span<typename T::Waiting> rows,
                       std::size_t& written) {
    auto last = table.last;
    for (auto& [row, names, id] : rows) {
        last = id = id_at(row.ended_us, last);
        bind(insert.bind(id), row, names);
    }
    const auto step = insert.step();
    insert.reset();
    if (step == Statement::Step::fault) return insert.fault();
    written = step == Statement::Step::done ? rows.size() : database_->changes();
    if (written > 0) table.last = rows[written - 1].id;
    return Fault::none;
}

// Among many in a row, which a clock that was set back has left, it goes behind all others: there
// is always a place.
template <class T>
Fault RowWriter::write_alone(T& table, typename T::Waiting& waiting) {
    auto& [row, names, id] = waiting;
    auto& insert = table.inserts.back();
    id = id_at(row.ended_us, table.last);
    for (int tries = 0; tries <= kTriesForId; ++tries, ++id) {
        if (tries == kTriesForId) {
            id = database_->number(decltype(table_of(row))::newest).value_or(id) + 1;
        }
        bind(insert.bind(id), row, names);
        const auto step = insert.step();
        insert.reset();
        if (step == Statement::Step::done) {
            table.last = id;
            return Fault::none;
        }
        if (step != Statement::Step::constraint) return insert.fault();
    }
    database_->set_why("a row has no place");
    return Fault::failed;
}

AttemptNames RowWriter::names_of(const AttemptRow& row) {
    using enum Names::Origin;
    // The label before the model: it always gets its number.
    const auto& n = attempt_names_.of(names_, {{{row.label, ours},
                                                {row.route, ours},
                                                {row.key, ours},
                                                {row.upstream, ours},
                                                {row.model, chosen},
                                                {row.reason, ours},
                                                {row.operation, ours},
                                                {row.moved_from, ours},
                                                {row.moved_why, ours},
                                                {row.answered, chosen},
                                                {row.dialect, ours},
                                                {row.cause, ours},
                                                {row.price, ours},
                                                {row.tier, chosen}}});
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
