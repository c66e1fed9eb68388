#include "proxy/inbound.hpp"

#include "wire/utf8.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

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

constexpr std::size_t kMaxSession = 256;  // bytes of UTF-8

/// What is no UTF-8, read as clients that know no other encoding of headers wrote it.
std::string from_latin1(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xC0 | (byte >> 6));
            out += static_cast<char>(0x80 | (byte & 0x3F));
        }
    }
    return out;
}

/// Something to see, and no control characters, of C1 neither; of UTF-8.
bool presentable(std::string_view text) {
    bool seen = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x20 || byte == 0x7F) return false;
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (byte == 0xC2 && next < 0xA0) return false;
        seen = seen || byte != ' ';
    }
    return seen;
}

/// Any text is a name: frameworks make them of what they have. What is wrong; null: nothing.
const char* read_session(Inbound& request) {
    const auto& fields = request.head.fields;
    const char* problem =
        "x-understudy-session: expected at most 256 bytes of text, without control characters";
    auto text = fields.find("x-understudy-session");
    if (text.empty()) {
        problem =
            "x-litellm-session-id: expected at most 256 bytes of text, without control characters";
        text = fields.find(FieldId::x_litellm_session_id);
    }
    if (text.empty()) return nullptr;
    if (visible(text)) {
        request.session = text;
        return nullptr;
    }
    auto session = wire::is_utf8(text) ? std::string(text) : from_latin1(text);
    if (session.size() > kMaxSession || !presentable(session)) return problem;
    request.session = std::move(session);
    return nullptr;
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
    if (const char* const problem = read_session(request); problem != nullptr) return problem;
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

std::string new_answer_seed(const Inbound& request) {
    static const auto kBegun = std::chrono::system_clock::now().time_since_epoch().count();
    static std::atomic<std::uint64_t> answers = 0;
    return request.request_id + '\n' + std::to_string(kBegun) + '\n' + std::to_string(++answers);
}

}  // namespace understudy::proxy
