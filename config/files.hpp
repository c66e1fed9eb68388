// The few files a configuration refers to, read with bounds. Only regular files: a device or a
// pipe would block or never end.
#pragma once

#include "config/load.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace understudy::config {

/// Content or, if it cannot be had, the reason ("cannot be read: No such file or directory").
struct FileText {
    std::optional<std::string> text;
    std::string error;
};
FileText read_file(const std::string& path, std::size_t max_bytes);

/// `~/x` with the home directory; a relative path as seen from the configuration file's folder, so
/// that a configuration means the same whatever the working directory is.
std::string resolve_path(const std::string& path, const std::string& directory,
                         const Environment& env);

/// Where the ledger is when nobody says where: $STATE_DIRECTORY/ledger.db (systemd sets that), else
/// $XDG_STATE_HOME/understudy/ledger.db, else
/// ~/.local/state/understudy/ledger.db; empty: there is no home directory either.
std::string usual_ledger_path(const Environment& env);

/// The folder of a file, "" for one without.
std::string directory_of(const std::string& file);

bool is_directory(const std::string& path);

/// Whether `pem` holds at least one certificate and nothing that cannot be read; else why not.
std::optional<std::string> certificate_problem(const std::string& pem);

}  // namespace understudy::config
