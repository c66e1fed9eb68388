#include "loadgen/event_meter.hpp"

#include "common/event_clock.hpp"

namespace understudy::bench {

void EventMeter::start(std::uint64_t request_sent_ns) {
    request_sent_ = request_sent_ns;
    events_ = 0;
    done_seen_ = false;
    part_.clear();
}

void EventMeter::take(std::string_view body, std::uint64_t now, StreamTimes& times) {
    for (;;) {
        const auto end = body.find('\n');
        if (end == std::string_view::npos) break;
        if (part_.empty()) {
            line(body.substr(0, end), now, times);
        } else {
            part_ += body.substr(0, end);
            line(part_, now, times);
            part_.clear();
        }
        body.remove_prefix(end + 1);
    }
    part_ += body;
}

void EventMeter::line(std::string_view text, std::uint64_t now, StreamTimes& times) {
    if (!text.starts_with("data:")) return;
    if (text.starts_with("data: [DONE]")) done_seen_ = true;
    constexpr std::string_view kKey = "\"content\"";
    const auto key = text.find(kKey);
    if (key == std::string_view::npos) return;
    // A gateway that serialises anew may put a space behind the colon.
    const auto value = text.find_first_not_of(": \"", key + kKey.size());
    if (value == std::string_view::npos) return;
    const auto stamp = read_stamp(text.substr(value));
    if (stamp) event(ns_since_stamp(*stamp, now), now, times);
}

void EventMeter::event(std::uint64_t delay, std::uint64_t now, StreamTimes& times) {
    ++times.events;
    times.delay.add(delay);
    if (delay > kStallNs) ++times.stalls;
    if (events_++ == 0) {
        times.first_token.add(now - request_sent_);
    } else {
        times.gap.add(now - last_arrival_);
        times.added_gap.add(delay > last_delay_ ? delay - last_delay_ : 0);
    }
    last_arrival_ = now;
    last_delay_ = delay;
}

}  // namespace understudy::bench
