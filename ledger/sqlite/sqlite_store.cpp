#include "ledger/sqlite/sqlite_store.hpp"

#include "ledger/sqlite/database.hpp"
#include "ledger/sqlite/names.hpp"
#include "ledger/sqlite/place.hpp"
#include "ledger/sqlite/schema.hpp"
#include "ledger/sqlite/tallies.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace understudy::ledger {

namespace {

// Appending needs few pages. In KiB, as SQLite wants it, with a minus.
constexpr const char* kSettings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512; "
    "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 8388608";

// A clock that went back by more than this has been set; less is the order of arrival.
constexpr std::int64_t kClockSet = 5'000'000;
constexpr int kTriesForId = 16;  // then behind all others
constexpr std::int64_t kForgottenAtOnce = 500;

// With the names of the columns: a later version, which takes over, may have added some.
constexpr std::string_view kInsertAttempt =
    "INSERT INTO attempt (id, request_id, number, session, route, key, upstream, model, "
    "answered_model, dialect, cause, position, reason, status, deliveries, total_us, "
    "first_token_us, bytes_sent, bytes_received, usage, input, cache_read, cache_write, "
    "output, reasoning, estimated_input, estimated_output, cost_nano_usd, "
    "estimated_cost_nano_usd, unpriced, price, tier, detail, request_no) VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr std::string_view kInsertRequest =
    "INSERT INTO request (id, request_id, given, session, route, key, path, model, outcome, "
    "status, code, stream, broken, attempts, served_by, served_model, total_us, "
    "bytes_received, prompt_tokens, completion_tokens, cost_nano_usd, request_no) VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

std::int64_t number(std::uint64_t n) {
    return static_cast<std::int64_t>(n);
}

class SqliteStore final : public Store {
  public:
    explicit SqliteStore(std::string path) : path_(std::move(path)) {}

    Fault open() override;
    void leave_form(bool leave) override { leave_form_ = leave; }
    Fault write(const Batch& batch) override;
    Fault forget(std::int64_t before_us, bool& more) override;
    Fault counters(std::vector<Counter>& out) override;
    bool changed_elsewhere() override;
    std::string set_aside() override;
    void rest() override;
    const std::string& why() const override { return database_.why(); }
    const std::string& place() const override { return path_; }

  private:
    Fault prepare();
    void close();
    Fault note_removed();
    Fault write_rows(const Batch& batch);
    Fault insert(const AttemptRow& row);
    Fault insert(const RequestRow& row);
    /// One of the tables of rows.
    struct Kind {
        Statement insert;
        std::int64_t last = 0;  // id
        const char* newest;     // asks for the greatest one
    };
    template <class Bind>
    Fault insert_with_id(Kind& kind, std::int64_t at, std::int64_t& id, Bind&& bind);
    Fault fail(Fault fault);
    // A counter in words, which stay the same whatever file it is in.
    using Name = std::pair<std::string, std::array<std::string, 4>>;
    using Amounts = std::map<Name, std::uint64_t>;
    Fault in_words(const std::vector<Tallies::Raised>& raised, Amounts& out);
    Fault carry_over();
    Fault carry_over(const Amounts& totals);

    std::string path_;
    Database database_;
    Names names_;
    Tallies tallies_;
    Amounts own_, others_;  // of the counters: written here, and by others as they were last read
    bool leave_form_ = false;
    std::uint64_t log_ = 0;     // the file that it is in
    std::int64_t version_ = 0;  // of what others have written, as SQLite counts it
    Statement begin_, commit_, version_query_, name_of_;
    Kind attempt_{{}, 0, "SELECT max(id) FROM attempt"};
    Kind request_{{}, 0, "SELECT max(id) FROM request"};
};

Fault SqliteStore::open() {
    if (database_.is_open()) return database_.has_moved() ? note_removed() : Fault::none;
    std::string why;
    auto fault = make_place(path_, why);
    if (fault != Fault::none) {
        database_.set_why(std::move(why));
        return fault;
    }
    fault = database_.open(path_, Database::Access::create);
    if (fault == Fault::none && leave_form_ && is_older(database_)) {
        close();
        database_.set_why("the process that is being replaced still writes it in an older form");
        return Fault::locked;
    }
    // Before the file is asked to change its mode: it may be somebody else's.
    if (fault == Fault::none) fault = bring_up_to_date(database_);
    if (fault == Fault::none) fault = database_.run(kSettings);
    // A file that may only be read would say so at the first row.
    if (fault == Fault::none) fault = database_.run("BEGIN IMMEDIATE; ROLLBACK");
    if (fault == Fault::none) fault = prepare();
    if (fault == Fault::none) fault = carry_over();
    log_ = log_of(path_);
    if (fault != Fault::none) close();
    return fault;
}

Fault SqliteStore::prepare() {
    auto fault = names_.prepare(database_);
    if (fault == Fault::none) fault = tallies_.prepare(database_);
    const auto also = [&](Statement& statement, std::string_view sql) {
        if (fault == Fault::none) fault = statement.prepare(database_, sql);
    };
    also(begin_, "BEGIN IMMEDIATE");
    also(commit_, "COMMIT");
    also(version_query_, "PRAGMA data_version");
    also(name_of_, "SELECT text FROM name WHERE id = ?");
    version_ = 0;
    also(attempt_.insert, kInsertAttempt);
    also(request_.insert, kInsertRequest);
    for (auto* const kind : {&attempt_, &request_}) {
        kind->last = database_.number(kind->newest).value_or(0);
    }
    return fault;
}

void SqliteStore::close() {
    const auto why = database_.why();
    names_.finalize();
    tallies_.finalize();
    for (auto* const statement :
         {&begin_, &commit_, &version_query_, &name_of_, &attempt_.insert, &request_.insert}) {
        statement->finalize();
    }
    database_.close();
    database_.set_why(why);
}

Fault SqliteStore::note_removed() {
    close();
    names_.forget();
    tallies_.clear();
    forget_log(path_, log_);
    database_.set_why("the file has been removed, or another one is in its place");
    return Fault::removed;
}

// Nothing of what has begun stays, neither in the file nor in memory.
Fault SqliteStore::fail(Fault fault) {
    const auto why = database_.why();
    database_.run("ROLLBACK");
    names_.forget();
    tallies_.clear();
    database_.set_why(why);
    // A file that was moved, or a disk that was gone, is found again only by its name.
    if (fault != Fault::locked && fault != Fault::full) close();
    return fault;
}

Fault SqliteStore::write(const Batch& batch) {
    auto fault = begin_.run();
    if (fault != Fault::none) return fail(fault);
    const auto attempt = attempt_.last, request = request_.last;
    fault = write_rows(batch);
    if (fault == Fault::none) fault = tallies_.write();
    Amounts raised;
    if (fault == Fault::none) fault = in_words(tallies_.raised(), raised);
    if (fault == Fault::none) fault = commit_.run();
    if (fault != Fault::none) {
        attempt_.last = attempt;
        request_.last = request;
        return fail(fault);
    }
    // Asked now: what was written before the file went away is not in the next one.
    if (database_.has_moved()) return note_removed();
    tallies_.clear();
    for (const auto& [name, by] : raised) own_[name] += by;
    return Fault::none;
}

Fault SqliteStore::in_words(const std::vector<Tallies::Raised>& raised, Amounts& out) {
    for (const auto& counter : raised) {
        Name name{std::string(counter.name), {}};
        for (std::size_t i = 0; i < counter.labels.size(); ++i) {
            if (counter.labels[i] == 0) continue;
            const auto step = name_of_.bind(counter.labels[i]).step();
            if (step == Statement::Step::row) name.second[i] = name_of_.text(0);
            name_of_.reset();
            if (step == Statement::Step::fault) return name_of_.fault();
        }
        out[name] += counter.by;
    }
    return Fault::none;
}

// Into a file that has none of them: in place of a corrupt one, or of one that somebody removed.
Fault SqliteStore::carry_over() {
    auto totals = others_;
    for (const auto& [name, n] : own_) totals[name] += n;
    if (totals.empty() || database_.number("SELECT 1 FROM counter LIMIT 1")) return Fault::none;
    auto fault = begin_.run();
    if (fault != Fault::none) return fail(fault);
    fault = carry_over(totals);
    if (fault == Fault::none) fault = commit_.run();
    return fault == Fault::none ? fault : fail(fault);
}

Fault SqliteStore::carry_over(const Amounts& totals) {
    Statement insert;
    auto fault = insert.prepare(
        database_, "INSERT INTO counter (name, a, b, c, d, value) VALUES (?,?,?,?,?,?)", false);
    for (const auto& [name, value] : totals) {
        std::array<std::int64_t, 4> labels{};
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = names_.id(name.second[i]);
        if (fault == Fault::none) fault = names_.fault();
        if (fault != Fault::none) return fault;
        insert.bind(std::string_view(name.first));
        for (const auto label : labels) insert.bind(label);
        fault = insert.bind(number(value)).run();
    }
    return fault;
}

Fault SqliteStore::write_rows(const Batch& batch) {
    auto fault = Fault::none;
    for (const auto& chunk : batch) {
        chunk.for_each([&](const auto& row) {
            if (fault == Fault::none) fault = insert(row);
        });
    }
    return fault;
}

// A row's number is the time of its end, or one of the next that is free. Among many in a row,
// which a clock that was set back has left, it goes behind all others: there is always a place.
template <class Bind>
Fault SqliteStore::insert_with_id(Kind& kind, std::int64_t at, std::int64_t& id, Bind&& bind) {
    auto& [statement, last, newest] = kind;
    id = at > last || last - at > kClockSet ? at : last + 1;
    for (int tries = 0; tries <= kTriesForId; ++tries, ++id) {
        if (tries == kTriesForId) id = database_.number(newest).value_or(id) + 1;
        bind(statement.bind(id));
        const auto step = statement.step();
        statement.reset();
        if (step == Statement::Step::done) {
            last = id;
            return Fault::none;
        }
        if (step != Statement::Step::constraint) return statement.fault();
    }
    database_.set_why("a row has no place");
    return Fault::failed;
}

Fault SqliteStore::insert(const AttemptRow& row) {
    constexpr auto kChosen = Names::Origin::chosen;
    names_.at(row.ended_us);
    AttemptNames n;
    n.label = names_.id(row.label);  // before the model: a label always gets its number
    n.route = names_.id(row.route);
    n.key = names_.id(row.key);
    n.upstream = names_.id(row.upstream);
    n.model = names_.id(row.model, kChosen);
    n.reason = names_.id(row.reason);
    n.operation = names_.id(row.operation);
    n.moved_from = names_.id(row.moved_from);
    n.moved_why = names_.id(row.moved_why);
    const auto answered = names_.id(row.answered, kChosen);
    const auto dialect = names_.id(row.dialect);
    const auto cause = names_.id(row.cause);
    const auto price = names_.id(row.price);
    const auto tier = names_.id(row.tier, kChosen);
    if (names_.fault() != Fault::none) return names_.fault();
    std::int64_t id = 0;
    const auto fault = insert_with_id(attempt_, row.ended_us, id, [&](Statement& s) {
        s.bind(row.request).bind(row.number).bind_or_null(row.session);
        s.bind_or_null(n.route).bind_or_null(n.key).bind(n.upstream).bind_or_null(n.model);
        s.bind_or_null(answered).bind_or_null(dialect).bind_or_null(cause).bind(row.position);
        s.bind(n.reason).bind_or_null(row.status).bind(row.deliveries).bind(row.total_us);
        row.first_token_us < 0 ? s.bind_null() : s.bind(row.first_token_us);
        s.bind_or_null(number(row.bytes_sent)).bind_or_null(number(row.bytes_received));
        s.bind(static_cast<std::int64_t>(row.usage));
        const auto& t = row.tokens;
        for (const auto tokens : {t.input, t.cache_read, t.cache_write, t.output, t.reasoning,
                                  row.estimated_input, row.estimated_output})
            s.bind_or_null(number(tokens));
        s.bind_or_null(row.cost_nano_usd).bind_or_null(row.estimated_cost_nano_usd);
        s.bind_or_null(std::int64_t{row.unpriced}).bind_or_null(price).bind_or_null(tier);
        s.bind_or_null(row.detail).bind_or_null(number(row.request_no));
    });
    if (fault == Fault::none) tallies_.add(row, n, id);
    return fault;
}

Fault SqliteStore::insert(const RequestRow& row) {
    constexpr auto kChosen = Names::Origin::chosen;
    names_.at(row.ended_us);
    const auto route = names_.id(row.route), key = names_.id(row.key);
    const auto path = names_.id(row.path, kChosen), model = names_.id(row.model, kChosen);
    const auto outcome = names_.id(row.outcome), code = names_.id(row.code);
    const auto served_by = names_.id(row.served_by);
    const auto served_model = names_.id(row.served_model, kChosen);
    if (names_.fault() != Fault::none) return names_.fault();
    std::int64_t id = 0;
    const auto fault = insert_with_id(request_, row.ended_us, id, [&](Statement& s) {
        s.bind(row.request).bind_or_null(std::int64_t{row.given});
        s.bind_or_null(row.session).bind_or_null(route).bind_or_null(key);
        s.bind_or_null(path).bind_or_null(model).bind(outcome).bind_or_null(row.status);
        s.bind_or_null(code).bind_or_null(std::int64_t{row.stream});
        s.bind_or_null(std::int64_t{row.broken}).bind(row.attempts);
        s.bind_or_null(served_by).bind_or_null(served_model).bind(row.total_us);
        s.bind_or_null(number(row.bytes_received)).bind_or_null(number(row.prompt_tokens));
        s.bind_or_null(number(row.completion_tokens)).bind_or_null(row.cost_nano_usd);
        s.bind_or_null(number(row.no));
    });
    if (fault == Fault::none && route != 0) tallies_.add_request(route, outcome);
    return fault;
}

Fault SqliteStore::forget(std::int64_t before_us, bool& more) {
    constexpr std::int64_t kHourUs = 3'600'000'000;
    const auto hour = std::to_string(before_us / kHourUs);
    const auto before = std::to_string(before_us), most = std::to_string(kForgottenAtOnce);
    const auto rows = [&](const std::string& table) {
        return "DELETE FROM " + table + " WHERE id IN (SELECT id FROM " + table + " WHERE id < " +
               before + " ORDER BY id LIMIT " + most + ");";
    };
    const auto total = database_.number("SELECT total_changes()").value_or(0);
    const auto sql =
        "BEGIN IMMEDIATE;" + rows("attempt") + rows("request") +
        "DELETE FROM usage_hour WHERE hour IN (SELECT hour FROM usage_hour WHERE hour < " + hour +
        " ORDER BY hour LIMIT 1);" +
        "DELETE FROM session_hour WHERE hour IN (SELECT hour FROM session_hour WHERE hour < " +
        hour + " ORDER BY hour LIMIT 1);COMMIT";
    const auto changed = [&] {
        return database_.number("SELECT total_changes()").value_or(0) > total;
    };
    auto fault = database_.run(sql.c_str());
    // Names only when all rows that may have them are gone.
    if (fault == Fault::none && !changed()) fault = names_.drop_unused(before_us / kHourUs);
    if (fault != Fault::none) return fail(fault);
    more = changed();
    return Fault::none;
}

Fault SqliteStore::counters(std::vector<Counter>& out) {
    Statement query;
    auto fault = query.prepare(database_,
                               "SELECT c.name, a.text, b.text, n.text, d.text, c.value "
                               "FROM counter c LEFT JOIN name a ON a.id = c.a "
                               "LEFT JOIN name b ON b.id = c.b LEFT JOIN name n ON n.id = c.c "
                               "LEFT JOIN name d ON d.id = c.d",
                               false);
    if (fault != Fault::none) return fault;
    Amounts others;
    auto step = query.step();
    for (; step == Statement::Step::row; step = query.step()) {
        Counter counter;
        counter.name = query.text(0);
        for (int i = 0; i < 4; ++i) counter.labels[static_cast<std::size_t>(i)] = query.text(i + 1);
        counter.value = static_cast<std::uint64_t>(query.number(5));
        Name name{counter.name, counter.labels};
        const auto own = own_.find(name);
        if (own != own_.end()) counter.own = std::min(own->second, counter.value);
        others.emplace(std::move(name), counter.value - counter.own);
        out.push_back(std::move(counter));
    }
    if (step == Statement::Step::fault) return query.fault();
    others_ = std::move(others);
    return Fault::none;
}

bool SqliteStore::changed_elsewhere() {
    if (!database_.is_open()) return false;
    const auto before = version_;
    if (version_query_.step() == Statement::Step::row) version_ = version_query_.number(0);
    version_query_.reset();
    return version_ != before;
}

std::string SqliteStore::set_aside() {
    close();
    return move_aside(path_);
}

void SqliteStore::rest() {
    if (!database_.is_open()) return;
    names_.forget();
    // What the log holds is brought home while nobody waits.
    database_.run("PRAGMA wal_checkpoint(PASSIVE); PRAGMA shrink_memory");
}

}  // namespace

std::unique_ptr<Store> sqlite_store(std::string path) {
    return std::make_unique<SqliteStore>(std::move(path));
}

}  // namespace understudy::ledger
