// Which blocks of a long text hold nothing that could end or interrupt a JSON string.
//
// A body of megabytes is mostly one string: an image as base64. It is scanned when it is whole, and
// by then it has left the processor's cache. So each piece is looked at when it comes, and the scan
// steps over what was found to be clear. One bit per block, a fraction of a microsecond per block
// that is not clear; what is kept is a hint: a scan without it finds the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// Offsets are into the text that extend() is given; between calls it may move and grow, but what
/// was there stays what it was.
class ClearBlocks {
  public:
    static constexpr std::size_t kBlock = 4096;

    /// Looks at the whole blocks of `text`, which is all there is so far, that it has not seen.
    void extend(std::string_view text);
    /// Forgets everything and gives its memory back.
    void clear();
    /// Nothing is known.
    bool empty() const noexcept { return seen_ == 0; }

    static constexpr std::size_t kNone = SIZE_MAX;
    /// Where the first block at or behind `at` begins, if it is clear; kNone if it is not, or has
    /// not been looked at. Takes no time: it is asked for each string and escape.
    std::size_t run_behind(std::size_t at) const noexcept {
        const std::size_t block = (at + kBlock - 1) / kBlock;
        return is_clear(block) ? block * kBlock : kNone;
    }
    /// The end of the run of clear blocks that begins at `begin`, which run_behind() gave. Takes
    /// time in proportion to the run.
    std::size_t end_of_run(std::size_t begin) const noexcept;

  private:
    bool is_clear(std::size_t block) const noexcept {
        return block < seen_ && (bits_[block / 64] >> (block % 64) & 1U) != 0;
    }

    std::vector<std::uint64_t> bits_;
    std::size_t seen_ = 0;  // blocks looked at
};

}  // namespace understudy::wire
