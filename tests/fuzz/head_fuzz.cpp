// Heads from anyone: the first input byte chooses request or response and the limits, the second
// where to split, the rest is what came over the wire.
#include "wire/head.hpp"

#include "tests/support/beast_referee.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace understudy::wire;

namespace {

// assert() is compiled out of release builds; a fuzzer must always see a broken promise.
void require(bool holds) {
    if (!holds) std::abort();
}

void require_inside(std::string_view slice, std::string_view buffer) {
    if (slice.data() == nullptr) return;
    require(slice.data() >= buffer.data());
    require(slice.data() + slice.size() <= buffer.data() + buffer.size());
}

void require_clean(std::string_view text) {
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        require(octet == '\t' || (octet >= 0x20 && octet != 0x7f));
    }
}

void require_sound(const Fields& fields, const Framing& framing, std::string_view buffer,
                   const HeadLimits& limits) {
    require(fields.size() <= limits.fields);
    for (const auto& field : fields) {
        const auto name = field.name;
        const auto value = field.value;
        require_inside(name, buffer);
        require_inside(value, buffer);
        require_clean(name);
        require_clean(value);
        require(!name.empty() && name.find_first_of(" \t:") == std::string_view::npos);
        require(value.empty() || (value.front() != ' ' && value.back() != ' '));
        require(fields.find(name).data() != nullptr && fields.count(name) >= 1);
        (void)is_hop_by_hop(name);
        (void)named_by_connection(fields, name);
    }
    const auto lengths = fields.count("content-length");
    const auto codings = fields.count("transfer-encoding");
    require(lengths + codings <= 1);
    if (codings == 1) require(iequals(fields.find("transfer-encoding"), "chunked"));
    if (framing.kind == BodyKind::chunked) require(codings == 1);
    if (framing.kind == BodyKind::length) require(lengths == 1);
    if (framing.kind != BodyKind::length) require(framing.length == 0);
}

void require_sound(const RequestHead& head, std::string_view buffer, const HeadLimits& limits) {
    require_sound(head.fields, head.framing, buffer, limits);
    require_inside(head.method, buffer);
    require_inside(head.target, buffer);
    require_inside(head.host, buffer);
    require(!head.method.empty() && head.target.starts_with('/'));
    require(head.framing.kind != BodyKind::until_close);
    if (head.minor_version == 1) require(head.fields.count("host") == 1 && !head.host.empty());
}

void require_sound(const ResponseHead& head, std::string_view buffer, const HeadLimits& limits) {
    require_sound(head.fields, head.framing, buffer, limits);
    require_inside(head.reason, buffer);
    require_clean(head.reason);
    require(head.status >= 100 && head.status <= 999 && head.status != 101);
    if (head.framing.kind == BodyKind::until_close) require(!head.keep_alive);
}

bool equal(const Fields& a, const Fields& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const HeaderField& x, const HeaderField& y) {
                          return x.name == y.name && x.value == y.value;
                      });
}

bool equal(const RequestHead& a, const RequestHead& b) {
    return a.method == b.method && a.target == b.target && a.host == b.host && a.size == b.size &&
           a.framing.kind == b.framing.kind && a.framing.length == b.framing.length &&
           a.keep_alive == b.keep_alive && a.expect_continue == b.expect_continue &&
           equal(a.fields, b.fields);
}

bool equal(const ResponseHead& a, const ResponseHead& b) {
    return a.status == b.status && a.reason == b.reason && a.size == b.size &&
           a.framing.kind == b.framing.kind && a.framing.length == b.framing.length &&
           a.keep_alive == b.keep_alive && equal(a.fields, b.fields);
}

void require_agreement(std::string_view head, const RequestHead& ours) {
    // Empty lines in front are ours to skip.
    const auto begin = static_cast<std::size_t>(ours.method.data() - head.data());
    require(understudy::test::disagreement<true>(head.substr(begin), ours.fields).empty());
}

void require_agreement(std::string_view head, const ResponseHead& ours) {
    if (understudy::test::has_short_status_line(head)) return;
    require(understudy::test::disagreement<false>(head, ours.fields).empty());
}

template <class Head, class Read>
void check(std::string_view bytes, std::size_t split, const HeadLimits& limits, Read read) {
    HeadReader whole_reader(limits);
    Head whole;
    const auto verdict = read(whole_reader, bytes, whole);
    require((verdict == ParseResult::bad) == (whole_reader.error() != HeadError::none));
    if (verdict == ParseResult::done) {
        require(whole.size <= bytes.size() && whole.size <= limits.bytes);
        require_sound(whole, bytes, limits);
        require_agreement(bytes.substr(0, whole.size), whole);
    }
    // A copy of its own for the first part, so that a read behind its end is seen.
    const std::string first(bytes.substr(0, split));
    HeadReader split_reader(limits);
    Head parts;
    auto split_verdict = read(split_reader, first, parts);
    if (split_verdict != ParseResult::need_more) require(split_verdict == verdict);
    if (split_verdict != ParseResult::bad) split_verdict = read(split_reader, bytes, parts);
    require(split_verdict == verdict && split_reader.error() == whole_reader.error());
    if (verdict == ParseResult::done) require(equal(whole, parts));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const unsigned mode = data[0];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto split = std::min<std::size_t>(data[1], bytes.size());
    const auto limits = (mode & 4U) != 0 ? HeadLimits{128, 4} : HeadLimits{};
    if ((mode & 1U) == 0) {
        check<RequestHead>(bytes, split, limits,
                           [](HeadReader& reader, std::string_view buffer, RequestHead& head) {
                               return reader.read_request(buffer, head);
                           });
    } else {
        const bool to_head = (mode & 2U) != 0;
        check<ResponseHead>(
            bytes, split, limits,
            [to_head](HeadReader& reader, std::string_view buffer, ResponseHead& head) {
                return reader.read_response(buffer, to_head, head);
            });
    }
    return 0;
}
