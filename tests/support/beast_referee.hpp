// Boost.Beast's parser as the referee of our own head reader: whatever ours accepts, Beast must
// accept, and must see the same fields in it. Two readers that disagree about a head are what
// request smuggling is made of.
#pragma once

#include "wire/head.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace understudy::test {

namespace referee = boost::beast::http;

/// Fields one a line, in the order they came: "name=value\n".
inline std::string fields_as_text(const wire::Fields& fields) {
    std::string text;
    for (const auto& field : fields) {
        text.append(field.name).append("=").append(field.value).append("\n");
    }
    return text;
}

/// What Beast has against `head`, a whole head, or sees differently; empty when they agree.
template <bool is_request>
std::string disagreement(std::string_view head, const wire::Fields& ours) {
    referee::parser<is_request, referee::empty_body> parser;
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    boost::system::error_code ec;
    const auto used = parser.put(boost::asio::buffer(head.data(), head.size()), ec);
    // A list in Connection, Proxy-Connection or Upgrade that is no list of tokens: Beast wants to
    // act upon it, we only take known options out of it.
    if (ec == referee::error::bad_value) return {};
    if (ec) return "Beast: " + ec.message();
    if (used != head.size() || !parser.is_header_done()) return "Beast sees another end";
    std::string theirs;
    for (const auto& field : parser.get()) {
        theirs.append(field.name_string().data(), field.name_string().size()).append("=");
        theirs.append(field.value().data(), field.value().size()).append("\n");
    }
    const auto text = fields_as_text(ours);
    return theirs == text ? "" : "Beast sees\n" + theirs + "we see\n" + text;
}

/// Beast insists on the SP behind the status code; heads without it are ours alone.
inline bool has_short_status_line(std::string_view head) {
    constexpr std::size_t kCodeEnd = std::string_view("HTTP/1.1 200").size();
    return head.size() > kCodeEnd && head[kCodeEnd] == '\r';
}

}  // namespace understudy::test
