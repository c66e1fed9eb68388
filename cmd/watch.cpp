#include "cmd/watch.hpp"

#include "config/profile_store.hpp"

#include <sys/stat.h>

namespace understudy::cmd {

FileState::FileState(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0) return;
    inode = s.st_ino;
    size = s.st_size;
    seconds = s.st_mtim.tv_sec;
    nanoseconds = s.st_mtim.tv_nsec;
}

SourceState::SourceState(const config::Config& config) : file(config.source) {
    if (config.prices_file) prices = FileState(*config.prices_file);
    if (!config.profiles) return;
    for (const std::string& path : config::profile_files(*config.profiles)) {
        profiles.emplace_back(path, FileState(path));
    }
}

}  // namespace understudy::cmd
