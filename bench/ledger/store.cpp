// Writes rows as those of plain requests with a key into a ledger, so many requests to a batch, and
// nothing else: what callgrind counts in it is what the store costs (bench/ledger/store).
//
//     storebench FILE REQUESTS PER_BATCH
#include "ledger/sqlite/sqlite_store.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace understudy::ledger;

constexpr std::int64_t kThen = 1'790'000'000'000'000;
constexpr std::uint64_t kFirstNo = 5'000'000'000'000'000'000;

AttemptRow attempt(std::uint64_t i, std::string_view id) {
    AttemptRow row;
    row.request = id;
    row.request_no = kFirstNo + i;
    row.route = "*";
    row.key = "bench";
    row.upstream = "first";
    row.model = row.label = "gpt-4o-mini";
    row.answered = "gpt-4o-mini-2024-07-18";
    row.dialect = row.operation = "chat";
    row.reason = "ok";
    row.cause = "first";
    row.price = "configuration";
    row.ended_us = kThen + static_cast<std::int64_t>(i) * 60;
    row.total_us = 300 + static_cast<std::int64_t>(i * 7 % 200);
    row.first_token_us = row.total_us - 20;
    row.bytes_sent = 2'200;
    row.bytes_received = 900;
    row.tokens = {500, 0, 0, 100, 0};
    row.cost_nano_usd = 135'000;
    row.status = 200;
    row.deliveries = 1;
    row.usage = UsageKind::reported;
    return row;
}

RequestRow request(std::uint64_t i, std::string_view id, const AttemptRow& of) {
    RequestRow row;
    row.request = id;
    row.no = kFirstNo + i;
    row.route = of.route;
    row.key = of.key;
    row.path = "/chat/completions";
    row.model = of.model;
    row.outcome = "primary";
    row.served_by = of.upstream;
    row.served_model = of.answered;
    row.ended_us = of.ended_us + 5;
    row.total_us = of.total_us + 20;
    row.bytes_received = 2'100;
    row.prompt_tokens = 500;
    row.completion_tokens = 100;
    row.cost_nano_usd = of.cost_nano_usd;
    row.status = 200;
    row.attempts = 1;
    return row;
}

template <class Row>
void put(Batch& batch, const Row& row) {
    if (!batch.empty() && batch.back().add(row)) return;
    batch.emplace_back(Chunk::kUsualSize);
    batch.back().add(row);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const auto requests = std::strtoull(argv[2], nullptr, 10);
    const auto per_batch = std::strtoull(argv[3], nullptr, 10);
    const auto store = sqlite_store(argv[1]);
    auto fault = store->open();
    Batch batch;
    for (std::uint64_t i = 0; i < requests && fault == Fault::none; ++i) {
        char id[40];
        std::snprintf(id, sizeof id, "req_%012llx%020llx", 1'790'000'000'000ULL + i * 60 / 1000,
                      (i + 1) * 0x9e3779b97f4a7c15ULL);
        const auto tried = attempt(i, id);
        put(batch, tried);
        put(batch, request(i, id, tried));
        if ((i + 1) % per_batch != 0 && i + 1 != requests) continue;
        fault = store->write(batch);
        batch.clear();
    }
    if (fault != Fault::none) std::fprintf(stderr, "%s\n", store->why().c_str());
    return fault == Fault::none ? 0 : 1;
}
