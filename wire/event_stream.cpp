#include "wire/event_stream.hpp"

#include "wire/octets.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace understudy::wire {
namespace {

constexpr std::size_t kChecksum = 4;
constexpr std::size_t kPrelude = 12;  // two lengths and their checksum
constexpr std::size_t kFrame = kPrelude + kChecksum;

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size = 4) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
        number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
    }
    return number;
}

std::uint32_t checksum(std::string_view bytes) noexcept {
    const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
    return static_cast<std::uint32_t>(crc32_z(0, data, bytes.size()));
}

// Bytes of a header's value by its type; of these two its first two bytes say how many follow.
constexpr std::uint8_t kOwnLength = 0xff;
constexpr std::uint8_t kString = 7;
constexpr std::array<std::uint8_t, 10> kSizes{0,          0,          1, 2,
                                              4,          8,                   // booleans, numbers
                                              kOwnLength, kOwnLength, 8, 16};  // time, UUID

struct Header {
    std::string_view name;
    std::string_view value;
    std::uint8_t type = 0;
};

/// Takes the header at the front; false when it is none.
bool take(std::string_view& rest, Header& header) noexcept {
    const auto name_size = static_cast<unsigned char>(rest[0]);
    if (name_size == 0 || rest.size() < name_size + 2U) return false;
    header.name = rest.substr(1, name_size);
    header.type = static_cast<unsigned char>(rest[name_size + 1U]);
    rest.remove_prefix(name_size + 2U);
    if (header.type >= kSizes.size()) return false;
    std::size_t size = kSizes[header.type];
    if (size == kOwnLength) {
        if (rest.size() < 2) return false;
        size = number_at(rest, 0, 2);
        rest.remove_prefix(2);
    }
    if (rest.size() < size) return false;
    header.value = rest.substr(0, size);
    rest.remove_prefix(size);
    return true;
}

}  // namespace

bool EventStreamScanner::fail(const char* what) noexcept {
    problem_ = what;
    return false;
}

bool EventStreamScanner::lengths(std::string_view buffer) noexcept {
    needed_ = kPrelude;
    if (buffer.size() < kPrelude) return false;
    const std::size_t total = number_at(buffer, 0);
    const std::size_t headers = number_at(buffer, 4);
    if (number_at(buffer, 8) != checksum(buffer.substr(0, 8))) {
        return fail("event stream: a message's lengths do not match their checksum");
    }
    if (headers > kMaxHeaders) return fail("event stream: a message's headers are too long");
    if (total < kFrame + headers) return fail("event stream: a message is shorter than its parts");
    if (total - kFrame - headers > kMaxPayload)
        return fail("event stream: a message's payload is too long");
    needed_ = total;
    return buffer.size() >= total;
}

bool EventStreamScanner::headers(std::string_view headers, EventStreamMessage& message) noexcept {
    bool typed = false;
    while (!headers.empty()) {
        Header header;
        if (!take(headers, header)) return fail("event stream: a message's headers cannot be read");
        if (header.type != kString) continue;  // those that mean something are text
        if (header.name == ":message-type") {
            using Kind = EventStreamMessage::Kind;
            typed = true;
            message.kind = header.value == "event"       ? Kind::event
                           : header.value == "exception" ? Kind::exception
                                                         : Kind::error;
        } else if (header.name == ":event-type" || header.name == ":exception-type" ||
                   header.name == ":error-code") {
            message.type = header.value;
        } else if (header.name == ":error-message") {
            message.error_message = header.value;
        } else if (header.name == ":content-type") {
            message.content_type = header.value;
        }
    }
    return typed || fail("event stream: a message does not say of which kind it is");
}

bool EventStreamScanner::next(std::string_view buffer, EventStreamMessage& message) noexcept {
    if (problem_ != nullptr || !lengths(buffer)) return false;
    const auto raw = buffer.substr(0, needed_);
    const auto checked = raw.size() - kChecksum;
    if (number_at(raw, checked) != checksum(raw.substr(0, checked))) {
        return fail("event stream: a message does not match its checksum");
    }
    message = {};
    message.raw = raw;
    const std::size_t size = number_at(raw, 4);
    if (!headers(raw.substr(kPrelude, size), message)) return false;
    message.payload = raw.substr(kPrelude + size, checked - kPrelude - size);
    return true;
}

namespace {

/// A name is a word; whatever else it were would end the line.
void append_word(std::string& out, std::string_view name) {
    constexpr std::size_t kLongest = 64;
    for (const char c : name.substr(0, kLongest)) {
        if (is(c, kToken)) out += c;
    }
}

/// Inside a JSON string as it stands: what would have to be escaped is said otherwise, for the text
/// must not grow.
void append_plain(std::string& out, std::string_view text) {
    for (const char c : text) {
        out += c == '"' ? '\'' : c == '\\' ? '/' : static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
}

std::string_view behind_space(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

}  // namespace

// What ends a stream says in its headers what it is: that becomes a member of its data.
std::string_view EventStreamText::front_of_failure(const EventStreamMessage& message) {
    front_ = "event: error\ndata: {";
    if (!message.type.empty()) {
        append_word(front_ += "\"__type\":\"", message.type);
        front_ += '"';
    }
    const bool named = front_.ends_with('"');
    auto rest = behind_space(message.payload);
    if (rest.starts_with('{')) {
        rest = behind_space(rest.substr(1));
        if (named && !rest.starts_with('}')) front_ += ',';
        return rest;
    }
    if (!message.error_message.empty()) {
        append_plain(front_ += named ? ",\"message\":\"" : "\"message\":\"", message.error_message);
        front_ += '"';
    }
    front_ += '}';
    return {};
}

std::size_t EventStreamText::put(const EventStreamMessage& message, char* to) {
    constexpr std::string_view kEnd = "\n\n";
    std::string_view data = message.payload;
    if (message.kind == EventStreamMessage::Kind::event) {
        append_word(front_ = "event: ", message.type);
        front_ += data.empty() ? "\ndata: {}" : "\ndata: ";
    } else {
        data = front_of_failure(message);
    }
    // The front is a copy; the data moves towards the front of the message, past its headers.
    char* const at = to + front_.size();
    if (!data.empty()) std::memmove(at, data.data(), data.size());
    std::memcpy(to, front_.data(), front_.size());
    // In JSON a line's end is white space, and nothing else.
    std::replace_if(
        at, at + data.size(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    std::memcpy(at + data.size(), kEnd.data(), kEnd.size());
    return front_.size() + data.size() + kEnd.size();
}

EventStreamText::Step EventStreamText::convert(char* bytes, std::size_t size) {
    Step step;
    EventStreamMessage message;
    while (problem() == nullptr && scanner_.next({bytes + step.used, size - step.used}, message)) {
        const auto length = message.raw.size();
        step.text += put(message, bytes + step.text);
        step.used += length;
    }
    if (scanner_.problem() == nullptr && scanner_.needed() > most_) too_large_ = true;
    return step;
}

}  // namespace understudy::wire
