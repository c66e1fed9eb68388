#include "ledger/sqlite/database.hpp"

#include <sqlite3.h>

#include <utility>

namespace understudy::ledger {

namespace {

Fault fault_for(int code) {
    switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
            return Fault::none;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
            return Fault::locked;
        case SQLITE_FULL:
            return Fault::full;
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return Fault::read_only;
        case SQLITE_CANTOPEN:
            return Fault::unreachable;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Fault::corrupt;
        default:
            return Fault::failed;
    }
}

int flags_for(Database::Access access) {
    switch (access) {
        case Database::Access::read_only:
            return SQLITE_OPEN_READONLY;
        case Database::Access::read_write:
            return SQLITE_OPEN_READWRITE;
        case Database::Access::create:
            return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    }
    return SQLITE_OPEN_READONLY;
}

}  // namespace

Database::~Database() {
    close();
}

Fault Database::open(const std::string& path, Access access) {
    close();
    // Nobody asks how much it has allocated, and every allocation would take a lock to count it.
    [[maybe_unused]] static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    const int code =
        sqlite3_open_v2(path.c_str(), &handle_, flags_for(access) | SQLITE_OPEN_NOMUTEX, nullptr);
    const auto fault = fault_of(code);
    if (fault != Fault::none) {
        close();
        return fault;
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kPatienceMs);
    return access == Access::read_only ? Fault::none : note_file();
}

// SQLite is asked as well: only it knows which file it has opened.
Fault Database::note_file() {
    int moved = 0;
    const int error = find_file(place(), file_);
    sqlite3_file_control(handle_, nullptr, SQLITE_FCNTL_HAS_MOVED, &moved);
    if (error == 0 && moved == 0) return Fault::none;
    why_ = "the file went away while it was being opened";
    close();
    return Fault::unreachable;
}

void Database::close() {
    if (handle_ != nullptr) sqlite3_close_v2(handle_);
    handle_ = nullptr;
}

Fault Database::run(const char* sql) {
    return fault_of(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

std::optional<std::int64_t> Database::number(const char* sql) {
    Statement statement;
    if (statement.prepare(*this, sql, false) != Fault::none) return std::nullopt;
    if (statement.step() != Statement::Step::row || statement.null(0)) return std::nullopt;
    return statement.number(0);
}

std::optional<std::string> Database::text(const char* sql) {
    Statement statement;
    if (statement.prepare(*this, sql, false) != Fault::none) return std::nullopt;
    if (statement.step() != Statement::Step::row) return std::nullopt;
    return std::string(statement.text(0));
}

bool Database::has_moved() const {
    FileId now;
    const int error = find_file(place(), now);
    return has_left(file_, error, now);
}

std::string Database::place() const {
    const char* const name = sqlite3_db_filename(handle_, "main");
    return name != nullptr ? name : "";
}

bool Database::bring_home() {
    int keep = 1, in_log = -1, at_home = -1;
    sqlite3_file_control(handle_, nullptr, SQLITE_FCNTL_PERSIST_WAL, &keep);
    const int code =
        sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_TRUNCATE, &in_log, &at_home);
    // Somebody who reads the log keeps it from being emptied, but not the file from being whole.
    return code == SQLITE_OK || (code == SQLITE_BUSY && in_log >= 0 && at_home == in_log);
}

std::int64_t Database::last_id() const {
    return sqlite3_last_insert_rowid(handle_);
}

std::size_t Database::changes() const {
    return static_cast<std::size_t>(sqlite3_changes(handle_));
}

Fault Database::fault_of(int code) {
    const auto fault = fault_for(code);
    if (fault == Fault::none) return fault;
    if ((code & 0xff) == SQLITE_INTERRUPT) {
        why_ = "the question took longer than " + std::to_string(limit_.count() / 1000) + " s";
    } else {
        why_ = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    }
    return fault;
}

void Database::limit_time(std::chrono::milliseconds time) {
    constexpr int kStepsBetweenLooks = 20'000;
    limit_ = time;
    end_by_ = std::chrono::steady_clock::now() + time;
    const auto look = [](void* self) {
        const auto& end_by = static_cast<Database*>(self)->end_by_;
        return std::chrono::steady_clock::now() > end_by ? 1 : 0;
    };
    sqlite3_progress_handler(handle_, kStepsBetweenLooks, look, this);
}

Statement::~Statement() {
    finalize();
}

Statement::Statement(Statement&& other) noexcept {
    *this = std::move(other);
}

Statement& Statement::operator=(Statement&& other) noexcept {
    if (this == &other) return *this;
    finalize();
    handle_ = std::exchange(other.handle_, nullptr);
    database_ = other.database_;
    std::swap(next_, other.next_);
    bound_.swap(other.bound_);
    fault_ = other.fault_;
    return *this;
}

Fault Statement::prepare(Database& database, std::string_view sql, bool lasting) {
    finalize();
    database_ = &database;
    const unsigned flags = lasting ? SQLITE_PREPARE_PERSISTENT : 0;
    const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                        flags, &handle_, nullptr);
    bound_.assign(static_cast<std::size_t>(sqlite3_bind_parameter_count(handle_)) + 1, {});
    next_ = bound_.data();
    return database.fault_of(code);
}

void Statement::finalize() {
    if (handle_ != nullptr) sqlite3_finalize(handle_);
    handle_ = nullptr;
    next_ = bound_.data();
}

void Statement::bind_anew(std::int64_t number) {
    *next_ = {Bound::What::number, number};
    sqlite3_bind_int64(handle_, parameter(), number);
}

void Statement::bind_null_anew() {
    next_->what = Bound::What::null;
    sqlite3_bind_null(handle_, parameter());
}

Statement& Statement::bind(std::string_view text) {
    const char* const data = text.data() != nullptr ? text.data() : "";
    next_->what = Bound::What::text;
    sqlite3_bind_text(handle_, parameter(), data, static_cast<int>(text.size()), SQLITE_STATIC);
    return advance();
}

Statement::Step Statement::step() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return Step::row;
    if (code == SQLITE_DONE) return Step::done;
    if ((code & 0xff) == SQLITE_CONSTRAINT) return Step::constraint;
    fault_ = database_->fault_of(code);
    return Step::fault;
}

Fault Statement::run() {
    Step last = step();
    while (last == Step::row) last = step();
    const auto fault = last == Step::done    ? Fault::none
                       : last == Step::fault ? fault_
                                             : Fault::failed;
    reset();
    return fault;
}

void Statement::reset() {
    sqlite3_reset(handle_);
    next_ = bound_.data();
}

std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(handle_, column);
}

bool Statement::null(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::string_view Statement::text(int column) const {
    const auto* const data = sqlite3_column_text(handle_, column);
    if (data == nullptr) return {};
    return {reinterpret_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

}  // namespace understudy::ledger
