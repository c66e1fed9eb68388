// Where the ledger's file lies: its folder, its rights, and what becomes of it when it is corrupt.
#pragma once

#include "ledger/store.hpp"

#include <cstdint>
#include <string>

namespace understudy::ledger {

/// Makes the folders of `path` that are missing, and the file itself, for this user alone; leaves
/// what is there as it is. Otherwise `why` says what is in the way.
Fault make_place(const std::string& path, std::string& why);

/// Which file the log beside `path` is; 0: there is none.
std::uint64_t log_of(const std::string& path);
/// Removes what SQLite kept beside a file that is gone, if its log is still `log`: the next file at
/// this place would take it for its own.
void forget_log(const std::string& path, std::uint64_t log);

/// Renames the file, and what SQLite keeps beside it, to a name that is free. Returns it; empty:
/// it could not be done.
std::string move_aside(const std::string& path);

}  // namespace understudy::ledger
