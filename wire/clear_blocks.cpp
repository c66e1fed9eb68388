#include "wire/clear_blocks.hpp"

#include "wire/byte_search.hpp"

namespace understudy::wire {

void ClearBlocks::extend(std::string_view text) {
    for (; (seen_ + 1) * kBlock <= text.size(); ++seen_) {
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

std::size_t ClearBlocks::end_of_run(std::size_t begin) const noexcept {
    std::size_t block = begin / kBlock;
    while (is_clear(block)) ++block;
    return block * kBlock;
}

}  // namespace understudy::wire
