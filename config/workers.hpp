// How many CPUs this process may really use. Containers are limited by a quota that
// hardware_concurrency() does not see; too many workers are then throttled all together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// The smallest CPU quota along this process's cgroups, in CPUs; nullopt = none. `membership` is
/// the text of /proc/self/cgroup, `mount` where the cgroup file systems are ("/sys/fs/cgroup").
std::optional<double> cgroup_cpus(std::string_view membership, const std::string& mount);

/// Workers for that many usable CPUs under that quota: a part of a CPU still deserves a thread.
std::uint32_t workers_for(std::uint32_t cpus, std::optional<double> quota);

}  // namespace understudy::config
