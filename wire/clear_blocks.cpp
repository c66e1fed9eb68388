#include "wire/clear_blocks.hpp"

#include "wire/byte_search.hpp"

namespace understudy::wire {

void ClearBlocks::extend(std::string_view text) {
    for (; text.size() - seen_ * kBlock >= kBlock; ++seen_) {
        const char* const block = text.data() + seen_ * kBlock;
        const char* const end = block + kBlock;
        if (seen_ % 64 == 0) bits_.push_back(0);
        const bool is_clear = detail::find_string_stop(block, end, block) == end;
        bits_.back() |= std::uint64_t{is_clear} << (seen_ % 64);
    }
}

void ClearBlocks::clear() {
    std::vector<std::uint64_t>().swap(bits_);
    seen_ = 0;
}

ClearBlocks::Run ClearBlocks::next(std::size_t at) const noexcept {
    std::size_t block = (at + kBlock - 1) / kBlock;
    if (!is_clear(block)) return {SIZE_MAX, SIZE_MAX};
    const std::size_t begin = block * kBlock;
    while (is_clear(block)) ++block;
    return {begin, block * kBlock};
}

}  // namespace understudy::wire
