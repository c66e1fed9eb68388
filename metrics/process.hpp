// What the kernel knows about this process, under the names every Prometheus client uses. Figures
// that cannot be read (no /proc, as in some chroots) are left out rather than invented.
#pragma once

#include "metrics/series.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::metrics {

struct ProcessStats {
    std::optional<std::uint64_t> cpu_ns, resident_bytes, virtual_bytes, open_fds, max_fds, threads;
    std::optional<std::uint64_t> start_ms;  // since the epoch
};

/// The fields of /proc/self/stat that are needed; pure, for tests. The program's name in it may
/// contain blanks and parentheses.
struct StatFields {
    std::uint64_t threads = 0, start_ticks = 0;
};
std::optional<StatFields> parse_stat(std::string_view stat);

ProcessStats read_process_stats();
void render_process(std::string& out, Format format, const ProcessStats& stats);

}  // namespace understudy::metrics
