// Compresses for the tests of decoders, and decodes in every way: whole, byte by byte, split at
// every position, into much room and into little.
#pragma once

#include "wire/decode_step.hpp"

#include <catch2/catch.hpp>

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire::test {

/// `format` as zlib's window bits: 31 gzip, 15 zlib.
inline std::string deflated(std::string_view text, int format = 31) {
    z_stream z{};
    REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&z, text.size()) + 32, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return out.substr(0, z.total_out);
}

struct FrameOptions {
    int level = 3;
    int window_log = 0;     // 0: the level's
    bool says_size = true;  // the header has what it decodes to
    bool has_checksum = false;
};

inline std::string zstd_frame(std::string_view text, const FrameOptions& options = {}) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> ctx(ZSTD_createCCtx(),
                                                                   &ZSTD_freeCCtx);
    ZSTD_CCtx_setParameter(ctx.get(), ZSTD_c_compressionLevel, options.level);
    ZSTD_CCtx_setParameter(ctx.get(), ZSTD_c_checksumFlag, options.has_checksum ? 1 : 0);
    ZSTD_CCtx_setParameter(ctx.get(), ZSTD_c_contentSizeFlag, options.says_size ? 1 : 0);
    if (options.window_log != 0) {
        ZSTD_CCtx_setParameter(ctx.get(), ZSTD_c_windowLog, options.window_log);
    }
    std::string out(ZSTD_compressBound(text.size()), '\0');
    const auto size = ZSTD_compress2(ctx.get(), out.data(), out.size(), text.data(), text.size());
    REQUIRE(ZSTD_isError(size) == 0);
    out.resize(size);
    return out;
}

struct Outcome {
    std::string text;
    bool finished = false;
    bool broken = false;
    bool operator==(const Outcome&) const = default;
};

/// Gives the reader the pieces of `coded` between the cuts, and `room` bytes at a time to write to.
template <class Reader, class... Arguments>
Outcome decode_in_pieces(std::string_view coded, const std::vector<std::size_t>& cuts,
                         std::size_t room, Arguments... arguments) {
    Reader reader(arguments...);
    Outcome result;
    std::string out(room, '\0');
    std::size_t begun = 0;
    for (const auto cut : cuts) {
        auto piece = coded.substr(begun, cut - begun);
        begun = cut;
        for (auto step = DecodeStep::need_output;
             step == DecodeStep::need_output || step == DecodeStep::need_memory;) {
            std::size_t n = 0;
            step = reader.step(piece, out, n);
            result.text.append(out, 0, n);
            if (step == DecodeStep::broken) result.broken = true;
        }
        if (result.broken) break;
        CHECK(piece.empty());
    }
    result.finished = !result.broken && reader.finished();
    return result;
}

template <class Reader, class... Arguments>
Outcome decode_every_way(std::string_view coded, Arguments... arguments) {
    const auto whole = decode_in_pieces<Reader>(coded, {coded.size()}, 1 << 16, arguments...);
    std::vector<std::size_t> all;
    bool same = true;
    for (std::size_t cut = 0; cut <= coded.size(); ++cut) {
        all.push_back(cut);
        const auto split =
            decode_in_pieces<Reader>(coded, {cut, coded.size()}, 1 << 12, arguments...);
        // Broken is broken, but how much came before that depends on the pieces.
        same = same && (split == whole || (split.broken && whole.broken));
    }
    CHECK(same);
    for (const std::size_t room : {1, 2, 7, 100}) {
        const auto slow = decode_in_pieces<Reader>(coded, all, room, arguments...);
        CHECK((slow == whole || (slow.broken && whole.broken)));
        const auto narrow = decode_in_pieces<Reader>(coded, {coded.size()}, room, arguments...);
        CHECK((narrow == whole || (narrow.broken && whole.broken)));
    }
    return whole;
}

/// Some text that compresses, with no period that a short window would find.
inline std::string prose(std::size_t size) {
    std::string text;
    for (unsigned i = 1; text.size() < size; ++i) text += "line " + std::to_string(i * 7919) + '\n';
    text.resize(size);
    return text;
}

}  // namespace understudy::wire::test
