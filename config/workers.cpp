#include "config/workers.hpp"

#include "config/load.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

namespace understudy::config {
namespace {

std::string slurp(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    return text.str();
}

void take_smaller(std::optional<double>& best, std::optional<double> candidate) {
    if (candidate && (!best || *candidate < *best)) best = candidate;
}

// v2: "50000 100000" or "max 100000".
std::optional<double> read_cpu_max(const std::string& folder) {
    std::istringstream text(slurp(folder + "/cpu.max"));
    double quota = 0, period = 0;
    if (!(text >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
    return quota / period;
}

// v1: two files; a quota of -1 is none.
std::optional<double> read_cfs(const std::string& folder) {
    std::istringstream quota_text(slurp(folder + "/cpu.cfs_quota_us"));
    std::istringstream period_text(slurp(folder + "/cpu.cfs_period_us"));
    double quota = 0, period = 0;
    if (!(quota_text >> quota) || !(period_text >> period)) return std::nullopt;
    if (quota <= 0 || period <= 0) return std::nullopt;
    return quota / period;
}

// A quota may be set at any level; inside a container only the upper levels are mounted.
template <class Read>
std::optional<double> along(const std::string& mount, std::string path, Read read) {
    std::optional<double> best;
    for (;;) {
        take_smaller(best, read(mount + path));
        const std::size_t slash = path.rfind('/');
        if (path.empty() || slash == std::string::npos) return best;
        path.resize(slash);
    }
}

bool lists_cpu(std::string_view controllers) {
    std::istringstream list{std::string(controllers)};
    for (std::string name; std::getline(list, name, ',');) {
        if (name == "cpu") return true;
    }
    return false;
}

}  // namespace

std::optional<double> cgroup_cpus(std::string_view membership, const std::string& mount) {
    const std::string v2_beside_v1 = mount + "/unified";
    const std::string v1 = mount + "/cpu";
    std::optional<double> best;
    std::istringstream lines{std::string(membership)};
    // "0::/user.slice" (v2) or "4:cpu,cpuacct:/docker/ab12" (v1)
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        std::string path = line.substr(second + 1);
        if (path == "/") path.clear();
        if (controllers.empty()) {
            take_smaller(best, along(mount, path, read_cpu_max));
            take_smaller(best, along(v2_beside_v1, path, read_cpu_max));
        } else if (lists_cpu(controllers)) {
            std::string joined = mount;  // "cpu,cpuacct" is one mount
            joined.append("/").append(controllers);
            take_smaller(best, along(joined, path, read_cfs));
            take_smaller(best, along(v1, path, read_cfs));
        }
    }
    return best;
}

std::uint32_t workers_for(std::uint32_t cpus, std::optional<double> quota) {
    std::uint32_t workers = std::max(cpus, 1U);
    if (quota && *quota < workers) workers = static_cast<std::uint32_t>(std::ceil(*quota));
    return std::clamp(workers, 1U, 256U);
}

std::uint32_t auto_workers() {
    cpu_set_t set;
    CPU_ZERO(&set);
    // Fails on machines with more CPUs than the set holds; then their count is near enough.
    const bool known = ::sched_getaffinity(0, sizeof set, &set) == 0;
    const auto cpus =
        known ? static_cast<std::uint32_t>(CPU_COUNT(&set)) : std::thread::hardware_concurrency();
    return workers_for(cpus, cgroup_cpus(slurp("/proc/self/cgroup"), "/sys/fs/cgroup"));
}

}  // namespace understudy::config
