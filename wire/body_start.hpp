// What the body of a 2xx is, judged by how it begins: content types are wrong too often. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::wire {

enum class BodyStart : std::uint8_t {
    need_more,  // nothing but white space, or a prefix of a field's name
    events,     // a field or a comment of server-sent events
    json,       // '{': a JSON object
    list,       // '[': a JSON array
    page,       // '<': HTML or XML
    other,
};

/// Judges the first bytes of a body (decoded, where it is compressed). A UTF-8 BOM and white space
/// in front are skipped: servers send blank lines to keep a connection alive. The verdict on a
/// longer prefix of the same body is the same, once it is not need_more.
BodyStart body_start(std::string_view text) noexcept;

}  // namespace understudy::wire
