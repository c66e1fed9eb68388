// Decompression of gzip: of answers that came compressed although identity was asked for, which are
// relayed as they came and only judged and metered through this, and of requests.
#pragma once

#include "wire/decode_step.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace understudy::wire {

/// The content codings of answers that matter here.
enum class Coding : std::uint8_t {
    identity,
    gzip,  // or x-gzip (RFC 9110 8.4.1.3)
    deflate,
    zstd,        // RFC 8878
    unreadable,  // br, several at once, unknown ones
};
/// `content_encoding`: the field's value; empty when absent.
Coding coding_of(std::string_view content_encoding) noexcept;

/// Incremental decoder of gzip and deflate (RFC 1950 to 1952). Its caller decides how much it may
/// put out.
class Inflater {
  public:
    using Step = DecodeStep;
    enum class Form : std::uint8_t {
        any,      // gzip members in a row or one zlib stream; what follows is of no interest
        bare,     // any of these, or what is in them alone: of "deflate", which ought to be zlib's
                  // form, many servers know no other
        members,  // gzip members in a row, as many as there are, and nothing else
    };

    explicit Inflater(Form form = Form::any);
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// Decodes from the front of `input`, which is advanced, into `out`; `produced` says how much.
    Step step(std::string_view& input, std::span<char> out, std::size_t& produced);
    /// The coding ended properly: of members the last one, as far as the input has come.
    bool finished() const { return finished_; }
    /// Bytes it holds: the window, and zlib's state.
    static constexpr std::size_t memory() { return 40 * 1024; }

  private:
    struct State;
    bool begin_next(std::string_view& input);

    std::unique_ptr<State> state_;
    Form form_;
    bool finished_ = false;
    // Of any form: the first byte said that it is gzip; behind a member came half of the magic
    // number of another one, or something else than a member.
    bool gzip_ = false, half_magic_ = false, over_ = false;
};

/// Decodes a whole small text, up to `most` bytes of it; nullopt-like false when it is broken,
/// unfinished or larger.
bool inflate_whole(std::string_view input, std::size_t most, std::string& out);

}  // namespace understudy::wire
