#include "wire/connect_answer.hpp"

#include "wire/octets.hpp"

#include <algorithm>

namespace understudy::wire {

namespace {

using State = ConnectAnswer::State;

constexpr std::size_t kLongestReason = 80;

// What `line` must begin with: any digit where this has a 0.
constexpr std::string_view kStatusLine = "HTTP/1.0 000";

bool may_begin(std::string_view line) {
    const auto n = std::min(line.size(), kStatusLine.size());
    for (std::size_t i = 0; i < n; ++i) {
        const bool good = kStatusLine[i] == '0' ? is(line[i], kDigit) : line[i] == kStatusLine[i];
        if (!good) return false;
    }
    // Behind the status: a space, or the end of the line.
    return line.size() <= n || line[n] == ' ' || line[n] == '\r' || line[n] == '\n';
}

std::string reason_in(std::string_view line) {
    std::string reason;
    for (const char c : trim(line)) {
        if (reason.size() == kLongestReason) break;
        reason += c >= ' ' && c < 0x7f ? c : '?';
    }
    return reason;
}

// One head at the front of `bytes`; `size` without what came before it.
ConnectAnswer read_one(std::string_view bytes) {
    ConnectAnswer answer;
    if (!may_begin(bytes)) {
        answer.state = State::garbage;
        return answer;
    }
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return answer;
    const auto line = bytes.substr(0, bytes.find('\n'));
    if (line.size() <= kStatusLine.size()) {  // the head ends inside of its first line
        answer.state = State::garbage;
        return answer;
    }
    for (const char digit : line.substr(kStatusLine.size() - 3, 3)) {
        answer.status = answer.status * 10 + static_cast<unsigned>(digit - '0');
    }
    const auto behind = line.substr(kStatusLine.size());
    answer.reason = reason_in(behind.substr(0, behind.find('\r')));
    answer.size = end + 4;
    answer.state = answer.status / 100 == 2 ? State::opened : State::refused;
    if (answer.status < 100) answer.state = State::garbage;
    return answer;
}

}  // namespace

ConnectAnswer read_connect_answer(std::string_view bytes) {
    std::size_t before = 0;
    for (;;) {
        auto answer = read_one(bytes.substr(before));
        answer.size += before;
        const bool interim = answer.state == State::refused && answer.status < 200;
        if (answer.state == State::need_more && bytes.size() >= kLongestConnectAnswer) {
            answer.state = State::garbage;
        }
        // No protocol but this one is spoken with the proxy.
        if (answer.status == 101) answer.state = State::garbage;
        if (!interim || answer.status == 101) return answer;
        before = answer.size;
    }
}

}  // namespace understudy::wire
