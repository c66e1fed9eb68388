// The ledger in a file of SQLite, in WAL mode: others may read it while it is written, and a
// process that dies leaves it whole. What has been committed survives the death of the process at
// once, and that of the machine from the next checkpoint on.
#pragma once

#include "ledger/store.hpp"

#include <memory>
#include <string>

namespace understudy::ledger {

/// Nothing is opened yet. `path`: folders that are missing are made, for this user alone.
std::unique_ptr<Store> sqlite_store(std::string path);

}  // namespace understudy::ledger
