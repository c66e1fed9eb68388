#include "sink/request.hpp"

#include <strings.h>

#include <charconv>

namespace understudy::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 16 << 10;

bool has_name(std::string_view line, std::string_view name) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           strncasecmp(line.data(), name.data(), name.size()) == 0;
}

template <class Number>
std::size_t read_number(std::string_view text, Number& number) {
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
    return static_cast<std::size_t>(end - text.data());
}

void read_field(std::string_view line, RequestHead& head) {
    // Only two fields matter; their first letters keep the rest out of the comparison.
    const char first = line.empty() ? '\0' : static_cast<char>(line[0] | 0x20);
    if (first == 'c' && has_name(line, "content-length")) {
        const auto digits = line.find_first_of("0123456789", 15);
        if (digits != std::string_view::npos) read_number(line.substr(digits), head.body_bytes);
    } else if (first == 't' && has_name(line, "transfer-encoding")) {
        head.chunked = true;
    }
}

}  // namespace

RequestHead read_head(std::string_view bytes) {
    RequestHead head;
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (bytes.size() > kHeadBytesMax) head.state = RequestHead::State::bad;
        return head;
    }
    head.state = RequestHead::State::complete;
    head.head_bytes = end + 4;
    head.get = bytes.starts_with("GET ");
    for (auto at = bytes.find("\r\n"); at < end; at = bytes.find("\r\n", at + 2))
        read_field(bytes.substr(at + 2), head);
    return head;
}

Wish read_wish(std::string_view body) {
    Wish wish;
    const auto key = body.find("\"model\"");
    if (key == std::string_view::npos) return wish;
    const auto quote = body.find('"', key + 7);
    if (quote == std::string_view::npos) return wish;
    const auto model = body.substr(quote + 1, 40);
    if (model.starts_with("fail\"")) wish.kind = Wish::Kind::fail;
    if (!model.starts_with("s-")) return wish;
    const auto digits = read_number(model.substr(2), wish.events);
    std::uint64_t interval_us = 0;
    if (model.size() > digits + 3) read_number(model.substr(digits + 3), interval_us);
    wish.kind = Wish::Kind::stream;
    wish.interval_ns = interval_us * 1000;
    const auto usage = body.find("\"include_usage\"");
    wish.usage = usage != std::string_view::npos &&
                 body.substr(usage + 15, 8).find("true") != std::string_view::npos;
    return wish;
}

}  // namespace understudy::bench
