// Boost.Beast's parser as the referee of our own head reader: whatever ours accepts, Beast must
// accept, and must see the same fields in it. Two readers that disagree about a head are what
// request smuggling is made of.
#pragma once

#include "wire/head.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::test {

namespace referee = boost::beast::http;

/// Fields as lines "name=value", sorted by name: Beast's container puts fields of one name side by
/// side. Among those the order is as they came.
class FieldLines {
  public:
    void add(std::string_view name, std::string_view value) {
        std::string lower(name);
        for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        lines_.emplace_back(std::move(lower), std::string(name).append("=").append(value));
    }
    std::string text() {
        std::stable_sort(lines_.begin(), lines_.end(),
                         [](const auto& x, const auto& y) { return x.first < y.first; });
        std::string all;
        for (const auto& line : lines_) all.append(line.second).append("\n");
        return all;
    }

  private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

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
    FieldLines theirs;
    for (const auto& field : parser.get()) {
        theirs.add({field.name_string().data(), field.name_string().size()},
                   {field.value().data(), field.value().size()});
    }
    FieldLines own;
    for (const auto& field : ours) own.add(field.name, field.value);
    const auto text = own.text();
    const auto other = theirs.text();
    return other == text ? "" : "Beast sees\n" + other + "we see\n" + text;
}

/// Beast insists on the SP behind the status code; heads without it are ours alone.
inline bool has_short_status_line(std::string_view head) {
    constexpr std::size_t kCodeEnd = std::string_view("HTTP/1.1 200").size();
    return head.size() > kCodeEnd && head[kCodeEnd] == '\r';
}

}  // namespace understudy::test
