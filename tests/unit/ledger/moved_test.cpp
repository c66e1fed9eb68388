// What becomes of a ledger's file, and of what lies beside it, when it leaves its place under its
// writer.
#include "ledger/sqlite/place.hpp"
#include "ledger/sqlite/sqlite_store.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <fstream>
#include <optional>

using namespace understudy::ledger;
using namespace understudy::ledger::test;
namespace fs = std::filesystem;

namespace {

constexpr int kRows = 500;

/// Batches of one row each.
void write_many(Store& store) {
    REQUIRE(store.open() == Fault::none);
    for (int i = 0; i < kRows; ++i) {
        REQUIRE(store.write(batch_of(attempt(kThen + i, "r" + std::to_string(i)))) == Fault::none);
    }
}

std::string rows_in(const std::string& path) {
    return ask(path, "SELECT count(*) || ' ' || count(DISTINCT request_id) FROM attempt");
}

std::string last_in(const std::string& path) {
    return ask(path, "SELECT group_concat(request_id) FROM attempt WHERE request_id = 'late'");
}

}  // namespace

TEST_CASE("A place says that its file has left it, or nothing") {
    const FileId was{7, 100};
    struct Case {
        int error;
        FileId now;
        bool left;
    };
    const auto c = GENERATE(values<Case>({{0, {7, 100}, false},
                                          {0, {7, 101}, true},
                                          {0, {8, 100}, true},
                                          {ENOENT, {}, true},
                                          {EIO, {}, false},
                                          {ESTALE, {}, false},
                                          {EACCES, {}, false},
                                          {ELOOP, {}, false},
                                          {ENOTDIR, {}, false},
                                          {ENOMEM, {}, false}}));
    CAPTURE(c.error, c.now.device, c.now.number);
    CHECK(has_left(was, c.error, c.now) == c.left);
}

TEST_CASE("A log is taken away only where it is the one that was there") {
    const Folder folder;
    const auto path = folder.file(), log = path + "-wal", index = path + "-shm";
    for (const auto& file : {log, index}) std::ofstream(file) << "log";
    const auto id = log_of(path);
    REQUIRE_FALSE(id == FileId{});
    SECTION("whole") {
        CHECK(forget_log(path, id, true).empty());
        CHECK(fs::is_empty(folder.path()));
    }
    SECTION("still needed: under another name, none of which is taken twice") {
        const auto kept = forget_log(path, id, false);
        CHECK(fs::exists(kept));
        for (const auto& file : {log, index}) std::ofstream(file) << "log";
        CHECK(forget_log(path, log_of(path), false) != kept);
        CHECK_FALSE(fs::exists(log));
        CHECK_FALSE(fs::exists(index));
    }
    SECTION("another one's") {
        fs::rename(log, folder.file("open elsewhere"));  // its number is not free
        std::ofstream(log) << "log";
        CHECK(forget_log(path, id, GENERATE(true, false)).empty());
        CHECK(fs::exists(log));
        CHECK(fs::exists(index));
    }
    SECTION("nobody's") {
        CHECK(forget_log(path, {}, true).empty());
        CHECK(fs::exists(log));
    }
}

TEST_CASE("A file that is moved away takes all its rows along, and the next has the others") {
    const Folder folder;
    const auto path = folder.file(), archive = folder.file("archive.db");
    auto store = sqlite_store(path);
    write_many(*store);
    // With somebody who reads all of the log, which is not emptied then.
    std::optional<Database> reader;
    if (GENERATE(false, true)) {
        REQUIRE(reader.emplace().open(path, Database::Access::read_only) == Fault::none);
        REQUIRE(reader->run("BEGIN; SELECT count(*) FROM attempt") == Fault::none);
    }
    fs::rename(path, archive);
    const auto late = batch_of(attempt(kThen + kRows, "late"));
    SECTION("noticed before a batch") {
        CHECK(store->open() == Fault::removed);
    }
    SECTION("noticed in a batch") {
        CHECK(store->write(late) == Fault::removed);
    }
    SECTION("noticed at the end") {
        store.reset();
        store = sqlite_store(path);
    }
    CHECK(rows_in(archive) == "500 500");
    CHECK_FALSE(fs::exists(path + "-wal"));
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(late) == Fault::none);
    CHECK(rows_in(archive) == "500 500");
    CHECK(rows_in(path) == "1 1");
    CHECK(last_in(path) == "late");
}

TEST_CASE("A log that a moved file cannot take in yet is kept beside, and said") {
    const Folder folder;
    const auto path = folder.file(), archive = folder.file("archive.db");
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    std::optional<Database> reader(std::in_place);
    REQUIRE(reader->open(path, Database::Access::read_only) == Fault::none);
    REQUIRE(reader->run("BEGIN; SELECT count(*) FROM attempt") == Fault::none);
    write_many(*store);
    fs::rename(path, archive);
    CHECK(store->open() == Fault::removed);
    const auto at = store->why().find(path + ".removed-");
    INFO(store->why());
    REQUIRE(at != std::string::npos);
    const auto kept = store->why().substr(at);
    reader.reset();
    CHECK_FALSE(fs::exists(path + "-wal"));
    fs::rename(kept, archive + "-wal");
    // As its owner would, who has read docs/ledger.md.
    {
        Database owner;
        REQUIRE(owner.open(archive, Database::Access::read_write) == Fault::none);
        CHECK(owner.number("SELECT count(*) FROM attempt") == kRows);
    }
    REQUIRE(store->open() == Fault::none);
    CHECK(rows_in(path) == "0 0");
}

TEST_CASE("A place that cannot be looked at for a while costs no row and doubles none") {
    const Folder folder;
    const auto here = folder.path() / "state", there = folder.path() / "there";
    fs::create_directory(here);
    const auto path = (here / "ledger.db").string();
    const auto store = sqlite_store(path);
    write_many(*store);
    fs::rename(here, there);
    fs::create_symlink(here, here);  // stat says ELOOP, to root as well
    CHECK(store->open() == Fault::none);
    CHECK(store->write(batch_of(attempt(kThen + kRows, "late"))) == Fault::none);
    fs::remove(here);
    fs::rename(there, here);
    CHECK(store->open() == Fault::none);
    CHECK(rows_in(path) == "501 501");
    CHECK(fs::exists(path + "-wal"));
}

TEST_CASE("The log of the file that took a moved one's place stays") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    write_many(*store);
    for (const auto* const end : {"", "-wal", "-shm"}) {
        fs::rename(path + end, folder.file("archive.db") + end);
    }
    const auto other = sqlite_store(path);
    REQUIRE(other->open() == Fault::none);
    REQUIRE(other->write(batch_of(attempt(kThen, "other's"))) == Fault::none);
    const auto log = log_of(path);
    CHECK(store->open() == Fault::removed);
    CHECK(log_of(path) == log);
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch_of(attempt(kThen + kRows, "late"))) == Fault::none);
    REQUIRE(other->write(batch_of(attempt(kThen + 1, "other's too"))) == Fault::none);
    CHECK(rows_in(path) == "3 3");
    CHECK(rows_in(folder.file("archive.db")) == "500 500");
}
