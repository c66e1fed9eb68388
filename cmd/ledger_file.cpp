#include "cmd/ledger_file.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace understudy::cmd {
namespace {

// SQLite's own words would be that it cannot write, which nobody has asked for.
constexpr std::string_view kNothingBeside =
    "its folder is read-only for this user, and SQLite needs to write beside it: copy it into a "
    "folder of your own, or ask as the daemon's user";

/// Why the file cannot be opened, where the system says it better than SQLite; empty: it can.
std::string hindrance(const std::string& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return std::strerror(errno);
    if (S_ISDIR(file.st_mode)) return "it is a directory";
    return ::access(path.c_str(), R_OK) == 0 ? std::string() : std::strerror(errno);
}

void explain_unreadable(const std::string& path, const std::string& why) {
    std::fprintf(stderr, "the ledger %s cannot be read: %s\n", path.c_str(), why.c_str());
}

}  // namespace

std::optional<std::string> ledger_or_explain(const ConfigOptions& options,
                                             const std::string& given) {
    if (!given.empty()) return given;
    std::optional<std::string> file;
    if (!options.file.empty()) file = options.file;
    const auto loaded = config::load_ledger(file, config::process_environment());
    if (loaded.ledger) return loaded.ledger->path;
    if (!loaded.problems.empty()) {
        explain(loaded.problems);
        return std::nullopt;
    }
    std::fprintf(stderr, "this configuration keeps no ledger; name a file with --ledger FILE\n");
    return std::nullopt;
}

std::unique_ptr<ledger::Reader> open_or_explain(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        std::fprintf(stderr, "there is no ledger yet at %s\n", path.c_str());
        return nullptr;
    }
    auto why = hindrance(path);
    if (why.empty()) {
        auto reader = ledger::sqlite_reader(path);
        const auto fault = reader->open();
        if (fault == ledger::Fault::none) return reader;
        why = fault == ledger::Fault::read_only ? std::string(kNothingBeside) : reader->why();
    }
    explain_unreadable(path, why);
    return nullptr;
}

void explain_unreadable(const std::string& path, const ledger::Reader& reader) {
    explain_unreadable(path, reader.why());
}

bool print_or_explain(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
        return true;
    std::fprintf(stderr, "the answer cannot be written: %s\n", std::strerror(errno));
    return false;
}

}  // namespace understudy::cmd
