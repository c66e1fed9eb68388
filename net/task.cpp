#include "net/task.hpp"

#include <array>
#include <new>

// Sanitizers must see each frame come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDERSTUDY_RECYCLE_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDERSTUDY_RECYCLE_FRAMES 0
#endif
#endif
#ifndef UNDERSTUDY_RECYCLE_FRAMES
#define UNDERSTUDY_RECYCLE_FRAMES 1
#endif

namespace understudy::net::detail {

#if UNDERSTUDY_RECYCLE_FRAMES
namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kLargest = 4096;
constexpr unsigned kKeep = 64;  // of each size: what the requests of one wake-up give back

constexpr std::size_t rounded(std::size_t size) {
    return (size + kStep - 1) / kStep * kStep;
}

struct Free {
    Free* next;
};

struct Shelf {
    Free* top = nullptr;
    unsigned count = 0;
};

// Without a destructor, so that no access has to ask whether they are there yet.
constinit thread_local std::array<Shelf, kLargest / kStep + 1> shelves{};

Shelf* shelf_for(std::size_t size) {
    return size <= kLargest ? &shelves[(size + kStep - 1) / kStep] : nullptr;
}

// Frees what the thread has kept when it ends.
struct Sweeper {
    bool here = false;
    ~Sweeper() {
        for (auto& shelf : shelves) {
            while (shelf.top != nullptr)
                ::operator delete(std::exchange(shelf.top, shelf.top->next));
            shelf.count = kKeep;  // what comes back later is not kept
        }
    }
};
thread_local Sweeper sweeper;

void* new_frame(std::size_t size) {
    sweeper.here = true;  // makes it exist
    return ::operator new(rounded(size));
}

}  // namespace

void* take_frame(std::size_t size) {
    Shelf* const shelf = shelf_for(size);
    if (shelf == nullptr || shelf->top == nullptr) return new_frame(size);
    --shelf->count;
    return std::exchange(shelf->top, shelf->top->next);
}

void give_frame(void* frame, std::size_t size) noexcept {
    Shelf* const shelf = shelf_for(size);
    if (shelf == nullptr || shelf->count == kKeep) {
        ::operator delete(frame);
        return;
    }
    ++shelf->count;
    shelf->top = new (frame) Free{shelf->top};
}

#else

void* take_frame(std::size_t size) {
    return ::operator new(size);
}
void give_frame(void* frame, std::size_t) noexcept {
    ::operator delete(frame);
}

#endif

}  // namespace understudy::net::detail
