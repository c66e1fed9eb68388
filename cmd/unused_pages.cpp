#include "cmd/unused_pages.hpp"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstddef>
#include <cstdint>

namespace understudy::cmd {

namespace {

// Parsing the configuration, relocating, reading certificates: that is most of what a start
// touches, and sixteen pages are mapped for each that is. Segments that were ever writable hold
// what cannot be read from the file again, though they may be read-only by now (RELRO): they stay.
int forget_segments(dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const auto address = static_cast<std::uintptr_t>(object->dlpi_addr + segment.p_vaddr);
        const auto begin = address / page * page;
        const auto end = (address + segment.p_memsz + page - 1) / page * page;
        // What cannot be forgotten (the kernel's own page, locked memory) stays.
        static_cast<void>(
            ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));  // NOLINT
    }
    return 0;
}

}  // namespace

void forget_unused_pages() {
    ::dl_iterate_phdr(forget_segments, nullptr);
}

}  // namespace understudy::cmd
