#include "ledger/sqlite/sqlite_store.hpp"

#include "ledger/sqlite/database.hpp"
#include "ledger/sqlite/names.hpp"
#include "ledger/sqlite/place.hpp"
#include "ledger/sqlite/row_writer.hpp"
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

constexpr std::int64_t kForgottenAtOnce = 500;

std::int64_t number(std::uint64_t n) {
    return static_cast<std::int64_t>(n);
}

class SqliteStore final : public Store {
  public:
    explicit SqliteStore(std::string path) : path_(std::move(path)) {}
    ~SqliteStore() override { close(); }
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;

    Fault open() override;
    void leave_form(bool leave) override { leave_form_ = leave; }
    Fault write(const Batch& batch) override;
    std::int64_t newest(std::int64_t until_us) override;
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
    Fault fail(Fault fault);
    // A counter in words, which stay the same whatever file it is in.
    using Name = std::pair<std::string, std::array<std::string, 4>>;
    using Amounts = std::map<Name, std::uint64_t>;
    Fault note_own(const std::vector<Tallies::Raised>& raised);
    Fault in_words(const Tallies::Raised& counter, Name& out);
    Fault carry_over();
    Fault carry_over(const Amounts& totals);

    std::string path_;
    Database database_;
    Names names_;
    Tallies tallies_;
    RowWriter rows_{names_, tallies_};
    Amounts own_, others_;  // of the counters: written here, and by others as they were last read
    // Of own_, by the numbers of their names in this file: the same few are raised each time.
    std::map<std::pair<std::string_view, Tallies::Four>, std::uint64_t*> own_by_number_;
    std::vector<std::uint64_t*> own_raised_;  // by the batch under way
    bool leave_form_ = false;
    FileId log_;                // of the file that is open
    std::int64_t version_ = 0;  // of what others have written, as SQLite counts it
    Statement begin_, commit_, version_query_, name_of_;
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
    if (fault == Fault::none) {
        log_ = log_of(database_.place());
        return fault;
    }
    close();
    why = database_.why();
    fault = explain_read_only(path_, fault, why);
    database_.set_why(std::move(why));
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
    return fault == Fault::none ? rows_.prepare(database_) : fault;
}

void SqliteStore::close() {
    if (!database_.is_open()) return;
    auto why = database_.why();
    names_.finalize();
    tallies_.finalize();
    rows_.finalize();
    own_by_number_.clear();
    for (auto* const statement : {&begin_, &commit_, &version_query_, &name_of_}) {
        statement->finalize();
    }
    if (database_.has_moved()) {
        const bool whole = database_.bring_home();
        const auto kept = forget_log(database_.place(), log_, whole);
        if (!kept.empty()) why += "; what could not be written into it is in " + kept;
    }
    log_ = {};
    database_.close();
    database_.set_why(std::move(why));
}

Fault SqliteStore::note_removed() {
    database_.set_why("the file has been removed, or another one is in its place");
    return fail(Fault::removed);
}

// Nothing of what has begun stays, neither in the file nor in memory.
Fault SqliteStore::fail(Fault fault) {
    const auto why = database_.why();
    database_.run("ROLLBACK");
    names_.forget();
    tallies_.clear();
    own_by_number_.clear();
    database_.set_why(why);
    // A file that was moved, or a disk that was gone, is found again only by its name.
    if (fault != Fault::locked && fault != Fault::full) close();
    return fault;
}

Fault SqliteStore::write(const Batch& batch) {
    auto fault = begin_.run();
    if (fault != Fault::none) return fail(fault);
    const auto place = rows_.place();
    fault = write_rows(batch);
    if (fault == Fault::none) fault = tallies_.write();
    if (fault == Fault::none) fault = note_own(tallies_.raised());
    // Asked before, so that no row is in both files, and again after: if it went just then, rows
    // are rather in both than in none.
    const bool moved = fault == Fault::none && database_.has_moved();
    if (fault == Fault::none && !moved) fault = commit_.run();
    if (fault != Fault::none || moved) {
        rows_.go_back(place);
        return moved ? note_removed() : fail(fault);
    }
    if (database_.has_moved()) return note_removed();
    for (std::size_t i = 0; i < own_raised_.size(); ++i) {
        *own_raised_[i] += tallies_.raised()[i].by;
    }
    tallies_.clear();
    return Fault::none;
}

Fault SqliteStore::note_own(const std::vector<Tallies::Raised>& raised) {
    own_raised_.clear();
    for (const auto& counter : raised) {
        auto& own = own_by_number_[{counter.name, counter.labels}];
        if (own == nullptr) {
            Name name;
            const auto fault = in_words(counter, name);
            if (fault != Fault::none) return fault;
            own = &own_[name];
        }
        own_raised_.push_back(own);
    }
    return Fault::none;
}

Fault SqliteStore::in_words(const Tallies::Raised& counter, Name& out) {
    out.first = counter.name;
    for (std::size_t i = 0; i < counter.labels.size(); ++i) {
        if (counter.labels[i] == 0) continue;
        const auto step = name_of_.bind(counter.labels[i]).step();
        if (step == Statement::Step::row) out.second[i] = name_of_.text(0);
        name_of_.reset();
        if (step == Statement::Step::fault) return name_of_.fault();
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
            if (fault == Fault::none) fault = rows_.add(row);
        });
    }
    return fault == Fault::none ? rows_.flush() : fault;
}

std::int64_t SqliteStore::newest(std::int64_t until_us) {
    if (!database_.is_open()) return 0;
    const auto of = [&](const std::string& table) {
        const auto sql =
            "SELECT max(id) FROM " + table + " WHERE id <= " + std::to_string(until_us);
        return database_.number(sql.c_str()).value_or(0);
    };
    return std::max(of("attempt"), of("request"));
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
