// Any bytes as an event stream of AWS's, in one piece and in two. Nothing may crash; both ways find
// the same messages, which add up to the stream, and each reads as one server-sent event. As random
// bytes never have the right checksums, those that follow the first byte's wish get them.
#include "wire/event_stream.hpp"
#include "wire/sse.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace understudy::wire;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void put_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>(number >> static_cast<unsigned>(shift) & 0xffU);
    }
}

void put_checksum(std::string& out, std::size_t from) {
    const auto* const begin = reinterpret_cast<const Bytef*>(out.data()) + from;
    put_number(out, static_cast<std::uint32_t>(crc32_z(0, begin, out.size() - from)));
}

/// A message with these bytes as its headers and its payload.
std::string message_of(std::string_view headers, std::string_view payload) {
    std::string out;
    put_number(out, static_cast<std::uint32_t>(16 + headers.size() + payload.size()));
    put_number(out, static_cast<std::uint32_t>(headers.size()));
    put_checksum(out, 0);
    out.append(headers).append(payload);
    put_checksum(out, 0);
    return out;
}

/// As text, in place: no byte more than its messages have, and one server-sent event for each.
void check_text(std::string stream, std::size_t messages) {
    EventStreamText text(1U << 20U);
    const auto step = text.convert(stream.data(), stream.size());
    require(step.text <= step.used && step.used <= stream.size());
    SseScanner scanner;
    SseEvent event;
    std::size_t found = 0;
    for (auto rest = std::string_view(stream).substr(0, step.text); !rest.empty(); ++found) {
        require(scanner.next(rest, event));
        rest.remove_prefix(event.raw.size());
    }
    require(found == messages);
}

std::string read(std::string_view stream, std::size_t cut) {
    EventStreamScanner scanner;
    EventStreamMessage message;
    std::string seen;
    std::size_t from = 0;
    std::size_t messages = 0;
    for (const auto here : {cut, stream.size()}) {
        while (scanner.next(stream.substr(from, here - from), message)) {
            require(message.raw.data() == stream.data() + from);
            require(message.payload.size() <= EventStreamScanner::kMaxPayload);
            from += message.raw.size();
            seen.append(message.type).append(message.payload).append(1, '\n');
            ++messages;
        }
    }
    if (cut == stream.size()) check_text(std::string(stream), messages);
    return seen + (scanner.problem() != nullptr ? scanner.problem() : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view all(reinterpret_cast<const char*>(data), size);
    if (all.size() < 2) return 0;
    const auto wish = static_cast<unsigned char>(all[0]);
    const auto where = static_cast<unsigned char>(all[1]);
    all.remove_prefix(2);
    const auto headers = all.substr(0, wish);
    const std::string stream =
        wish == 0 ? std::string(all) : message_of(headers, all.substr(headers.size())) + "tail";
    require(read(stream, std::min<std::size_t>(where, stream.size())) ==
            read(stream, stream.size()));
    return 0;
}
