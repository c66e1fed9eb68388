// Decompression of answers that came gzip-encoded although identity was asked for. They are relayed
// as they came; this only lets the meter read them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Incremental gzip/zlib decoder (RFC 1950 to 1952), bounded against decompression bombs.
class Inflater {
  public:
    explicit Inflater(std::size_t max_output = std::size_t{64} << 20);
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// Appends what `input` decodes to. False: not this coding, corrupt, or over the bound.
    bool feed(std::string_view input, std::string& out);
    /// The stream ended properly.
    bool finished() const { return finished_; }

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::size_t left_;
    bool finished_ = false;
};

}  // namespace understudy::wire
