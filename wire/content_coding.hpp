// Which coding a request's body is in (RFC 9110 8.4).
#pragma once

#include "wire/head.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::wire {

enum class BodyCoding : std::uint8_t {
    identity,
    gzip,         // x-gzip is another name of it (RFC 9110 8.4.1.3)
    zstd,         // RFC 8878
    unsupported,  // any other, and one around the other
};

/// All Content-Encoding fields of a request together.
BodyCoding body_coding(const Fields& fields);

/// For the message of an error: "gzip", "zstd".
std::string_view name_of(BodyCoding coding);

/// What may be sent, as the value of an Accept-Encoding field in an answer (RFC 9110 12.5.3).
inline constexpr std::string_view kBodyCodings = "gzip, zstd, identity";

}  // namespace understudy::wire
