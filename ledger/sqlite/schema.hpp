// The tables of the ledger, version by version. An older file is brought up to date in one
// transaction; one that a later version made is left alone.
#pragma once

#include "ledger/sqlite/database.hpp"

#include <span>

namespace understudy::ledger {

/// "undL" in ASCII: says that a file is a ledger of this program (PRAGMA application_id).
inline constexpr std::int64_t kApplicationId = 0x756e644c;

/// Step n makes version n + 1 of version n.
std::span<const char* const> schema_steps();

/// The open database as the newest version has it. `steps`: those of schema_steps(), or fewer, for
/// tests.
Fault bring_up_to_date(Database& database, std::span<const char* const> steps = schema_steps());

/// Whether it is of an older version, and not empty: bring_up_to_date() would change it.
bool is_older(Database& database);

/// Whether it can be read as it is: ours, and not of a later version; of which it is. For who only
/// reads: what of it is not in every version is up to them.
Fault check_schema(Database& database, std::int64_t& version);

}  // namespace understudy::ledger
