// SQLite without its sharp edges: a connection and its statements, faults in place of codes. One
// thread at a time. sqlite3.h is included by the .cpp files of this folder only.
#pragma once

#include "ledger/sqlite/place.hpp"
#include "ledger/store.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace understudy::ledger {

class Database {
  public:
    enum class Access : std::uint8_t { read_only, read_write, create };
    Database() = default;
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// How long a call waits for another process that holds the file.
    static constexpr int kPatienceMs = 250;

    Fault open(const std::string& path, Access access);
    void close();
    bool is_open() const { return handle_ != nullptr; }
    /// One or more statements without results.
    Fault run(const char* sql);
    /// The first column of the first row of a query; nullopt: none came, or a fault.
    std::optional<std::int64_t> number(const char* sql);
    std::optional<std::string> text(const char* sql);
    /// Where its file was opened: absolute, without symbolic links.
    std::string place() const;
    /// Its file is no longer at this place, or another one is; false where that cannot be told. For
    /// one that may be written.
    bool has_moved() const;
    /// Before the end of one that has moved, outside of transactions: brings into the file what its
    /// log holds, which SQLite leaves undone when it closes a file that has moved. False: not all
    /// of it. SQLite removes no log afterwards: what is at the place may be another file's.
    bool bring_home();
    /// The number of the row that was inserted last.
    std::int64_t last_id() const;
    /// How many rows the last statement has inserted, changed or deleted; of one that failed, those
    /// before the failure where it said OR FAIL.
    std::size_t changes() const;
    /// Keeps the last fault in words, and says what it was.
    Fault fault_of(int code);
    const std::string& why() const { return why_; }
    void set_why(std::string why) { why_ = std::move(why); }
    /// What takes longer from now on is ended; the call fails.
    void limit_time(std::chrono::milliseconds time);
    sqlite3* handle() const { return handle_; }

  private:
    Fault note_file();

    sqlite3* handle_ = nullptr;
    std::string why_;
    FileId file_;
    std::chrono::steady_clock::time_point end_by_{};
    std::chrono::milliseconds limit_{};
};

/// A prepared statement. Parameters count from 1, in the order of the calls since reset().
class Statement {
  public:
    Statement() = default;
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;

    /// `lasting`: it is kept and used often.
    Fault prepare(Database& database, std::string_view sql, bool lasting = true);
    bool ready() const { return handle_ != nullptr; }
    void finalize();

    Statement& bind(std::int64_t number) {
        if (next_->what != Bound::What::number || next_->number != number) bind_anew(number);
        return advance();
    }
    Statement& bind_null() {
        if (next_->what != Bound::What::null) bind_null_anew();
        return advance();
    }
    /// The text has to outlive the step.
    Statement& bind(std::string_view text);
    /// Nothing is kept in place of what is empty, or zero.
    Statement& bind_or_null(std::string_view text) {
        return text.empty() ? bind_null() : bind(text);
    }
    Statement& bind_or_null(std::int64_t number) {
        return number == 0 ? bind_null() : bind(number);
    }

    enum class Step : std::uint8_t { row, done, constraint, fault };
    /// A fault is told by fault().
    Step step();
    /// Steps to the end and resets.
    Fault run();
    Fault fault() const { return fault_; }
    void reset();

    std::int64_t number(int column) const;
    bool null(int column) const;
    /// Until the next step.
    std::string_view text(int column) const;

  private:
    /// What a parameter has: it keeps it from step to step, and rows in a row say much the same.
    struct Bound {
        enum class What : std::uint8_t { null, number, text };
        What what = What::null;
        std::int64_t number = 0;
    };
    Statement& advance() {
        if (next_ != &bound_.back()) ++next_;
        return *this;
    }
    int parameter() const { return static_cast<int>(next_ - bound_.data()) + 1; }
    void bind_anew(std::int64_t number);
    void bind_null_anew();

    sqlite3_stmt* handle_ = nullptr;
    Database* database_ = nullptr;
    std::vector<Bound> bound_{1};  // and one for what is no parameter
    Bound* next_ = bound_.data();
    Fault fault_ = Fault::none;
};

}  // namespace understudy::ledger
