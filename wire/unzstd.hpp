// Decompression of zstd (RFC 8878): of request bodies, and of answers that are put into other
// words.
//
// A frame's header says how far back its data refers, and that much memory it takes: 8 bytes can
// ask for gigabytes. So headers are read here before the library sees them; the window is bounded,
// and the caller is asked before memory is taken for it.
#pragma once

#include "wire/decode_step.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace understudy::wire {

/// What the header of a frame says (RFC 8878 3.1.1.1 and 3.1.2).
struct ZstdFrame {
    bool skippable = false;                // holds nothing
    std::uint64_t window = 0;              // bytes
    std::optional<std::uint64_t> content;  // bytes it decodes to, where it says so
    std::size_t header_size = 0;
};
enum class ZstdHeader : std::uint8_t { whole, need_more, none };
/// Reads the header that `bytes` begins with.
ZstdHeader read_zstd_header(std::string_view bytes, ZstdFrame& frame);

/// Incremental decoder of frames in a row, and nothing else. Its caller decides how much it may put
/// out, and how much memory it may take.
class ZstdReader {
  public:
    using Step = DecodeStep;
    /// Larger windows are refused, as the content coding has it (RFC 9659).
    static constexpr unsigned kWindowLogMost = 23;

    ZstdReader();
    ~ZstdReader();
    ZstdReader(const ZstdReader&) = delete;
    ZstdReader& operator=(const ZstdReader&) = delete;

    /// Decodes from the front of `input`, which is advanced, into `out`, which is not empty;
    /// `produced` says how much.
    Step step(std::string_view& input, std::span<char> out, std::size_t& produced);
    /// As far as the input has come it ended properly, with a frame's end.
    bool finished() const { return frames_ > 0 && header_size_ == 0; }
    /// Bytes it holds, or will when step() is called again.
    std::size_t memory() const { return memory_; }
    /// What all has been put out at the end of the frame under way, if that says so; else 0.
    std::uint64_t announced() const { return announced_; }
    /// It is broken because a frame's window is too large.
    bool too_wide() const { return too_wide_; }

  private:
    static constexpr std::size_t kLongestHeader = 18;
    struct State;

    Step open_frame(std::string_view& input);
    Step accept(const ZstdFrame& frame);

    std::unique_ptr<State> state_;
    std::array<char, kLongestHeader> header_{};  // of the frame under way
    std::size_t header_size_ = 0;                // 0: between two frames
    std::size_t header_given_ = 0;               // to the library
    std::size_t memory_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t announced_ = 0;
    std::uint64_t frames_ = 0;  // that have ended
    bool opened_ = false;       // the frame's header is whole and accepted
    bool broken_ = false;
    bool too_wide_ = false;
};

}  // namespace understudy::wire
