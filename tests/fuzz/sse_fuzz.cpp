// Any bytes as an event stream, whole and cut into pieces that the input itself chooses: the events
// must be the same, and the raw slices must add up to the stream.
#include "wire/sse.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

struct Event {
    std::string data;
    std::string name;
    bool has_data = false;
    bool operator==(const Event&) const = default;
};

struct Reading {
    std::vector<Event> events;
    std::string raw;
};

void take(const SseEvent& event, std::string_view buffer, Reading& reading) {
    require(event.raw.data() == buffer.data() && event.raw.size() <= buffer.size());
    reading.raw += event.raw;
    if (event.has_data || !event.name.empty()) {
        reading.events.push_back(
            {std::string(event.data), std::string(event.name), event.has_data});
    }
}

Reading read(std::string_view stream, std::string_view cuts) {
    Reading reading;
    SseScanner scanner;
    SseEvent event;
    std::string buffer;
    std::size_t turn = 0;
    while (!stream.empty()) {
        const std::size_t size =
            cuts.empty() ? stream.size()
                         : 1U + static_cast<std::uint8_t>(cuts[turn++ % cuts.size()]) % 16U;
        // A block of its own, so that nothing may still point into the old one.
        buffer = std::string(buffer).append(stream.substr(0, size));
        stream.remove_prefix(std::min(size, stream.size()));
        while (scanner.next(buffer, event)) {
            require(!event.raw.empty());
            take(event, buffer, reading);
            buffer.erase(0, event.raw.size());
        }
    }
    if (scanner.finish(buffer, event)) {
        require(event.raw.size() == buffer.size());
        take(event, buffer, reading);
    } else {
        reading.raw += buffer;
    }
    return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    const Reading whole = read(stream, {});
    require(whole.raw == stream);
    for (const std::string_view cuts : {std::string_view("\0", 1), stream}) {
        const Reading pieces = read(stream, cuts);
        require(pieces.raw == stream);
        require(pieces.events == whole.events);
    }
    return 0;
}
