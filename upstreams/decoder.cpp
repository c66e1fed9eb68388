#include "upstreams/decoder.hpp"

#include <algorithm>

namespace understudy::upstreams {

using wire::Inflater;
using wire::ZstdReader;

Decoder::Decoder(net::MemoryBudget& budget, wire::Coding coding) : out(budget) {
    if (coding == wire::Coding::zstd) return;
    const bool bare = coding == wire::Coding::deflate;
    reader_.emplace<Inflater>(bare ? Inflater::Form::bare : Inflater::Form::any);
}

Decoder::Decoder(net::MemoryBudget& budget, wire::BodyCoding coding) : out(budget) {
    if (coding == wire::BodyCoding::gzip) reader_.emplace<Inflater>(Inflater::Form::members);
}

// What the reader itself takes counts like what it puts out.
bool Decoder::hold(std::size_t memory) {
    if (memory <= held_) return true;
    if (!out.budget().take(memory - held_)) return false;
    held_ = memory;
    return true;
}

template <class Reader>
Decoder::Result Decoder::feed(Reader& reader, std::string_view& input) {
    using Step = wire::DecodeStep;
    constexpr std::size_t piece = 16 * 1024;
    for (std::size_t left = kSlice; left > 0;) {
        if (!hold(reader.memory()) || !out.ensure_free(piece)) return Result::no_memory;
        const auto space = out.free_space();
        std::size_t n = 0;
        const auto step = reader.step(input, space.first(std::min(space.size(), left)), n);
        out.commit(n);
        total_ += n;
        left -= n;
        if (step == Step::broken) return Result::broken;
        if (step == Step::finished) input = {};
        if (step == Step::finished || step == Step::need_input) return Result::drained;
    }
    return Result::more;
}

Decoder::Result Decoder::feed(std::string_view& input) {
    return std::visit([&](auto& reader) { return feed(reader, input); }, reader_);
}

bool Decoder::finished() const {
    return std::visit([](const auto& reader) { return reader.finished(); }, reader_);
}

std::uint64_t Decoder::announced() const {
    const auto* const zstd = std::get_if<ZstdReader>(&reader_);
    return zstd == nullptr ? total_ : std::max(total_, zstd->announced());
}

bool Decoder::too_wide() const {
    const auto* const zstd = std::get_if<ZstdReader>(&reader_);
    return zstd != nullptr && zstd->too_wide();
}

}  // namespace understudy::upstreams
