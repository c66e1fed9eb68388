// Finds the events of one stream and times them. The sink wrote into each event when it was sent;
// the difference to now is the delay on the way, exact for every single event.
#pragma once

#include "common/histogram.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::bench {

/// Of all streams together.
struct StreamTimes {
    Histogram first_token;  // request sent -> first content event here
    Histogram gap;          // between two content events of a stream, as they arrived
    Histogram delay;        // sent by the sink -> here
    Histogram added_gap;  // how much later than its predecessor an event was: gap here - gap there
    std::uint64_t events = 0;
    std::uint64_t stalls = 0;  // events that were more than kStallNs under way
};

inline constexpr std::uint64_t kStallNs = 100'000'000;

class EventMeter {
  public:
    void start(std::uint64_t request_sent_ns);
    void take(std::string_view body, std::uint64_t now, StreamTimes& times);

    std::uint32_t events() const { return events_; }
    bool finished() const { return done_seen_; }

  private:
    void line(std::string_view text, std::uint64_t now, StreamTimes& times);
    void event(std::uint64_t delay, std::uint64_t now, StreamTimes& times);

    std::uint64_t request_sent_ = 0, last_arrival_ = 0, last_delay_ = 0;
    std::uint32_t events_ = 0;
    bool done_seen_ = false;
    std::string part_;  // a line split over reads
};

}  // namespace understudy::bench
