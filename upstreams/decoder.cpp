#include "upstreams/decoder.hpp"

#include <algorithm>

namespace understudy::upstreams {

Decoder::Result Decoder::feed(std::string_view& input) {
    using Step = wire::Inflater::Step;
    constexpr std::size_t piece = 16 * 1024;
    for (std::size_t left = kSlice; left > 0;) {
        if (!out.ensure_free(piece)) return Result::no_memory;
        const auto space = out.free_space();
        std::size_t n = 0;
        const auto step = inflater_.step(input, space.first(std::min(space.size(), left)), n);
        out.commit(n);
        total_ += n;
        left -= n;
        if (step == Step::broken) return Result::broken;
        if (step == Step::finished) input = {};
        if (step != Step::need_output) return Result::drained;
    }
    return Result::more;
}

}  // namespace understudy::upstreams
