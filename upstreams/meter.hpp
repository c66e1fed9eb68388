// Watches an answer go by and knows what it was: usage, model, whether it reached its proper end.
#pragma once

#include "upstreams/bytes.hpp"
#include "wire/answer.hpp"
#include "wire/event_inspector.hpp"
#include "wire/inflate.hpp"
#include "wire/json_scan.hpp"
#include "wire/sse.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

/// What is known about an answer so far.
struct Metered {
    std::optional<wire::Usage> usage;
    std::string model;  // as the upstream names it
    std::string service_tier;
    std::uint32_t content_events = 0;  // events that carried content, a floor for estimates
    bool finish = false;               // a successful finish_reason was seen
    bool done = false;                 // the end marker was seen
    bool error = false;                // an error event was seen
};

/// Meters an event stream. Works on the payload buffer of the stream it watches: each scan() looks
/// at what is new, decides which bytes may go to the client, and remembers what they said.
class StreamMeter {
  public:
    /// `gzip`: payload is compressed; it is metered through a decoder and always passed on as it
    /// is. `drop_usage_only`: the usage event was asked for by us, not by the client.
    StreamMeter(wire::AnswerShape shape, bool gzip, bool drop_usage_only);

    enum class Verdict : std::uint8_t {
        none,    // nothing that commits yet
        commit,  // content or a proper end is among the scanned bytes
        error,   // an error event came before any content; error_json() has it
    };
    /// Scans payload that follows what was scanned before. `payload` is everything not yet taken:
    /// after take(n) it starts n bytes later.
    Verdict scan(std::string_view payload);
    /// The stream has ended: scans what is left as a last event.
    Verdict scan_rest(std::string_view payload);

    /// Ranges of the payload that the client gets, in order, and how far they reach (dropped events
    /// included). Only whole events, unless metering was given up.
    const std::vector<wire::Span>& ready() const { return ready_; }
    std::size_t ready_end() const { return scanned_; }
    /// The ready ranges were sent.
    void take();
    /// What was made ready behind `end` is not to be passed on after all.
    void hold_back(std::size_t end);

    const Metered& facts() const { return facts_; }
    /// The payload bytes belonging to events other than comments, counted up: progress.
    std::uint64_t payload_events() const { return payload_events_; }
    const std::string& error_json() const { return error_json_; }
    /// Stop looking (an event too large to hold): from now on everything is passed on as it comes.
    void give_up() { raw_ = true; }
    bool gave_up() const { return raw_; }

  private:
    Verdict on_event(const wire::SseEvent& event, bool& drop);
    void pass(std::size_t begin, std::size_t end);
    Verdict scan_events(std::string_view payload, bool last);
    Verdict scan_gzip(std::string_view payload);

    wire::AnswerShape shape_;
    bool drop_usage_only_;
    bool raw_ = false;
    wire::SseScanner scanner_;
    wire::EventInspector inspector_;
    std::unique_ptr<wire::Inflater> inflater_;
    std::string inflated_;
    std::vector<wire::Span> ready_;
    std::size_t scanned_ = 0;
    std::uint64_t payload_events_ = 0;
    std::string error_json_;
    Metered facts_;
};

}  // namespace understudy::upstreams
