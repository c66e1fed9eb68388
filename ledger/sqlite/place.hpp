// Where the ledger's file lies: its folder, its rights, whether it is still there, and what becomes
// of what lies beside it when it is not, and of it when it is corrupt.
#pragma once

#include "ledger/store.hpp"

#include <cstdint>
#include <string>

namespace understudy::ledger {

/// Makes the folders of `path` that are missing, and the file itself, for this user alone; leaves
/// what is there as it is. Otherwise `why` says what is in the way.
Fault make_place(const std::string& path, std::string& why);

/// SQLite could not write to `path`, and said so in its own words (`why`): where the file or its
/// folder may only be read, that is what is the matter, and `why` says which of them.
Fault explain_read_only(const std::string& path, Fault fault, std::string& why);

/// Which file it is, whatever its name. Numbers are given anew once nobody has the file open.
struct FileId {
    std::uint64_t device = 0;
    std::uint64_t number = 0;  // 0: none
    bool operator==(const FileId&) const = default;
};

/// Which file is at `path`, into `id`; returns 0, or errno of stat(2) and leaves `id` alone.
int find_file(const std::string& path, FileId& id);
/// Whether `was` has left its place, where find_file() now says `error` or `now`. That the place
/// cannot be looked at says nothing about the file.
bool has_left(const FileId& was, int error, const FileId& now);

/// Which file the log beside `path` is; none: there is none, or it cannot be told.
FileId log_of(const std::string& path);
/// Takes away what SQLite kept beside a file that is gone, if its log is still `log`: the next file
/// at this place would take it for its own. To be called while the log is open, so that its number
/// is nobody else's. `whole`: the file has all that the log holds; a log that is still needed gets
/// another name, which is returned.
std::string forget_log(const std::string& path, const FileId& log, bool whole);

/// Renames the file, and what SQLite keeps beside it, to a name that is free. Returns it; empty:
/// it could not be done.
std::string move_aside(const std::string& path);

}  // namespace understudy::ledger
