#include "wire/head.hpp"

#include "wire/framing.hpp"
#include "wire/octets.hpp"

namespace understudy::wire {
namespace {

void note(const HeaderField& field, Noted& noted) noexcept {
    switch (field.id) {
        case FieldId::content_length:
            ++noted.lengths;
            noted.length = field.value;
            return;
        case FieldId::transfer_encoding:
            ++noted.codings;
            noted.coding = field.value;
            return;
        case FieldId::host:
            ++noted.hosts;
            noted.host = field.value;
            return;
        case FieldId::expect:
            noted.expects_continue = noted.expects_continue || iequals(field.value, "100-continue");
            return;
        case FieldId::other:
            noted.lookalike = noted.lookalike || looks_like_framing(field.name);
            return;
        default:
            return;
    }
}

// Host is needed on HTTP/1.1 and never ambiguous; an absolute-form target overrules it, but does
// not excuse a wrong one (RFC 9112 3.2).
HeadError find_host(const Noted& noted, std::string_view authority, RequestHead& head) noexcept {
    if (noted.hosts > 1 || (noted.hosts == 0 && head.minor_version == 1)) {
        return HeadError::bad_host;
    }
    if (noted.hosts == 1 && !is_host(noted.host)) return HeadError::bad_host;
    head.host = authority.empty() ? noted.host : authority;
    return HeadError::none;
}

HeadError interpret(const Noted& noted, std::string_view target, RequestHead& head) noexcept {
    Target parts;
    if (!split_target(target, parts)) return HeadError::bad_target;
    head.target = parts.path;
    auto error = find_host(noted, parts.authority, head);
    if (error != HeadError::none) return error;
    error = frame_request(noted, head.minor_version, head.framing);
    head.keep_alive = is_persistent(noted, head.minor_version);
    // Without a body there is nothing to wait for (RFC 9110 10.1.1).
    const bool has_body = head.framing.kind == BodyKind::chunked || head.framing.length != 0;
    head.expect_continue = noted.expects_continue && head.minor_version == 1 && has_body;
    return error;
}

HeadError interpret(const Noted& noted, bool to_head_request, ResponseHead& head) noexcept {
    if (head.status == 101) return HeadError::unexpected_upgrade;
    head.keep_alive = is_persistent(noted, head.minor_version);
    return frame_response(noted, head.minor_version, head.status, to_head_request, head.framing,
                          head.keep_alive);
}

}  // namespace

// From the offsets that the scan noted to slices of the buffer as it lies now.
void HeadReader::collect(std::string_view bytes, Fields& fields, Noted& noted) const {
    fields.clear();
    for (const auto& line : lines_) {
        const auto name = bytes.substr(line.begin, line.colon - line.begin);
        const auto value = trim(bytes.substr(line.colon + 1, line.end - line.colon - 1));
        note(fields.add(name, value, line.end + 2 - line.begin), noted);
    }
    noted.close = fields.says_close();
    noted.keep_alive = fields.says_keep_alive();
}

ParseResult HeadReader::read_request(std::string_view buffer, RequestHead& head) {
    const auto result = scan(buffer, false);
    if (result != ParseResult::done) return result;
    Noted noted;
    collect(buffer, head.fields, noted);
    head.method = method_.of(buffer);
    head.minor_version = minor_version_;
    const auto error = interpret(noted, target_.of(buffer), head);
    if (error != HeadError::none) return fail(error);
    head.size = scanned_;
    return ParseResult::done;
}

ParseResult HeadReader::read_response(std::string_view buffer, bool to_head_request,
                                      ResponseHead& head) {
    const auto result = scan(buffer, true);
    if (result != ParseResult::done) return result;
    Noted noted;
    collect(buffer, head.fields, noted);
    head.status = status_;
    head.reason = reason_.of(buffer);
    head.minor_version = minor_version_;
    const auto error = interpret(noted, to_head_request, head);
    if (error != HeadError::none) return fail(error);
    head.size = scanned_;
    return ParseResult::done;
}

ParseResult HeadReader::fail(HeadError error) noexcept {
    error_ = error;
    return ParseResult::bad;
}

void HeadReader::reset() noexcept {
    error_ = HeadError::none;
    phase_ = Phase::fresh;
    mark_ = scanned_ = 0;
    status_ = 0;
    method_ = target_ = reason_ = {};
    lines_.clear();
}

std::string_view describe(HeadError error) noexcept {
    switch (error) {
        case HeadError::none:
            return "no error";
        case HeadError::bad_syntax:
            return "the head is not valid HTTP/1";
        case HeadError::bad_version:
            return "the HTTP version is neither 1.0 nor 1.1";
        case HeadError::bad_framing:
            return "Content-Length, Transfer-Encoding and names like theirs do not define one body length";
        case HeadError::bad_host:
            return "there must be exactly one valid Host field";
        case HeadError::bad_target:
            return "the request target is not a path or an http(s) URL";
        case HeadError::too_large:
            return "the head is longer than the limit";
        case HeadError::too_many_fields:
            return "the head has more fields than the limit";
        case HeadError::unsupported_coding:
            return "the only transfer coding understood is chunked";
        case HeadError::unexpected_upgrade:
            return "the server switched protocols without being asked";
        case HeadError::target_too_long:
            return "the request line is longer than the limit";
    }
    return "unknown error";
}

unsigned status_for(HeadError error) noexcept {
    switch (error) {
        case HeadError::too_large:
        case HeadError::too_many_fields:
            return 431;
        case HeadError::target_too_long:
            return 414;
        case HeadError::unsupported_coding:
            return 501;
        case HeadError::bad_version:
            return 505;
        default:
            return 400;
    }
}

}  // namespace understudy::wire
