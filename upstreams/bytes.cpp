#include "upstreams/bytes.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace understudy::upstreams {

bool Bytes::reallocate(std::size_t capacity) {
    if (capacity > capacity_ && !budget_->take(capacity - capacity_)) return false;
    void* moved = std::realloc(data_, capacity);
    if (moved == nullptr) {
        if (capacity > capacity_) budget_->give(capacity - capacity_);
        return false;
    }
    if (capacity < capacity_) budget_->give(capacity_ - capacity);
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
    return true;
}

bool Bytes::ensure_free(std::size_t n) {
    if (pinned_ || capacity_ - end_ >= n) return true;
    if (begin_ > 0) {
        std::memmove(data_, data_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (capacity_ - end_ >= n) return true;
    }
    // Doubling keeps the number of moves small; a large exact request is not rounded up.
    const std::size_t wanted = end_ + n;
    const std::size_t roomy = std::max(wanted, std::min(2 * capacity_, wanted + (1U << 20)));
    return reallocate(roomy) || (roomy > wanted && reallocate(wanted));
}

bool Bytes::append(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (!ensure_free(bytes.size()) || capacity_ - end_ < bytes.size()) return false;
    std::memcpy(data_ + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
}

void Bytes::shrink(std::size_t keep) {
    if (pinned_ || capacity_ <= keep || size() > keep) return;
    if (empty()) {
        release();
        return;
    }
    std::memmove(data_, data_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    reallocate(keep);
}

void Bytes::release() {
    std::free(data_);
    budget_->give(capacity_);
    data_ = nullptr;
    capacity_ = begin_ = end_ = 0;
}

}  // namespace understudy::upstreams
