#include "cmd/ledger_file.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace understudy::cmd {

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
    auto reader = ledger::sqlite_reader(path);
    if (reader->open() == ledger::Fault::none) return reader;
    explain_unreadable(path, *reader);
    return nullptr;
}

void explain_unreadable(const std::string& path, const ledger::Reader& reader) {
    std::fprintf(stderr, "the ledger %s cannot be read: %s\n", path.c_str(), reader.why().c_str());
}

bool print_or_explain(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
        return true;
    std::fprintf(stderr, "the answer cannot be written: %s\n", std::strerror(errno));
    return false;
}

}  // namespace understudy::cmd
