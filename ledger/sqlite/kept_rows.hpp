// Rows of the ledger as values of their own: which columns are asked for, and how they are read.
// For who only reads.
#pragma once

#include "ledger/reader.hpp"
#include "ledger/sqlite/database.hpp"

#include <string_view>

namespace understudy::ledger {

/// Of `request r`, and the tables of names that belong to them.
inline constexpr std::string_view kRequestColumns =
    "r.id, r.request_no, r.request_id, r.session, route.text, key.text, path.text, model.text, outcome.text, "
    "code.text, served.text, served_model.text, r.total_us, r.cost_nano_usd, r.prompt_tokens, "
    "r.completion_tokens, r.bytes_received, r.status, r.attempts, r.stream, r.broken";
inline constexpr std::string_view kRequestNames =
    " LEFT JOIN name route ON route.id = r.route LEFT JOIN name key ON key.id = r.key "
    "LEFT JOIN name path ON path.id = r.path LEFT JOIN name model ON model.id = r.model "
    "LEFT JOIN name outcome ON outcome.id = r.outcome LEFT JOIN name code ON code.id = r.code "
    "LEFT JOIN name served ON served.id = r.served_by "
    "LEFT JOIN name served_model ON served_model.id = r.served_model ";
/// Of `attempt a`, the same.
inline constexpr std::string_view kAttemptColumns =
    "a.id, a.request_id, upstream.text, model.text, answered.text, dialect.text, cause.text, "
    "reason.text, price.text, tier.text, a.detail, a.total_us, a.first_token_us, a.input, "
    "a.cache_read, a.cache_write, a.output, a.reasoning, a.estimated_input, a.estimated_output, "
    "a.cost_nano_usd, a.estimated_cost_nano_usd, a.bytes_sent, a.bytes_received, a.number, "
    "a.position, a.status, a.deliveries, a.usage, a.unpriced";
inline constexpr std::string_view kAttemptNames =
    " LEFT JOIN name upstream ON upstream.id = a.upstream "
    "LEFT JOIN name model ON model.id = a.model "
    "LEFT JOIN name answered ON answered.id = a.answered_model "
    "LEFT JOIN name dialect ON dialect.id = a.dialect LEFT JOIN name cause ON cause.id = a.cause "
    "LEFT JOIN name reason ON reason.id = a.reason LEFT JOIN name price ON price.id = a.price "
    "LEFT JOIN name tier ON tier.id = a.tier ";

/// The columns of kSummed, or sums of them, from this one on.
inline constexpr std::string_view kSummed =
    "requests, attempts, failed, input, cache_read, cache_write, output, reasoning, "
    "estimated_input, estimated_output, cost_nano_usd, estimated_cost_nano_usd, missing, unpriced";
Sums sums_of(const Statement& statement, int first_column);

/// Of the row that a statement with exactly these columns stands at.
KeptRequest request_of(const Statement& statement);
KeptAttempt attempt_of(const Statement& statement);

}  // namespace understudy::ledger
