#include "wire/inflate.hpp"

#include <zlib.h>

namespace understudy::wire {

struct Inflater::State {
    z_stream stream{};
    bool usable = false;
};

Inflater::Inflater(std::size_t max_output) : state_(std::make_unique<State>()), left_(max_output) {
    // 15 window bits, +32: gzip or zlib, whichever the header says.
    state_->usable = inflateInit2(&state_->stream, 15 + 32) == Z_OK;
}

Inflater::~Inflater() {
    inflateEnd(&state_->stream);
}

bool Inflater::feed(std::string_view input, std::string& out) {
    if (!state_->usable) return false;
    auto& z = state_->stream;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z.avail_in = static_cast<uInt>(input.size());
    char piece[16 * 1024];
    while (!finished_ && (z.avail_in > 0 || z.avail_out == 0)) {
        z.next_out = reinterpret_cast<Bytef*>(piece);
        z.avail_out = sizeof piece;
        const int code = inflate(&z, Z_SYNC_FLUSH);
        const std::size_t n = sizeof piece - z.avail_out;
        if (n > left_) return false;
        left_ -= n;
        out.append(piece, n);
        if (code == Z_STREAM_END) {
            finished_ = true;
        } else if (code == Z_BUF_ERROR) {
            break;  // needs more input
        } else if (code != Z_OK) {
            return false;
        }
    }
    return true;
}

}  // namespace understudy::wire
