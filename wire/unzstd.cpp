#include "wire/unzstd.hpp"

#include <zstd.h>

#include <algorithm>
#include <limits>

namespace understudy::wire {

namespace {

constexpr std::uint64_t kMagic = 0xFD2FB528;
constexpr std::uint64_t kSkippableMagic = 0x184D2A50;  // and the 15 behind it
constexpr std::size_t kMagicSize = 4;
constexpr std::size_t kSkippableHeader = 8;
// What the library holds besides its buffers: tables, mostly.
constexpr std::size_t kContext = 232 * 1024;
constexpr std::uint64_t kLargestBlock = 128 * 1024;

std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

// The window descriptor: an exponent and eighths (RFC 8878 3.1.1.1.2).
std::uint64_t described_window(unsigned descriptor) {
    const std::uint64_t base = std::uint64_t{1} << (10 + (descriptor >> 3));
    return base + base / 8 * (descriptor & 7);
}

// The window, and a block as it comes and as it goes.
std::size_t memory_for(const ZstdFrame& frame) {
    const auto block = std::min(frame.window, kLargestBlock);
    return kContext + static_cast<std::size_t>(frame.window + 2 * block);
}

}  // namespace

ZstdHeader read_zstd_header(std::string_view bytes, ZstdFrame& frame) {
    if (bytes.size() < kMagicSize + 1) return ZstdHeader::need_more;
    frame = {};
    const auto magic = little_endian(bytes.substr(0, kMagicSize));
    if ((magic & ~std::uint64_t{15}) == kSkippableMagic) {
        frame.skippable = true;
        frame.header_size = kSkippableHeader;
        return bytes.size() < kSkippableHeader ? ZstdHeader::need_more : ZstdHeader::whole;
    }
    if (magic != kMagic) return ZstdHeader::none;
    const unsigned descriptor = static_cast<unsigned char>(bytes[kMagicSize]);
    const bool single_segment = (descriptor & 0x20) != 0;
    constexpr std::array<std::size_t, 4> dictionary_sizes{0, 1, 2, 4};
    constexpr std::array<std::size_t, 4> content_sizes{0, 2, 4, 8};
    const auto dictionary = dictionary_sizes[descriptor & 3];
    auto content = content_sizes[descriptor >> 6];
    if (single_segment && content == 0) content = 1;
    const std::size_t window_at = kMagicSize + 1;
    const std::size_t content_at = window_at + (single_segment ? 0 : 1) + dictionary;
    frame.header_size = content_at + content;
    if (bytes.size() < frame.header_size) return ZstdHeader::need_more;
    if (content != 0) {
        const auto value = little_endian(bytes.substr(content_at, content));
        frame.content = content == 2 ? value + 256 : value;
    }
    frame.window = single_segment ? *frame.content
                                  : described_window(static_cast<unsigned char>(bytes[window_at]));
    return ZstdHeader::whole;
}

struct ZstdReader::State {
    ZSTD_DCtx* context = nullptr;
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ZSTD_freeDCtx(context); }
    // Not before somebody agreed to what it takes.
    bool make() {
        if (context != nullptr) return true;
        context = ZSTD_createDCtx();
        if (context == nullptr) return false;
        const auto done = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kWindowLogMost);
        return ZSTD_isError(done) == 0;
    }
};

ZstdReader::ZstdReader() : state_(std::make_unique<State>()) {}
ZstdReader::~ZstdReader() = default;

ZstdReader::Step ZstdReader::accept(const ZstdFrame& frame) {
    opened_ = true;
    header_given_ = 0;
    announced_ = 0;
    if (frame.window > std::uint64_t{1} << kWindowLogMost) {
        too_wide_ = broken_ = true;
        return Step::broken;
    }
    if (frame.content) {
        const auto most = std::numeric_limits<std::uint64_t>::max();
        announced_ = *frame.content > most - total_ ? most : total_ + *frame.content;
    }
    if (memory_for(frame) <= memory_) return Step::need_output;
    memory_ = memory_for(frame);
    return Step::need_memory;
}

// Collects the frame's header.
ZstdReader::Step ZstdReader::open_frame(std::string_view& input) {
    while (!input.empty()) {
        header_[header_size_++] = input.front();
        input.remove_prefix(1);
        ZstdFrame frame;
        const auto seen = read_zstd_header({header_.data(), header_size_}, frame);
        if (seen == ZstdHeader::whole) return accept(frame);
        if (seen == ZstdHeader::need_more) continue;
        broken_ = true;
        return Step::broken;
    }
    return Step::need_input;
}

ZstdReader::Step ZstdReader::step(std::string_view& input, std::span<char> out,
                                  std::size_t& produced) {
    produced = 0;
    if (broken_) return Step::broken;
    if (!opened_) return open_frame(input);
    broken_ = !state_->make();
    if (broken_) return Step::broken;
    const bool in_header = header_given_ < header_size_;
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    if (in_header) from = {header_.data(), header_size_, header_given_};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(state_->context, &to, &from);
    if (in_header) {
        header_given_ = from.pos;
    } else {
        input.remove_prefix(from.pos);
    }
    produced = to.pos;
    total_ += to.pos;
    if (ZSTD_isError(left) != 0) {
        broken_ = true;
        return Step::broken;
    }
    if (left == 0) {
        ++frames_;
        opened_ = false;
        header_size_ = 0;
        announced_ = 0;
    }
    const bool more = in_header || to.pos == to.size || !input.empty();
    return more ? Step::need_output : Step::need_input;
}

}  // namespace understudy::wire
