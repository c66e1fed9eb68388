#include "wire/chunk.hpp"

#include "wire/octets.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace understudy::wire {
namespace {

constexpr std::uint32_t kMaxSizeDigits = 16;
// Of the extensions of one chunk, and of all trailer fields together: both are dropped, so a sender
// must not be able to keep us reading them. Servers that use extensions need about 100 bytes.
constexpr std::uint32_t kMaxOverheadBytes = 8 * 1024;
// Larger chunks do not exist, and sums of lengths stay far from overflow.
constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{1} << 62;

// Where in the trailer section we are. Its fields are checked as strictly as those of a head: what
// is dropped here must not be something that another reader sees as a new message.
enum Trailer : std::uint8_t { line_start, name, value, value_lf, final_lf };

// Where in the extensions of a chunk we are (RFC 9112 7.1.1). They are dropped, but a quote decides
// whether the end of the line is the end of the line: it stands behind "=", and it is closed.
enum Extension : std::uint8_t { word, value_start, quoted, escaped, closed };

}  // namespace

bool ChunkDecoder::take_size(char c) noexcept {
    if (is(c, kHex)) {
        if (++digits_ > kMaxSizeDigits || left_ > kMaxChunkBytes / 16) return false;
        left_ = left_ * 16 + hex_value(c);
        return true;
    }
    if (digits_ == 0) return false;
    overhead_ = 0;
    if (c == '\r') {
        state_ = State::size_lf;
    } else if (c == ';') {
        state_ = State::extension;
    } else if (c == ' ' || c == '\t') {
        state_ = State::size_space;  // RFC 9112 7.1.1: bad white space must be taken before ';'
    } else {
        return false;
    }
    return true;
}

bool ChunkDecoder::take_extension(char c) noexcept {
    if (++overhead_ > kMaxOverheadBytes) return false;
    const bool blank = c == ' ' || c == '\t';
    const bool quoting =
        extension_state_ == Extension::quoted || extension_state_ == Extension::escaped;
    if (c == '\r' && !quoting) {
        extension_state_ = Extension::word;
        state_ = State::size_lf;
        return true;
    }
    if (!is(c, kValue)) return false;
    switch (extension_state_) {
        case Extension::word:
            if (c == '=') extension_state_ = Extension::value_start;
            return c != '"';
        case Extension::value_start:
            if (!blank) extension_state_ = c == '"' ? Extension::quoted : Extension::word;
            return true;
        case Extension::quoted:
            if (c == '"') extension_state_ = Extension::closed;
            if (c == '\\') extension_state_ = Extension::escaped;
            return true;
        case Extension::escaped:
            extension_state_ = Extension::quoted;
            return true;
        default:
            if (c == ';') extension_state_ = Extension::word;
            return blank || c == ';';
    }
}

bool ChunkDecoder::take_trailer(char c) noexcept {
    if (++overhead_ > kMaxOverheadBytes) return false;
    switch (trailer_state_) {
        case Trailer::line_start:
            trailer_state_ = c == '\r' ? Trailer::final_lf : Trailer::name;
            return c == '\r' || is(c, kToken);
        case Trailer::name:
            if (c == ':') trailer_state_ = Trailer::value;
            return c == ':' || is(c, kToken);
        case Trailer::value:
            if (c == '\r') trailer_state_ = Trailer::value_lf;
            return c == '\r' || is(c, kValue);
        case Trailer::value_lf:
            trailer_state_ = Trailer::line_start;
            return c == '\n';
        default:
            state_ = State::done;
            return c == '\n';
    }
}

bool ChunkDecoder::take_framing(char c) noexcept {
    switch (state_) {
        case State::size:
            return take_size(c);
        case State::size_space:
            if (++overhead_ > kMaxOverheadBytes) return false;
            if (c == ';') state_ = State::extension;
            return c == ';' || c == ' ' || c == '\t';
        case State::extension:
            return take_extension(c);
        case State::size_lf:
            state_ = left_ == 0 ? State::trailer : State::data;
            digits_ = 0;
            overhead_ = 0;
            return c == '\n';
        case State::data_cr:
            state_ = State::data_lf;
            return c == '\r';
        case State::data_lf:
            state_ = State::size;
            return c == '\n';
        case State::trailer:
            return take_trailer(c);
        default:
            return false;
    }
}

/// Takes what stands between two chunks, or before the first, as nearly all senders write it: the
/// line end of the one and the size line of the other. Returns how far it went; the rest, whatever
/// is odd or not whole about it, is left to take_framing.
std::size_t ChunkDecoder::take_plain_lines(std::string_view input) noexcept {
    constexpr std::ptrdiff_t max_digits = 8;  // cannot overflow
    const char* p = input.data();
    const char* const end = p + input.size();
    const auto at_line_end = [&] { return end - p >= 2 && p[0] == '\r' && p[1] == '\n'; };
    if (state_ == State::data_cr && at_line_end()) {
        state_ = State::size;
        p += 2;
    }
    if (state_ != State::size || digits_ != 0) return 0;
    const char* const digits = p;
    std::uint64_t size = 0;
    while (p != end && is(*p, kHex)) size = size * 16 + hex_value(*p++);
    if (size != 0 && p - digits <= max_digits && at_line_end()) {
        left_ = size;
        state_ = State::data;
        p += 2;
    } else {
        p = digits;
    }
    return static_cast<std::size_t>(p - input.data());
}

ChunkDecoder::Step ChunkDecoder::next(std::string_view input) {
    std::size_t at = take_plain_lines(input);
    while (state_ != State::done && state_ != State::bad && at < input.size()) {
        if (state_ == State::data) {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
            left_ -= size;
            if (left_ == 0) state_ = State::data_cr;
            return {Status::data, at + size, {input.data() + at, size}};
        }
        if (!take_framing(input[at])) {
            state_ = State::bad;
            return {Status::bad, at, {}};
        }
        ++at;
    }
    const auto status = state_ == State::done  ? Status::done
                        : state_ == State::bad ? Status::bad
                                               : Status::need_more;
    return {status, at, {}};
}

bool ChunkDecoder::decode_in_place(char* buffer, std::size_t size, std::size_t& payload,
                                   std::size_t& consumed) {
    payload = 0;
    consumed = 0;
    while (consumed != size) {
        const auto step = next({buffer + consumed, size - consumed});
        consumed += step.consumed;
        if (step.status != Status::data) return step.status != Status::bad;
        std::memmove(buffer + payload, step.data.data(), step.data.size());
        payload += step.data.size();
        // The line end behind a chunk nearly always came with it.
        const char* const behind = buffer + consumed;
        if (state_ == State::data_cr && size - consumed >= 2 && behind[0] == '\r' &&
            behind[1] == '\n') {
            state_ = State::size;
            consumed += 2;
        }
    }
    return state_ != State::bad;
}

ChunkHeader::ChunkHeader(std::size_t size) noexcept : text_{}, begin_(text_.size()) {
    assert(size > 0);  // 0 would end the body; that is kLastChunk's job
    static_assert(sizeof(std::size_t) * 2 + 2 <= 18);
    text_[--begin_] = '\n';
    text_[--begin_] = '\r';
    for (; size != 0; size >>= 4) text_[--begin_] = "0123456789abcdef"[size & 15];
}

}  // namespace understudy::wire
