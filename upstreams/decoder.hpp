// A compressed body, decoded piece by piece into memory that counts against limits.memory.
#pragma once

#include "upstreams/bytes.hpp"
#include "wire/inflate.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::upstreams {

/// Belongs to one attempt. A few bytes of input may decode to megabytes, so a call puts out no more
/// than kSlice and its user lets others run before the next one.
class Decoder {
  public:
    /// Output of one call, in bytes: under a millisecond.
    static constexpr std::size_t kSlice = 256 * 1024;

    explicit Decoder(MemoryBudget& budget) : out(budget) {}

    enum class Result : std::uint8_t {
        drained,    // all of the input was used, and there is no more of it to put out
        more,       // call again, when others have had their turn
        broken,     // not this coding, or corrupt
        no_memory,  // the budget refuses
    };
    /// Decodes from the front of `input`, which is advanced, to the end of `out`.
    Result feed(std::string_view& input);
    /// The coding ended properly; what follows it in the input is taken and ignored.
    bool finished() const { return inflater_.finished(); }
    /// Bytes ever put out.
    std::uint64_t total() const { return total_; }

    Bytes out;

  private:
    wire::Inflater inflater_;
    std::uint64_t total_ = 0;
};

}  // namespace understudy::upstreams
