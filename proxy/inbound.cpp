#include "proxy/inbound.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace understudy::proxy {

using wire::FieldId;
using wire::iequals;

namespace {

constexpr std::size_t kMaxName = 128;

bool visible(std::string_view text) {
    return !text.empty() && text.size() <= kMaxName &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    // Written so that NaN is refused too.
    if (ec != std::errc() || !(number > 0 && number <= 1e9)) return std::nullopt;
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    double scale = 0;
    if (unit == "ms") scale = 1;
    if (unit == "s") scale = 1000;
    if (unit == "m") scale = 60'000;
    if (unit == "h") scale = 3'600'000;
    if (scale == 0) return std::nullopt;
    const auto whole = static_cast<long long>(number * scale);
    if (whole == 0) return std::nullopt;
    return std::chrono::milliseconds(whole);
}

std::optional<std::int64_t> parse_usd(std::string_view text) {
    constexpr double kMost = 1e6, kNanoPerUsd = 1e9;
    double usd = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), usd);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (!(usd >= 0 && usd <= kMost)) return std::nullopt;  // NaN is refused too
    return std::llround(usd * kNanoPerUsd);
}

std::string_view usable_request_id(const wire::RequestHead& head) {
    const auto id = head.fields.find(wire::FieldId::x_request_id);
    return visible(id) ? id : std::string_view();
}

namespace {

void read_session(Inbound& request) {
    const auto& fields = request.head.fields;
    auto session = fields.find("x-understudy-session");
    if (session.empty()) session = fields.find(FieldId::x_litellm_session_id);
    if (visible(session)) request.session = session;
}

}  // namespace

std::string read_overrides(Inbound& request) {
    const auto& fields = request.head.fields;
    constexpr wire::FieldSet kSpokenToUs{FieldId::x_understudy, FieldId::x_litellm_session_id};
    if (!fields.present().intersects(kSpokenToUs)) return {};
    request.chain = fields.find("x-understudy-chain");
    if (const auto text = fields.find("x-understudy-deadline"); text.data() != nullptr) {
        request.deadline = parse_duration(text);
        if (!request.deadline) return "x-understudy-deadline: expected a duration such as 30s";
    }
    if (const auto text = fields.find("x-understudy-fallback"); text.data() != nullptr) {
        if (!iequals(text, "on") && !iequals(text, "off")) {
            return "x-understudy-fallback: expected on or off";
        }
        request.may_fall_back = iequals(text, "on");
    }
    read_session(request);
    if (const auto text = fields.find("x-understudy-session-budget-usd"); text.data() != nullptr) {
        request.session_budget = parse_usd(text);
        if (!request.session_budget) {
            return "x-understudy-session-budget-usd: expected an amount in dollars such as 2.50";
        }
        if (request.session.empty()) {
            return "x-understudy-session-budget-usd: needs x-understudy-session beside it";
        }
    }
    return {};
}

}  // namespace understudy::proxy
