#include "proxy/books.hpp"

#include "ledger/batch.hpp"
#include "proxy/seed.hpp"
#include "tests/unit/proxy/support.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace understudy::proxy;
using namespace understudy::proxy::test;
using namespace std::chrono_literals;
namespace ledger = understudy::ledger;
using ledger::UsageKind;
using understudy::metrics::Operation;
using understudy::metrics::Outcome;
using understudy::wire::FailureClass;

namespace {

/// Keeps what is written as text.
class Kept final : public ledger::Store {
  public:
    explicit Kept(std::vector<std::string>& out) : out_(out) {}
    ledger::Fault open() override { return ledger::Fault::none; }
    void leave_form(bool) override {}
    ledger::Fault write(const ledger::Batch& batch) override {
        for (const auto& chunk : batch) chunk.for_each([this](const auto& row) { add(row); });
        return ledger::Fault::none;
    }
    std::int64_t newest(std::int64_t) override { return 0; }
    ledger::Fault forget(std::int64_t, bool&) override { return ledger::Fault::none; }
    ledger::Fault counters(std::vector<ledger::Counter>&) override { return ledger::Fault::none; }
    bool changed_elsewhere() override { return false; }
    std::string set_aside() override { return {}; }
    void rest() override {}
    const std::string& why() const override { return nothing_; }
    const std::string& place() const override { return nothing_; }

  private:
    void add(const ledger::AttemptRow& row) {
        std::string text;
        auto copy = row;
        ledger::for_each_text(copy,
                              [&text](std::string_view part) { text.append(part).append(1, '|'); });
        for (const auto n :
             {row.total_us, row.first_token_us, std::int64_t{row.number},
              std::int64_t{row.position}, std::int64_t{row.status}, std::int64_t{row.deliveries}})
            text += std::to_string(n) + ' ';
        text += row.hedge_won ? "won" : "";
        out_.push_back(text);
        ended_.push_back(row.ended_us);
    }
    void add(const ledger::RequestRow& row) {
        std::string text;
        auto copy = row;
        ledger::for_each_text(copy,
                              [&text](std::string_view part) { text.append(part).append(1, '|'); });
        for (const auto n : {row.total_us, std::int64_t{row.status}, std::int64_t{row.attempts},
                             row.cost_nano_usd, static_cast<std::int64_t>(row.prompt_tokens)})
            text += std::to_string(n) + ' ';
        out_.push_back(text);
        ended_.push_back(row.ended_us);
    }

    std::vector<std::string>& out_;
    std::vector<std::int64_t> ended_;
    std::string nothing_;
};

const understudy::metrics::PriceTable& prices() {
    static const auto table = [] {
        auto made = std::make_unique<understudy::metrics::PriceTable>();
        made->lay({}, understudy::metrics::PriceOrigin::builtin, "built-in 1");
        made->lay({}, understudy::metrics::PriceOrigin::file, "own.json 2");
        return made;
    }();
    return *table;
}

ledger::AttemptRow row_of(const Bill& bill) {
    ledger::AttemptRow row;
    put_bill(bill, prices(), row);
    return row;
}

}  // namespace

TEST_CASE("A bill's figures go where they belong: reported or estimated, priced or not") {
    Bill bill;
    CHECK(row_of(bill).usage == UsageKind::none);
    bill.tokens = {100, 20, 5, 30, 4};
    bill.reported = true;
    auto row = row_of(bill);
    CHECK(row.usage == UsageKind::reported);
    CHECK(row.tokens == ledger::Tokens{100, 20, 5, 30, 4});
    CHECK(row.estimated_input == 0);
    CHECK(row.unpriced);
    CHECK(row.price.empty());
    bill.cost_pico_usd = 1'234'000;
    bill.priced_by = PricedBy::table;
    row = row_of(bill);
    CHECK(row.cost_nano_usd == 1'234);
    CHECK(row.estimated_cost_nano_usd == 0);
    CHECK(row.price == "built-in 1");
    CHECK_FALSE(row.unpriced);
    bill.priced_by = PricedBy::file;
    CHECK(row_of(bill).price == "own.json 2");
    bill.priced_by = PricedBy::configuration;
    CHECK(row_of(bill).price == "configuration");
    bill.priced_by = PricedBy::upstream;
    CHECK(row_of(bill).price == "upstream");
    bill.reported = false;
    bill.estimated = true;
    bill.tokens = bill.guessed = {100, 0, 0, 30, 0};
    bill.guessed_cost_pico_usd = 1'234'000;
    bill.priced_by = PricedBy::configuration;
    row = row_of(bill);
    CHECK(row.usage == UsageKind::estimated);
    CHECK(row.tokens == ledger::Tokens{});
    CHECK(row.estimated_input == 100);
    CHECK(row.estimated_output == 30);
    CHECK(row.estimated_cost_nano_usd == 1'234);
    CHECK(row.cost_nano_usd == 0);
    CHECK(row.price == "configuration");
    bill.reported = true;
    bill.tokens = {100, 20, 5, 30, 4};
    bill.guessed = {0, 0, 0, 10, 0};
    bill.guessed_cost_pico_usd = 1'000'000;
    row = row_of(bill);
    CHECK(row.usage == UsageKind::both);
    CHECK(row.tokens == ledger::Tokens{100, 20, 5, 20, 4});
    CHECK(row.estimated_input == 0);
    CHECK(row.estimated_output == 10);
    CHECK(row.cost_nano_usd == 234);
    CHECK(row.estimated_cost_nano_usd == 1'000);
}

TEST_CASE("Reports become rows, with the times of the wall clock") {
    std::vector<std::string> kept;
    {
        ledger::Ledger ledger(std::make_unique<Kept>(kept), {});
        ledger.start();
        Books books(ledger, 0);
        Bench bench;
        auto& series = bench.registry.shard(0).attempt("one", "other", Operation::embeddings);
        Inbound request;
        request.request_id = "id-1";
        request.session = "s";
        AttemptReport attempt;
        attempt.upstream = "one";
        attempt.model = std::string_view("a-model");
        attempt.detail = "timeout: nothing came";
        attempt.reason = FailureClass::timeout;
        attempt.cause = Cause::hedge;
        attempt.number = 2;
        attempt.position = 1;
        attempt.deliveries = 1;
        attempt.started = understudy::net::Clock::now() - 5s;
        attempt.took = 2s;
        attempt.moved_from = "zero";
        attempt.moved_why = FailureClass::rate_limit;
        books.put(attempt, request, {1, "* when images", &series, &prices()});
        RequestReport report;
        report.id = "id-1";
        report.route = "*";
        report.path = "/embeddings";
        report.model = "asked";
        report.outcome = Outcome::exhausted;
        report.status = 504;
        report.error_code = "upstream_timeout";
        report.attempts = 2;
        report.total_cost_pico_usd = 5'000;
        report.usage.tokens.input = 12;
        report.received_at = understudy::net::Clock::now() - 6s;
        report.took = 3s;
        books.put(report);
    }
    REQUIRE(kept.size() == 2);
    CHECK(kept[0] ==
          "id-1|s|* when images||one|a-model||chat|timeout|hedge|||timeout: nothing came|other|"
          "embeddings|zero|rate_limit|2000000 -1 2 1 0 1 ");
    CHECK(kept[1] == "id-1||*||/embeddings|asked|exhausted|upstream_timeout|||3000000 504 2 5 12 ");
}

TEST_CASE("Counters of the ledger are where the metrics begin") {
    Bench bench;
    const auto config = config_of(R"(
upstreams:
  - { name: one, base_url: 'http://127.0.0.1:1/v1', model: own }
)");
    const std::vector<ledger::Counter> counters{
        {"requests", {"*", "fallback", "", ""}, 3},
        {"requests", {"none", "rejected", "", ""}, 2},
        {"requests", {"*", "of another version", "", ""}, 9},
        {"attempts", {"one", "own", "chat", "ok"}, 5},
        {"attempts", {"one", "learned", "embeddings", "timeout"}, 4},
        {"attempts", {"one", "own", "chat", "of another version"}, 9},
        {"attempts", {"one", "own", "of another version", "ok"}, 9},
        {"tokens_cache_read", {"one", "own", "chat", ""}, 70},
        {"estimated_output", {"one", "own", "chat", ""}, 8},
        {"cost", {"one", "own", "chat", ""}, 11},
        {"estimated_cost", {"one", "own", "chat", ""}, 12},
        {"missing", {"one", "own", "chat", ""}, 1},
        {"unpriced", {"one", "own", "chat", ""}, 2},
        {"replays", {"one", "", "", ""}, 6},
        {"failovers", {"one", "two", "timeout", ""}, 7},
        {"hedges_started", {"*", "", "", ""}, 13},
        {"of another version", {"", "", "", ""}, 9},
    };
    auto& shard = bench.registry.shard(0);
    seed(counters, *config, shard);
    CHECK(shard.route("*").requests[static_cast<std::size_t>(Outcome::fallback)].value() == 3);
    CHECK(shard.route("none").requests[static_cast<std::size_t>(Outcome::rejected)].value() == 0);
    auto& own = shard.attempt("one", "own");
    CHECK(own.attempts[0].value() == 5);
    CHECK(own.tokens[1][0].value() == 70);
    CHECK(own.tokens[3][1].value() == 8);
    CHECK(own.cost_pico_usd[0].value() == 11'000);
    CHECK(own.cost_pico_usd[1].value() == 12'000);
    CHECK(own.usage_missing.value() == 1);
    CHECK(own.unpriced.value() == 2);
    CHECK(shard.attempt("one", "learned", Operation::embeddings)
              .attempts[static_cast<std::size_t>(FailureClass::timeout)]
              .value() == 4);
    CHECK(shard.stale_replays("one").value() == 6);
    CHECK(shard.failover("one", "two", static_cast<std::size_t>(FailureClass::timeout)).value() ==
          7);
    CHECK(shard.route("*").hedges_started.value() == 13);
    CHECK(shard.learned_models().is_label("one", "learned", false));
    CHECK_FALSE(shard.learned_models().is_label("one", "own", false));  // takes no place
    CHECK(bench.metrics().find("another version") == std::string::npos);
}
