#include "net/shortage.hpp"

#include <sys/resource.h>
#include <cerrno>

namespace understudy::net {

bool is_shortage(const error_code& ec) noexcept {
    if (ec.category() != boost::system::system_category() &&
        ec.category() != boost::system::generic_category()) {
        return false;
    }
    switch (ec.value()) {
        case EMFILE:         // descriptors, of the process
        case ENFILE:         // descriptors, of the system
        case ENOMEM:         // also what Stream says when limits.memory is reached
        case ENOBUFS:        // buffers of the kernel
        case EADDRNOTAVAIL:  // no local port is left
        case EAGAIN:         // the same, as connect(2) may say it
            return true;
        default:
            return false;
    }
}

bool is_last_reserve(int descriptor) noexcept {
    rlimit allowed{};
    if (::getrlimit(RLIMIT_NOFILE, &allowed) != 0 || allowed.rlim_cur == RLIM_INFINITY)
        return false;
    return static_cast<rlim_t>(descriptor) + kLastDescriptors >= allowed.rlim_cur;
}

}  // namespace understudy::net
