// The chunked transfer coding (RFC 9112 section 7.1), decoded without copying and encoded without
// buffers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::wire {

/// Push decoder. Feed it bytes; each call consumes a prefix and yields at most one span of payload
/// that points into the input. Chunk extensions and trailers are read and dropped; both are
/// bounded. Strict: sizes are hex digits only (at most 16), lines end in CRLF, nothing else.
class ChunkDecoder {
  public:
    enum class Status : std::uint8_t { need_more, data, done, bad };
    struct Step {
        Status status = Status::need_more;
        std::size_t consumed =
            0;                  // bytes of the input that are finished with (framing and payload)
        std::string_view data;  // for Status::data: payload, a slice of the consumed input
    };

    /// Call again with the rest of the input until it answers need_more with everything consumed,
    /// done or bad. After done, `consumed` ends exactly behind the last byte of the body.
    Step next(std::string_view input);
    /// Decodes all of `buffer` in place: payload is moved together at its front. Returns false on
    /// bad coding. `payload` is the new length of payload, `consumed` how many input bytes were
    /// used (less than buffer size only when done).
    bool decode_in_place(char* buffer, std::size_t size, std::size_t& payload,
                         std::size_t& consumed);

    bool done() const noexcept { return state_ == State::done; }
    void reset() noexcept { *this = ChunkDecoder{}; }

  private:
    enum class State : std::uint8_t {
        size,
        size_space,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,
        done,
        bad
    };
    std::size_t take_plain_lines(std::string_view input) noexcept;
    bool take_size(char c) noexcept;
    bool take_extension(char c) noexcept;
    bool take_trailer(char c) noexcept;
    bool take_framing(char c) noexcept;

    State state_ = State::size;
    std::uint64_t left_ = 0;      // payload bytes left in the current chunk
    std::uint32_t digits_ = 0;    // size digits seen
    std::uint32_t overhead_ = 0;  // bytes of extension or trailer seen, bounded
    std::uint8_t extension_state_ = 0;
    std::uint8_t trailer_state_ = 0;
};

/// The line that opens a chunk of `size` bytes ("1a\r\n"), in a buffer of its own. size > 0.
class ChunkHeader {
  public:
    explicit ChunkHeader(std::size_t size) noexcept;
    std::string_view view() const noexcept {
        return {text_.data() + begin_, text_.size() - begin_};
    }

  private:
    std::array<char, 18> text_;
    std::size_t begin_;
};

inline constexpr std::string_view kChunkEnd = "\r\n";        // closes every chunk
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";  // ends the body

}  // namespace understudy::wire
