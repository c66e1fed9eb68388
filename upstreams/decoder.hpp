// A compressed body, decoded piece by piece into memory that counts against limits.memory.
#pragma once

#include "net/bytes.hpp"
#include "wire/content_coding.hpp"
#include "wire/inflate.hpp"
#include "wire/unzstd.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

namespace understudy::upstreams {

/// Belongs to one attempt or one request. A few bytes of input may decode to megabytes, so a call
/// puts out no more than kSlice and its user lets others run before the next one.
class Decoder {
  public:
    /// Output of one call, in bytes: under a millisecond.
    static constexpr std::size_t kSlice = 256 * 1024;

    /// Of an answer. Members or frames in a row are one body; what else follows gzip or zlib in
    /// the input is taken and ignored.
    Decoder(net::MemoryBudget& budget, wire::Coding coding);
    /// Of a request: strictly this coding (gzip or zstd), whose members or frames in a row are one
    /// body, and nothing else in it.
    Decoder(net::MemoryBudget& budget, wire::BodyCoding coding);
    ~Decoder() { out.budget().give(held_); }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    enum class Result : std::uint8_t {
        drained,    // all of the input was used, and there is no more of it to put out
        more,       // call again, when others have had their turn
        broken,     // not this coding, or corrupt
        no_memory,  // the budget refuses
    };
    /// Decodes from the front of `input`, which is advanced, to the end of `out`.
    Result feed(std::string_view& input);
    /// The coding ended properly.
    bool finished() const;
    /// Bytes ever put out.
    std::uint64_t total() const { return total_; }
    /// What total() will be at least, going by what the body says of itself.
    std::uint64_t announced() const;
    /// It is broken because it needs a window larger than its coding allows.
    bool too_wide() const;

    net::Bytes out;

  private:
    template <class Reader>
    Result feed(Reader& reader, std::string_view& input);
    bool hold(std::size_t memory);

    std::variant<wire::ZstdReader, wire::Inflater> reader_;
    std::size_t held_ = 0;  // by the reader, taken from the budget
    std::uint64_t total_ = 0;
};

}  // namespace understudy::upstreams
