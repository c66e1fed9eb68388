// Memory that is kept for later is nobody's: AddressSanitizer is told so.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <cstddef>

namespace understudy::net {

/// From now on nobody may look at these bytes.
inline void poison([[maybe_unused]] char* data, [[maybe_unused]] std::size_t size) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(data, size);
#endif
}

inline void unpoison([[maybe_unused]] char* data, [[maybe_unused]] std::size_t size) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(data, size);
#endif
}

}  // namespace understudy::net
