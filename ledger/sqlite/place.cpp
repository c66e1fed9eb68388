#include "ledger/sqlite/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

namespace understudy::ledger {

namespace {

Fault fault_of(int error) {
    switch (error) {
        case EROFS:
        case EACCES:
        case EPERM:
            return Fault::read_only;
        case ENOSPC:
        case EDQUOT:
            return Fault::full;
        default:
            return Fault::unreachable;
    }
}

Fault say(int error, const std::string& what, std::string& why) {
    why = what + ": " + std::strerror(error);
    return fault_of(error);
}

Fault make_folder(const std::string& path, std::string& why) {
    if (path.empty() || ::access(path.c_str(), F_OK) == 0) return Fault::none;
    const auto fault = make_folder(std::filesystem::path(path).parent_path().string(), why);
    if (fault != Fault::none) return fault;
    constexpr mode_t kMine = 0700;
    if (::mkdir(path.c_str(), kMine) == 0 || errno == EEXIST) return Fault::none;
    return say(errno, "the folder " + path + " cannot be made", why);
}

// "20261129T053000Z"
std::string time_stamp() {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    const auto n = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
    return {text.data(), n};
}

// `base`, with a number where something is already called so with `end`.
std::string free_name(const std::string& base, const char* end) {
    auto name = base;
    for (int i = 2; ::access((name + end).c_str(), F_OK) == 0; ++i) {
        name = base + "-" + std::to_string(i);
    }
    return name;
}

}  // namespace

Fault make_place(const std::string& path, std::string& why) {
    if (::access(path.c_str(), F_OK) == 0) return Fault::none;
    const auto fault = make_folder(std::filesystem::path(path).parent_path().string(), why);
    if (fault != Fault::none) return fault;
    constexpr mode_t kMine = 0600;
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, kMine);
    if (file < 0) return say(errno, "the file cannot be made", why);
    ::close(file);
    return Fault::none;
}

Fault explain_read_only(const std::string& path, Fault fault, std::string& why) {
    if (fault != Fault::read_only && fault != Fault::unreachable) return fault;
    const auto folder = std::filesystem::path(path).parent_path().string();
    const std::array places{
        std::pair{path, "the file"},
        std::pair{folder.empty() ? std::string(".") : folder, "the folder of the file"}};
    for (const auto& [place, name] : places) {
        if (::faccessat(AT_FDCWD, place.c_str(), W_OK, AT_EACCESS) == 0) continue;
        const int error = errno;
        if (fault_of(error) != Fault::read_only) continue;
        why = std::string(name) + " is read-only: " + std::strerror(error);
        return Fault::read_only;
    }
    if (fault == Fault::read_only) why = "it is read-only: " + why;
    return fault;
}

int find_file(const std::string& path, FileId& id) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return errno;
    id = {std::uint64_t{found.st_dev}, std::uint64_t{found.st_ino}};
    return 0;
}

bool has_left(const FileId& was, int error, const FileId& now) {
    return error == 0 ? now != was : error == ENOENT;
}

FileId log_of(const std::string& path) {
    FileId log;
    find_file(path + "-wal", log);
    return log;
}

std::string forget_log(const std::string& path, const FileId& log, bool whole) {
    if (log == FileId{} || log_of(path) != log) return {};
    std::string kept;
    if (whole) {
        ::unlink((path + "-wal").c_str());
    } else {
        kept = free_name(path + ".removed-" + time_stamp(), "-wal") + "-wal";
        if (::rename((path + "-wal").c_str(), kept.c_str()) != 0) return {};
    }
    ::unlink((path + "-shm").c_str());
    return kept;
}

std::string move_aside(const std::string& path) {
    const auto target = free_name(path + ".corrupt-" + time_stamp(), "");
    if (::rename(path.c_str(), target.c_str()) != 0) return {};
    // Without these the next file would be taken for this one's.
    for (const char* const beside : {"-wal", "-shm"}) {
        ::rename((path + beside).c_str(), (target + beside).c_str());
    }
    return target;
}

}  // namespace understudy::ledger
