// Reads the body of an answer according to its framing, decoding the chunked coding in place.
#pragma once

#include "net/bytes.hpp"
#include "wire/chunk.hpp"
#include "wire/event_stream.hpp"
#include "wire/head.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace understudy::upstreams {

/// Turns the raw bytes at the end of a buffer into payload at its front. The buffer then holds
/// payload() bytes of payload, followed by raw bytes not yet digested (none, once digest() ran).
class BodyReader {
  public:
    explicit BodyReader(const wire::Framing& framing);
    /// The body is an AWS event stream: what its messages say becomes the payload, as server-sent
    /// events, message by message. A message that has begun stands behind the payload until it is
    /// whole, and may have `most` bytes.
    void read_messages(std::size_t most) {
        messages_ = std::make_unique<wire::EventStreamText>(most);
    }

    /// Digests everything new in `in`. False: the coding is broken; problem() says how.
    bool digest(net::Bytes& in) { return messages_ ? digest_messages(in) : digest_framing(in); }
    const char* problem() const;
    /// Drops all that is in `in`: from now on only the body's end matters.
    void drop_rest(net::Bytes& in) {
        in.clear();
        messages_.reset();
        payload_ = begun_ = 0;
    }
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
    bool digest_framing(net::Bytes& in);
    bool digest_messages(net::Bytes& in);

    wire::Framing framing_;
    wire::ChunkDecoder chunks_;
    std::uint64_t left_ = 0;
    std::uint64_t total_ = 0;
    std::size_t payload_ = 0;
    bool complete_ = false;
    bool surplus_ = false;
    std::unique_ptr<wire::EventStreamText> messages_;  // null: the payload is as it comes
    std::size_t begun_ = 0;                            // bytes of a message behind the payload
};

}  // namespace understudy::upstreams
