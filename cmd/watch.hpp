// What a running daemon watches: its configuration file and the folder of profiles.
#pragma once

#include "config/config.hpp"

#include <sys/types.h>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace understudy::cmd {

/// What identifies one state of a file; a change of it reloads (editors replace, ConfigMaps
/// relink).
struct FileState {
    explicit FileState(const std::string& path);
    bool operator==(const FileState&) const = default;
    bool exists() const { return inode != 0; }
    ino_t inode = 0;
    off_t size = 0;
    time_t seconds = 0;
    long nanoseconds = 0;
};

/// One state of everything that a configuration was read from.
struct SourceState {
    explicit SourceState(const config::Config& config);
    bool operator==(const SourceState&) const = default;
    FileState file;
    FileState prices{""};  // the file that the configuration names; of none nothing changes
    std::vector<std::pair<std::string, FileState>> profiles;  // by name
};

}  // namespace understudy::cmd
