#include "wire/inflate.hpp"

#include "wire/head.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace understudy::wire {

Coding coding_of(std::string_view content_encoding) noexcept {
    if (content_encoding.empty() || iequals(content_encoding, "identity")) return Coding::identity;
    if (iequals(content_encoding, "gzip") || iequals(content_encoding, "x-gzip"))
        return Coding::gzip;
    if (iequals(content_encoding, "deflate")) return Coding::deflate;
    return iequals(content_encoding, "zstd") ? Coding::zstd : Coding::unreadable;
}

namespace {

constexpr std::string_view kMagic = "\x1f\x8b";  // RFC 1952 2.3.1

// zlib's form begins with its method, 8, in the lower half of a byte (RFC 1950 2.2). In the data
// itself that would be a stored block with something in the bits that it leaves empty (RFC 1951
// 3.2.4), and the first byte of gzip a block of a kind that there is not.
bool begins_bare(char first) noexcept {
    return first != kMagic.front() && (first & 0x0f) != 8;
}

}  // namespace

struct Inflater::State {
    z_stream stream{};
    bool usable = false;
};

Inflater::Inflater(Form form) : state_(std::make_unique<State>()), form_(form) {
    // 15 window bits, +16: gzip, +32: gzip or zlib, whichever the header says.
    const int kind = form == Form::members ? 16 : 32;
    state_->usable = inflateInit2(&state_->stream, 15 + kind) == Z_OK;
}

Inflater::~Inflater() {
    inflateEnd(&state_->stream);
}

// Behind a member: whether another one begins (RFC 1952 2.2). What is none is padding, or whatever
// a server has written there.
bool Inflater::begin_next(std::string_view& input) {
    if (!gzip_ || over_ || input.empty()) return false;
    const auto magic = half_magic_ ? kMagic.substr(1) : kMagic;
    const auto common = input.substr(0, magic.size());
    over_ = !magic.starts_with(common);
    if (over_) return false;
    if (common.size() < magic.size()) {
        half_magic_ = true;
        input.remove_prefix(common.size());
        return false;
    }
    auto& z = state_->stream;
    inflateReset(&z);
    if (!std::exchange(half_magic_, false)) return true;
    char nothing = 0;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(kMagic.data()));
    z.avail_in = 1;
    z.next_out = reinterpret_cast<Bytef*>(&nothing);
    z.avail_out = 1;
    inflate(&z, Z_SYNC_FLUSH);
    return true;
}

Inflater::Step Inflater::step(std::string_view& input, std::span<char> out, std::size_t& produced) {
    produced = 0;
    if (!state_->usable) return Step::broken;
    auto& z = state_->stream;
    if (finished_) {
        if (form_ != Form::members && !begin_next(input)) return Step::finished;
        if (form_ == Form::members && input.empty()) return Step::need_input;
        if (form_ == Form::members) inflateReset(&z);  // what follows a member is another one
        finished_ = false;
    } else if (z.total_in == 0 && !input.empty()) {
        gzip_ = input.front() == kMagic.front();
        if (form_ == Form::bare && begins_bare(input.front())) inflateReset2(&z, -15);
    }
    const auto given = static_cast<uInt>(std::min<std::size_t>(input.size(), 1U << 30));
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z.avail_in = given;
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&z, Z_SYNC_FLUSH);
    input.remove_prefix(given - z.avail_in);
    produced = out.size() - z.avail_out;
    if (code == Z_STREAM_END) {
        finished_ = true;
        if (form_ != Form::members)
            return gzip_ && !input.empty() ? Step::need_output : Step::finished;
        return input.empty() ? Step::need_input : Step::need_output;
    }
    // Z_BUF_ERROR: nothing to do without more input, or more room.
    const bool stuck = code == Z_BUF_ERROR && produced == 0 && !input.empty();
    if ((code != Z_OK && code != Z_BUF_ERROR) || stuck) return Step::broken;
    return z.avail_out == 0 || !input.empty() ? Step::need_output : Step::need_input;
}

bool inflate_whole(std::string_view input, std::size_t most, std::string& out) {
    Inflater inflater;
    out.resize(most);
    std::size_t size = 0;
    auto step = Inflater::Step::need_output;
    // Where all room is taken, another look tells whether anything follows.
    while (step == Inflater::Step::need_output && (size < most || inflater.finished())) {
        std::size_t n = 0;
        step = inflater.step(input, {out.data() + size, most - size}, n);
        size += n;
    }
    out.resize(size);
    return step == Inflater::Step::finished;
}

}  // namespace understudy::wire
