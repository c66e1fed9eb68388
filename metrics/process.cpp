#include "metrics/process.hpp"

#include "metrics/families.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace understudy::metrics {

namespace {

/// Files under /proc tell no size: read to the end. Empty when there is none.
std::string read_file(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const auto begin = text.find_first_not_of(" \n");
        if (begin == std::string_view::npos) return words;
        text.remove_prefix(begin);
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::optional<std::uint64_t> number(std::string_view word) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (ec != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> cpu_time_ns() {
    timespec now{};  // finer than the clock ticks of /proc/self/stat
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

std::optional<std::uint64_t> count_open_fds() {
    // Linux 6.2 tells the number in st_size; ten thousand directory entries cost milliseconds.
    struct stat info {};
    if (stat("/proc/self/fd", &info) != 0) return std::nullopt;
    if (info.st_size > 0) return static_cast<std::uint64_t>(info.st_size);
    std::error_code ec;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end;
         it.increment(ec)) {
        ++count;
    }
    if (ec || count == 0) return std::nullopt;
    return count - 1;  // the iterator's own
}

std::optional<std::uint64_t> max_fds() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    return limit.rlim_cur;
}

/// Seconds since the epoch at which the machine started.
std::optional<std::uint64_t> boot_time() {
    const std::string stat = read_file("/proc/stat");
    const auto line = stat.find("\nbtime ");
    if (line == std::string::npos) return std::nullopt;
    const auto words = words_of(std::string_view(stat).substr(line, 40));
    return words.size() < 2 ? std::nullopt : number(words[1]);
}

/// Constant while the process lives, so worked out once: /proc/stat is long on big machines.
std::optional<std::uint64_t> start_time_ms(const StatFields& fields) {
    static const auto start = [&]() -> std::optional<std::uint64_t> {
        const auto boot = boot_time();
        const long hertz = sysconf(_SC_CLK_TCK);
        if (!boot || hertz <= 0) return std::nullopt;
        return *boot * 1'000 + fields.start_ticks * 1'000 / static_cast<std::uint64_t>(hertz);
    }();
    return start;
}

void gauge(std::string& out, Format format, const Family& family,
           const std::optional<std::uint64_t>& value, unsigned scale = 0) {
    if (value) FamilyWriter(out, family, format).sample("", *value, scale);
}

}  // namespace

std::optional<StatFields> parse_stat(std::string_view stat) {
    const auto name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    // Field 3 of proc(5) comes first after the name; num_threads is field 20, starttime 22.
    const auto words = words_of(stat.substr(name_end + 1));
    if (words.size() < 20) return std::nullopt;
    const auto threads = number(words[17]), start = number(words[19]);
    if (!threads || !start) return std::nullopt;
    return StatFields{*threads, *start};
}

ProcessStats read_process_stats() {
    ProcessStats stats;
    stats.cpu_ns = cpu_time_ns();
    stats.open_fds = count_open_fds();
    stats.max_fds = max_fds();
    const std::string memory = read_file("/proc/self/statm");
    if (const auto words = words_of(memory); words.size() >= 2) {
        const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        if (const auto pages = number(words[0])) stats.virtual_bytes = *pages * page;
        if (const auto pages = number(words[1])) stats.resident_bytes = *pages * page;
    }
    if (const auto fields = parse_stat(read_file("/proc/self/stat"))) {
        stats.threads = fields->threads;
        stats.start_ms = start_time_ms(*fields);
    }
    return stats;
}

void render_process(std::string& out, Format format, const ProcessStats& stats) {
    gauge(out, format, families::kProcessCpu, stats.cpu_ns, 9);
    gauge(out, format, families::kProcessResident, stats.resident_bytes);
    gauge(out, format, families::kProcessVirtual, stats.virtual_bytes);
    gauge(out, format, families::kProcessOpenFds, stats.open_fds);
    gauge(out, format, families::kProcessMaxFds, stats.max_fds);
    gauge(out, format, families::kProcessStart, stats.start_ms, 3);
    gauge(out, format, families::kProcessThreads, stats.threads);
}

}  // namespace understudy::metrics
