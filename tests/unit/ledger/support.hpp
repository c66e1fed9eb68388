// Rows and a folder of their own for the tests of the ledger.
#pragma once

#include "ledger/request_id.hpp"
#include "ledger/row.hpp"
#include "ledger/sqlite/database.hpp"
#include "ledger/store.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace understudy::ledger::test {

/// A folder that goes with the test.
class Folder {
  public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "understudy-ledger-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(std::string_view name = "ledger.db") const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline constexpr std::int64_t kThen = 1'790'000'000'000'000;  // 2026-09-21T14:13:20Z

/// For tests whose requests all have an id of their own.
inline std::uint64_t number_of(std::string_view request) {
    return std::hash<std::string_view>()(request) & INT64_MAX;
}

inline AttemptRow attempt(std::int64_t at = kThen, std::string_view request = "r1") {
    AttemptRow row;
    row.request = request;
    row.request_no = number_of(request);
    row.route = "*";
    row.upstream = "openai";
    row.model = row.label = "gpt-4o";
    row.answered = "gpt-4o-2024-08-06";
    row.dialect = "chat";
    row.reason = "ok";
    row.cause = "first";
    row.operation = "chat";
    row.price = "built-in 1";
    row.ended_us = at;
    row.total_us = 1'500'000;
    row.first_token_us = 300'000;
    row.bytes_sent = 900;
    row.bytes_received = 2'000;
    row.tokens = {100, 20, 5, 40, 10};
    row.cost_nano_usd = 1'234;
    row.status = 200;
    row.deliveries = 1;
    row.usage = UsageKind::reported;
    return row;
}

inline RequestRow request(std::int64_t at = kThen, std::string_view id = "r1") {
    RequestRow row;
    row.request = id;
    row.no = number_of(id);
    row.given = !made_here(id);
    row.route = "*";
    row.path = "/chat/completions";
    row.model = "gpt-4o";
    row.outcome = "primary";
    row.served_by = "openai";
    row.served_model = "gpt-4o-2024-08-06";
    row.ended_us = at;
    row.total_us = 1'600'000;
    row.bytes_received = 800;
    row.prompt_tokens = 125;
    row.completion_tokens = 50;
    row.cost_nano_usd = 1'234;
    row.status = 200;
    row.attempts = 1;
    return row;
}

/// A batch of these rows, in this order.
template <class... Rows>
Batch batch_of(const Rows&... rows) {
    Batch batch;
    batch.emplace_back(Chunk::kUsualSize);
    REQUIRE((batch.back().add(rows) && ...));
    return batch;
}

/// The answer of a query with one value, as another process would get it.
inline std::string ask(const std::string& path, const char* sql) {
    Database database;
    REQUIRE(database.open(path, Database::Access::read_only) == Fault::none);
    auto text = database.text(sql);
    INFO(database.why());
    REQUIRE(text);
    return *text;
}

}  // namespace understudy::ledger::test
