#include "cmd/demo/meter.hpp"

#include "cmd/demo/client.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

namespace understudy::demo {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(2);

/// The value of a sample line of this metric, or 0.
double value_of(std::string_view line, std::string_view metric) {
    if (!line.starts_with(metric) || line.size() == metric.size()) return 0;
    const char next = line[metric.size()];
    if (next != '{' && next != ' ') return 0;
    const auto text = line.substr(line.rfind(' ') + 1);
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

Reading parse_metrics(std::string_view text) {
    Reading reading;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        reading.requests += value_of(line, "understudy_requests_total");
        reading.tokens += value_of(line, "understudy_tokens_total");
        reading.cost_usd += value_of(line, "understudy_cost_usd_total");
        reading.failovers += value_of(line, "understudy_failovers_total");
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reading;
}

Reading scrape_after(std::uint16_t port, double before) {
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
        const Reading reading = parse_metrics(ask(port, "/metrics", "").body);
        if (reading.requests > before || std::chrono::steady_clock::now() > limit) return reading;
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace understudy::demo
