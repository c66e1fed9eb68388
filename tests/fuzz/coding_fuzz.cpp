// Any bytes as a zstd body, whole and byte by byte, and as a proxy's answer to CONNECT. Nothing may
// crash or run for ever, and where the bytes are cut changes nothing.
#include "wire/connect_answer.hpp"
#include "wire/unzstd.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace understudy::wire;

namespace {

constexpr std::size_t kMost = 1 << 20;

void require(bool holds) {
    if (!holds) std::abort();
}

struct Decoded {
    std::string text;
    bool broken = false;
    bool finished = false;
};

Decoded decode(std::string_view input, std::size_t piece) {
    ZstdReader reader;
    Decoded out;
    std::array<char, 4096> room{};
    std::string_view offered;
    while (out.text.size() < kMost) {
        if (offered.empty() && !input.empty()) {
            offered = input.substr(0, piece);
            input.remove_prefix(offered.size());
        }
        std::size_t produced = 0;
        const auto step = reader.step(offered, room, produced);
        out.text.append(room.data(), produced);
        out.broken = step == DecodeStep::broken;
        if (out.broken) break;
        if (step == DecodeStep::finished) break;
        // Anything else goes on by calling again, also when nothing came of the last call: it has
        // asked for memory, or handed a header on.
        if (step == DecodeStep::need_input && offered.empty() && input.empty()) break;
    }
    out.finished = reader.finished();
    return out;
}

void check_connect(std::string_view bytes) {
    using State = ConnectAnswer::State;
    const auto whole = read_connect_answer(bytes);
    require(whole.size <= bytes.size());
    for (std::size_t size = 0; size < std::min<std::size_t>(bytes.size(), 256); ++size) {
        const auto part = read_connect_answer(bytes.substr(0, size));
        // What was decided by the beginning is decided.
        if (part.state != State::need_more) require(part.state == whole.state);
    }
    for (const char c : whole.reason) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = decode(bytes, size == 0 ? 1 : size);
    if (size <= 4096 && whole.text.size() < kMost) {
        const auto pieces = decode(bytes, 1);
        require(pieces.broken == whole.broken && pieces.finished == whole.finished);
        // Of what is broken as much comes out as had been decoded by then, which depends on cuts.
        if (!whole.broken) require(pieces.text == whole.text);
    }
    check_connect(bytes);
    return 0;
}
