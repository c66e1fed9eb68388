// Reads the body of an answer according to its framing, decoding the chunked coding in place.
#pragma once

#include "upstreams/bytes.hpp"
#include "wire/chunk.hpp"
#include "wire/head.hpp"

#include <cstddef>
#include <cstdint>

namespace understudy::upstreams {

/// Turns the raw bytes at the end of a buffer into payload at its front. The buffer then holds
/// payload() bytes of payload, followed by raw bytes not yet digested (none, once digest() ran).
class BodyReader {
  public:
    explicit BodyReader(const wire::Framing& framing);

    /// Digests everything new in `in`. False: the coding is broken.
    bool digest(Bytes& in);
    /// The connection has ended. True when the body may end like this.
    bool end_of_stream();
    bool complete() const { return complete_; }
    /// Bytes came behind the body: the connection must not be used again.
    bool surplus() const { return surplus_; }
    std::size_t payload() const { return payload_; }
    /// `n` bytes of payload were consumed from the front of the buffer.
    void consumed(std::size_t n) { payload_ -= n; }
    /// Payload bytes still to come, where the framing tells; else 0.
    std::uint64_t expected() const { return framing_.kind == wire::BodyKind::length ? left_ : 0; }
    std::uint64_t total() const { return total_; }

  private:
    wire::Framing framing_;
    wire::ChunkDecoder chunks_;
    std::uint64_t left_ = 0;
    std::uint64_t total_ = 0;
    std::size_t payload_ = 0;
    bool complete_ = false;
    bool surplus_ = false;
};

}  // namespace understudy::upstreams
