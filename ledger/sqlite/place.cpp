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

std::uint64_t log_of(const std::string& path) {
    struct stat log {};
    return ::stat((path + "-wal").c_str(), &log) == 0 ? std::uint64_t{log.st_ino} : 0;
}

void forget_log(const std::string& path, std::uint64_t log) {
    if (log == 0 || log_of(path) != log) return;
    for (const char* const beside : {"-wal", "-shm"}) ::unlink((path + beside).c_str());
}

std::string move_aside(const std::string& path) {
    const auto base = path + ".corrupt-" + time_stamp();
    auto target = base;
    for (int i = 2; ::access(target.c_str(), F_OK) == 0; ++i) {
        target = base + "-" + std::to_string(i);
    }
    if (::rename(path.c_str(), target.c_str()) != 0) return {};
    // Without these the next file would be taken for this one's.
    for (const char* const beside : {"-wal", "-shm"}) {
        ::rename((path + beside).c_str(), (target + beside).c_str());
    }
    return target;
}

}  // namespace understudy::ledger
