#include "ledger/sqlite/kept_rows.hpp"

#include <optional>
#include <string>

namespace understudy::ledger {

namespace {

/// Reads one column after the other.
class Row {
  public:
    explicit Row(const Statement& statement, int first = 0) : s_(statement), next_(first) {}
    std::string text() { return std::string(s_.text(next_++)); }
    std::int64_t number() { return s_.number(next_++); }
    std::uint64_t count() { return static_cast<std::uint64_t>(number()); }
    std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
    bool flag() { return number() != 0; }
    std::optional<std::int64_t> maybe() {
        const int column = next_++;
        if (s_.null(column)) return std::nullopt;
        return s_.number(column);
    }

  private:
    const Statement& s_;
    int next_;
};

}  // namespace

Sums sums_of(const Statement& statement, int first_column) {
    Row row(statement, first_column);
    Sums s;
    for (auto* const n : {&s.requests, &s.attempts, &s.failed, &s.tokens.input,
                          &s.tokens.cache_read, &s.tokens.cache_write, &s.tokens.output,
                          &s.tokens.reasoning, &s.estimated_input, &s.estimated_output})
        *n = row.count();
    s.cost_nano_usd = row.number();
    s.estimated_cost_nano_usd = row.number();
    s.missing = row.count();
    s.unpriced = row.count();
    return s;
}

KeptRequest request_of(const Statement& statement) {
    Row row(statement);
    KeptRequest r;
    r.id = row.number();
    r.no = row.number();
    for (auto* const part : {&r.request, &r.session, &r.route, &r.key, &r.path, &r.model,
                             &r.outcome, &r.code, &r.served_by, &r.served_model})
        *part = row.text();
    r.total_us = row.number();
    r.cost_nano_usd = row.number();
    for (auto* const n : {&r.prompt_tokens, &r.completion_tokens, &r.bytes_received}) {
        *n = row.count();
    }
    r.status = row.small();
    r.attempts = row.small();
    r.stream = row.flag();
    r.broken = row.flag();
    return r;
}

KeptAttempt attempt_of(const Statement& statement) {
    Row row(statement);
    KeptAttempt a;
    a.id = row.number();
    for (auto* const part : {&a.request, &a.upstream, &a.model, &a.answered, &a.dialect, &a.cause,
                             &a.reason, &a.price, &a.tier, &a.detail})
        *part = row.text();
    a.total_us = row.number();
    a.first_token_us = row.maybe();
    for (auto* const n :
         {&a.tokens.input, &a.tokens.cache_read, &a.tokens.cache_write, &a.tokens.output,
          &a.tokens.reasoning, &a.estimated_input, &a.estimated_output})
        *n = row.count();
    a.cost_nano_usd = row.number();
    a.estimated_cost_nano_usd = row.number();
    a.bytes_sent = row.count();
    a.bytes_received = row.count();
    for (auto* const n : {&a.number, &a.position, &a.status, &a.deliveries}) *n = row.small();
    a.usage = static_cast<UsageKind>(row.number());
    a.unpriced = row.flag();
    return a;
}

}  // namespace understudy::ledger
