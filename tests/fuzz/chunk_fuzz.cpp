// Chunked bodies from anyone: the first input byte is where to split, the rest is the coded body.
#include "wire/chunk.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace understudy::wire;
using Status = ChunkDecoder::Status;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

struct Decoded {
    Status status = Status::need_more;
    std::string payload;
    std::size_t consumed = 0;
    bool operator==(const Decoded&) const = default;
};

void feed(ChunkDecoder& decoder, std::string_view piece, Decoded& result) {
    for (;;) {
        const auto step = decoder.next(piece);
        require(step.consumed <= piece.size());
        if (step.status == Status::data) {
            require(!step.data.empty());
            require(step.data.data() >= piece.data());
            require(step.data.data() + step.data.size() == piece.data() + step.consumed);
        }
        result.status = step.status;
        result.payload += step.data;
        result.consumed += step.consumed;
        piece.remove_prefix(step.consumed);
        if (step.status == Status::data) continue;
        if (step.status == Status::need_more) require(piece.empty());
        return;
    }
}

// What was decoded, coded again by our own encoder, decodes to the same.
void check_round_trip(const std::string& payload) {
    std::string coded;
    if (!payload.empty()) {
        coded += ChunkHeader(payload.size()).view();
        coded += payload;
        coded += kChunkEnd;
    }
    coded += kLastChunk;
    ChunkDecoder decoder;
    Decoded again;
    feed(decoder, coded, again);
    require(again.status == Status::done && again.payload == payload);
    require(again.consumed == coded.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto split = std::min<std::size_t>(data[0], bytes.size());

    ChunkDecoder decoder;
    Decoded whole;
    feed(decoder, bytes, whole);
    require(decoder.done() == (whole.status == Status::done));

    ChunkDecoder split_decoder;
    Decoded parts;
    feed(split_decoder, bytes.substr(0, split), parts);
    if (parts.status == Status::need_more) {
        feed(split_decoder, bytes.substr(parts.consumed), parts);
    }
    require(parts == whole);

    std::string buffer(bytes);
    std::size_t payload = 0;
    std::size_t consumed = 0;
    ChunkDecoder in_place;
    const bool good = in_place.decode_in_place(buffer.data(), buffer.size(), payload, consumed);
    require(good == (whole.status != Status::bad));
    require(consumed == whole.consumed && buffer.substr(0, payload) == whole.payload);

    if (whole.status == Status::done) check_round_trip(whole.payload);
    return 0;
}
