#include "ledger/sums.hpp"

namespace understudy::ledger {

namespace {

void add_tokens(Tokens& sum, const Tokens& more) {
    sum.input += more.input;
    sum.cache_read += more.cache_read;
    sum.cache_write += more.cache_write;
    sum.output += more.output;
    sum.reasoning += more.reasoning;
}

}  // namespace

void Sums::add(const AttemptRow& row) {
    requests += row.number == 1 ? 1 : 0;
    attempts += 1;
    failed += row.reason != "ok" ? 1 : 0;
    add_tokens(tokens, row.tokens);
    estimated_input += row.estimated_input;
    estimated_output += row.estimated_output;
    cost_nano_usd += row.cost_nano_usd;
    estimated_cost_nano_usd += row.estimated_cost_nano_usd;
    missing += row.usage == UsageKind::missing ? 1 : 0;
    unpriced += row.unpriced ? 1 : 0;
}

void Sums::add(const Sums& other) {
    requests += other.requests;
    attempts += other.attempts;
    failed += other.failed;
    add_tokens(tokens, other.tokens);
    estimated_input += other.estimated_input;
    estimated_output += other.estimated_output;
    cost_nano_usd += other.cost_nano_usd;
    estimated_cost_nano_usd += other.estimated_cost_nano_usd;
    missing += other.missing;
    unpriced += other.unpriced;
}

}  // namespace understudy::ledger
