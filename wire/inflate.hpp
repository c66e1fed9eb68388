// Decompression of answers that came compressed although identity was asked for. They are relayed
// as they came; this only lets them be judged and metered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace understudy::wire {

/// The content codings that matter here.
enum class Coding : std::uint8_t {
    identity,
    deflated,    // gzip (x-gzip, RFC 9110 8.4.1.3) or deflate
    unreadable,  // br, zstd, several at once, unknown ones
};
/// `content_encoding`: the field's value; empty when absent.
Coding coding_of(std::string_view content_encoding) noexcept;

/// Incremental gzip/zlib decoder (RFC 1950 to 1952). Its caller decides how much it may put out.
class Inflater {
  public:
    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    enum class Step : std::uint8_t {
        need_input,   // all of the input was used
        need_output,  // `out` is full, and there may be more
        finished,     // the end of the coding; what follows in the input is not looked at
        broken,       // not this coding, or corrupt
    };
    /// Decodes from the front of `input`, which is advanced, into `out`; `produced` says how much.
    Step step(std::string_view& input, std::span<char> out, std::size_t& produced);
    /// The coding ended properly.
    bool finished() const { return finished_; }

  private:
    struct State;
    std::unique_ptr<State> state_;
    bool finished_ = false;
};

/// Decodes a whole small text, up to `most` bytes of it; nullopt-like false when it is broken,
/// unfinished or larger.
bool inflate_whole(std::string_view input, std::size_t most, std::string& out);

}  // namespace understudy::wire
