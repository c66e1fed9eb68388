// The grammar half of HeadReader: looks at each byte of a head once, as it comes, stops at the
// first one that no valid head can have there, and notes where things are.
//
// Why not Beast's parser: it unfolds obs-fold, has an opinion on a head only after all of it came,
// has no limit on the number of fields, starts over from the first byte when a head comes in
// pieces, and knows nothing of the rules in framing.hpp: a second reader was needed anyway.
#include "wire/framing.hpp"
#include "wire/head.hpp"
#include "wire/octets.hpp"

#include <algorithm>
#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace understudy::wire {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kUsualLines = 16;

std::uint32_t offset(std::size_t at) noexcept {
    return static_cast<std::uint32_t>(at);  // HeadLimits::bytes is far below 4 GiB
}

// The first octet at or behind `at` that no field value may hold; the size of `bytes` if none.
std::size_t skip_value(std::string_view bytes, std::size_t at) noexcept {
#ifdef __SSE2__
    // Most of a head is values: sixteen octets a step.
    const auto last_control = _mm_set1_epi8(0x1f);
    const auto tab = _mm_set1_epi8('\t');
    const auto del = _mm_set1_epi8(0x7f);
    for (; at + 16 <= bytes.size(); at += 16) {
        const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
        // Saturated: what is left of a control character is nothing.
        const auto control =
            _mm_cmpeq_epi8(_mm_subs_epu8(block, last_control), _mm_setzero_si128());
        const auto refused = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control),
                                          _mm_cmpeq_epi8(block, del));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(refused));
        if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
    }
#endif
    while (at < bytes.size() && is(bytes[at], kValue)) ++at;
    return at;
}

std::size_t skip(std::string_view bytes, std::size_t at, Octet kind) noexcept {
    while (at < bytes.size() && is(bytes[at], kind)) ++at;
    return at;
}

// The first octet at or behind `at` that no request target may hold.
inline std::size_t skip_target(std::string_view bytes, std::size_t at) noexcept {
#ifdef __SSE2__
    for (; at + 16 <= bytes.size(); at += 16) {
        const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
        // Signed: neither does obs-text count as visible.
        const auto visible = _mm_cmpgt_epi8(block, _mm_set1_epi8(' '));
        const auto refused = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('#')),
                                          _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
        const auto mask =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(refused, visible)));
        if (mask != 0xffffU) return at + static_cast<std::size_t>(std::countr_one(mask));
    }
#endif
    return skip(bytes, at, kTarget);
}

// The first octet at or behind `at` that no field name may hold.
inline std::size_t skip_name(std::string_view bytes, std::size_t at) noexcept {
#ifdef __SSE2__
    // Nearly all names are letters and '-', and shorter than sixteen octets.
    if (at + 16 <= bytes.size()) {
        const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
        const auto letter = _mm_sub_epi8(_mm_or_si128(block, _mm_set1_epi8(0x20)),
                                         _mm_set1_epi8('a'));  // 0 to 25, unsigned
        const auto taken =
            _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')), letter),
                         _mm_cmpeq_epi8(block, _mm_set1_epi8('-')));
        const auto others = static_cast<unsigned>(_mm_movemask_epi8(taken)) ^ 0xffffU;
        at += others != 0 ? static_cast<std::size_t>(std::countr_zero(others)) : 16;
    }
#endif
    return skip(bytes, at, kToken);
}

}  // namespace

ParseResult HeadReader::scan(std::string_view buffer, bool response) {
    if (error_ != HeadError::none) return ParseResult::bad;
    if (phase_ == Phase::fresh) {
        response_ = response;
        phase_ = response ? Phase::version : Phase::empty_line;
        if (response) scan_usual_status(buffer.substr(0, limits_.bytes));
    }
    const auto limit = std::min<std::size_t>(limits_.bytes, UINT32_MAX);
    const auto bytes = buffer.substr(0, limit);
    while (phase_ != Phase::done && scanned_ < bytes.size()) {
        const auto error = phase_ < Phase::line_start ? scan_start_line(bytes) : scan_fields(bytes);
        if (error != HeadError::none) return fail(error);
    }
    if (phase_ == Phase::done) return ParseResult::done;
    if (bytes.size() < limit) return ParseResult::need_more;
    // A full buffer without an end can only get longer.
    const bool in_request_line = !response_ && phase_ < Phase::line_start;
    return fail(in_request_line ? HeadError::target_too_long : HeadError::too_large);
}

HeadError HeadReader::scan_start_line(std::string_view bytes) {
    const char c = bytes[scanned_];
    const auto expect = [&](char wanted, Phase next) {
        if (c != wanted) return HeadError::bad_syntax;
        ++scanned_;
        phase_ = next;
        return HeadError::none;
    };
    switch (phase_) {
        case Phase::empty_line:
            if (c == '\r') return expect('\r', Phase::empty_line_lf);
            mark_ = scanned_;
            phase_ = Phase::method;
            return HeadError::none;
        case Phase::empty_line_lf:
            return expect('\n', Phase::empty_line);
        case Phase::method:
            return scan_method(bytes);
        case Phase::target:
            return scan_target(bytes);
        case Phase::version:
            return scan_version(bytes);
        case Phase::request_line_end:
            return expect('\r', Phase::start_line_lf);
        case Phase::status:
            return scan_status(bytes);
        case Phase::reason:
            return scan_reason(bytes);
        default:
            return expect('\n', Phase::line_start);
    }
}

// "HTTP/1.1 200 ", which begins nearly every answer, in one look. Anything else is left alone.
void HeadReader::scan_usual_status(std::string_view bytes) {
    constexpr std::string_view usual = "HTTP/1.1 ";
    constexpr std::size_t size = usual.size() + 4;
    if (bytes.size() < size || !bytes.starts_with(usual) || bytes[size - 1] != ' ') return;
    const char* const digits = bytes.data() + usual.size();
    if (digits[0] == '0' || !is(digits[0], kDigit) || !is(digits[1], kDigit) ||
        !is(digits[2], kDigit)) {
        return;
    }
    status_ = static_cast<std::uint16_t>(100 * (digits[0] - '0') + 10 * (digits[1] - '0') +
                                         (digits[2] - '0'));
    minor_version_ = 1;
    scanned_ = size;
    reason_ = {offset(size), offset(size)};
    phase_ = Phase::reason;
}

HeadError HeadReader::scan_method(std::string_view bytes) {
    scanned_ = skip(bytes, scanned_, kToken);
    if (scanned_ == bytes.size()) return HeadError::none;
    if (bytes[scanned_] != ' ' || scanned_ == mark_) return HeadError::bad_syntax;
    method_ = {offset(mark_), offset(scanned_)};
    // Never a tunnel, whatever its target looks like.
    if (method_.of(bytes) == "CONNECT") return HeadError::bad_target;
    mark_ = ++scanned_;
    phase_ = Phase::target;
    return HeadError::none;
}

HeadError HeadReader::scan_target(std::string_view bytes) {
    scanned_ = skip_target(bytes, scanned_);
    const auto target = bytes.substr(mark_, scanned_ - mark_);
    if (!may_become_target(target)) return HeadError::bad_target;
    if (scanned_ == bytes.size()) return HeadError::none;
    const char c = bytes[scanned_];
    if (c == '#' || static_cast<unsigned char>(c) >= 0x80) return HeadError::bad_target;
    if (c != ' ' || target.empty()) return HeadError::bad_syntax;
    Target parts;
    if (!split_target(target, parts)) return HeadError::bad_target;
    target_ = {offset(mark_), offset(scanned_)};
    mark_ = ++scanned_;
    phase_ = Phase::version;
    constexpr std::string_view usual = "HTTP/1.1\r\n";
    if (bytes.substr(scanned_).starts_with(usual)) {  // no need to go through its parts
        minor_version_ = 1;
        scanned_ += usual.size();
        phase_ = Phase::line_start;
    }
    return HeadError::none;
}

HeadError HeadReader::scan_version(std::string_view bytes) {
    const auto at = scanned_ - mark_;
    const auto rest = bytes.substr(scanned_);
    const char c = rest.front();
    if (at < kVersion.size() && c == kVersion[at]) {
        // All of it at once where it is there: the usual case.
        const bool whole = at == 0 && rest.starts_with(kVersion);
        scanned_ += whole ? kVersion.size() : 1;
        return HeadError::none;
    }
    const bool digit_wanted = at == 5 || at == kVersion.size();
    if (!digit_wanted || !is(c, kDigit)) return HeadError::bad_syntax;
    if (at == 5 || c > '1') return HeadError::bad_version;
    minor_version_ = static_cast<std::uint8_t>(c - '0');
    mark_ = ++scanned_;
    phase_ = response_ ? Phase::status : Phase::request_line_end;
    return HeadError::none;
}

// SP 3DIGIT, then SP and a reason, or the end of the line: many servers leave out the SP with the
// reason, which RFC 9112 4 does not allow but no one can misread.
HeadError HeadReader::scan_status(std::string_view bytes) {
    for (; scanned_ < bytes.size() && phase_ == Phase::status; ++scanned_) {
        const char c = bytes[scanned_];
        const auto at = scanned_ - mark_;
        if (at == 0) {
            if (c != ' ') return HeadError::bad_syntax;
        } else if (at <= 3) {
            if (!is(c, kDigit) || (at == 1 && c == '0')) return HeadError::bad_syntax;
            status_ = static_cast<std::uint16_t>(status_ * 10 + (c - '0'));
        } else {
            if (c != ' ' && c != '\r') return HeadError::bad_syntax;
            phase_ = c == ' ' ? Phase::reason : Phase::start_line_lf;
            reason_ = {offset(scanned_ + 1), offset(scanned_ + 1)};
        }
    }
    return HeadError::none;
}

HeadError HeadReader::scan_reason(std::string_view bytes) {
    scanned_ = skip_value(bytes, scanned_);
    if (scanned_ == bytes.size()) return HeadError::none;
    if (bytes[scanned_] != '\r') return HeadError::bad_syntax;
    reason_.end = offset(scanned_++);
    phase_ = Phase::start_line_lf;
    return HeadError::none;
}

HeadError HeadReader::begin_line(char c, std::size_t at) {
    // Also where obs-fold ends: its line begins with white space.
    if (!is(c, kToken)) return HeadError::bad_syntax;
    if (lines_.size() == limits_.fields) return HeadError::too_many_fields;
    lines_.push_back({offset(at), 0, 0});
    phase_ = Phase::name;
    return HeadError::none;
}

// Lines that are there from end to end, as nearly all are, without a note of how far each one was
// read. Stops where a line is not whole, not usual or not valid: that is for scan_fields.
std::size_t HeadReader::scan_whole_lines(std::string_view bytes, std::size_t at) {
    if (lines_.capacity() == 0) lines_.reserve(kUsualLines);
    while (lines_.size() < limits_.fields) {
        const auto colon = skip_name(bytes, at);
        if (colon == at || colon == bytes.size() || bytes[colon] != ':') break;
        const auto end = skip_value(bytes, colon + 1);
        if (bytes.size() - end < 2 || bytes[end] != '\r' || bytes[end + 1] != '\n') break;
        lines_.push_back({offset(at), offset(colon), offset(end)});
        at = end + 2;
    }
    return at;
}

HeadError HeadReader::scan_fields(std::string_view bytes) {
    auto at = phase_ == Phase::line_start ? scan_whole_lines(bytes, scanned_) : scanned_;
    const auto stop = [&](HeadError error) {
        scanned_ = at;
        return error;
    };
    while (at < bytes.size()) {
        switch (phase_) {
            case Phase::line_start:
                if (bytes[at] == '\r') {
                    ++at;
                    phase_ = Phase::final_lf;
                    break;
                }
                if (const auto error = begin_line(bytes[at], at); error != HeadError::none) {
                    return stop(error);
                }
                [[fallthrough]];
            case Phase::name:
                at = skip_name(bytes, at);
                if (at == bytes.size()) break;
                if (bytes[at] != ':') return stop(HeadError::bad_syntax);
                lines_.back().colon = offset(at++);
                phase_ = Phase::value;
                [[fallthrough]];
            case Phase::value:
                at = skip_value(bytes, at);
                if (at == bytes.size()) break;
                if (bytes[at] != '\r') return stop(HeadError::bad_syntax);
                lines_.back().end = offset(at++);
                phase_ = Phase::value_lf;
                break;
            default:
                if (bytes[at] != '\n') return stop(HeadError::bad_syntax);
                ++at;
                if (phase_ == Phase::final_lf) {
                    phase_ = Phase::done;
                    return stop(HeadError::none);
                }
                phase_ = Phase::line_start;
        }
    }
    return stop(HeadError::none);
}

}  // namespace understudy::wire
