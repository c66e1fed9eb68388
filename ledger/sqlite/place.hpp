// Where the ledger's file lies: its folder, its rights, and what becomes of it when it is corrupt.
#pragma once

#include "ledger/store.hpp"

#include <string>

namespace understudy::ledger {

/// Makes the folders of `path` that are missing, and the file itself, for this user alone; leaves
/// what is there as it is. Otherwise `why` says what is in the way.
Fault make_place(const std::string& path, std::string& why);

/// Renames the file, and what SQLite keeps beside it, to a name that is free. Returns it; empty:
/// it could not be done.
std::string move_aside(const std::string& path);

}  // namespace understudy::ledger
