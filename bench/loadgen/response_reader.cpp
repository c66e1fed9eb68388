#include "loadgen/response_reader.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace understudy::bench {
namespace {

constexpr std::size_t kLineBytesMax = 16 << 10;
constexpr std::uint64_t kChunkCrlf = 2;

bool field_is(std::string_view line, std::string_view name) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view value_of(std::string_view line, std::size_t name_size) {
    line.remove_prefix(name_size + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    return line;
}

}  // namespace

void ResponseReader::reset() {
    state_ = State::head;
    status_ = 0;
    chunked_ = closes_ = has_length_ = false;
    left_ = 0;
    line_.clear();
}

bool ResponseReader::take_line(std::string_view& bytes) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
        line_ += bytes;
        bytes = {};
        if (line_.size() > kLineBytesMax) state_ = State::bad;
        return false;
    }
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    return true;
}

std::string_view ResponseReader::next(std::string_view& bytes) {
    while (!bytes.empty()) {
        switch (state_) {
            case State::head:
                read_head(bytes);
                break;
            case State::chunk_size:
                read_chunk_size(bytes);
                break;
            case State::trailer:
                read_trailer(bytes);
                break;
            case State::length_body:
            case State::chunk_data:
                if (const auto span = take_body(bytes); !span.empty()) return span;
                break;
            case State::done:
            case State::bad:
                return {};
        }
    }
    return {};
}

void ResponseReader::read_head(std::string_view& bytes) {
    if (!take_line(bytes)) return;
    if (line_.empty() && status_ != 0) {
        after_head();
    } else {
        read_head_line();
    }
    line_.clear();
}

void ResponseReader::read_head_line() {
    const std::string_view line = line_;
    if (status_ == 0) {
        if (!line.starts_with("HTTP/1.") || line.size() < 12)
            state_ = State::bad;
        else
            std::from_chars(line.data() + 9, line.data() + 12, status_);
    } else if (field_is(line, "content-length")) {
        const auto value = value_of(line, 14);
        std::from_chars(value.data(), value.data() + value.size(), left_);
        has_length_ = true;
    } else if (field_is(line, "transfer-encoding")) {
        chunked_ = value_of(line, 17) == "chunked";
    } else if (field_is(line, "connection")) {
        closes_ = strncasecmp(value_of(line, 10).data(), "close", 5) == 0;
    }
}

void ResponseReader::after_head() {
    if (status_ == 100) return reset();
    if (chunked_)
        state_ = State::chunk_size;
    else if (!has_length_)
        state_ = State::bad;
    else
        state_ = left_ == 0 ? State::done : State::length_body;
}

void ResponseReader::read_chunk_size(std::string_view& bytes) {
    if (!take_line(bytes)) return;
    std::uint64_t size = 0;
    const auto parsed = std::from_chars(line_.data(), line_.data() + line_.size(), size, 16);
    if (parsed.ec != std::errc{})
        state_ = State::bad;
    else if (size == 0)
        state_ = State::trailer;
    else
        state_ = State::chunk_data;
    left_ = size + kChunkCrlf;
    line_.clear();
}

void ResponseReader::read_trailer(std::string_view& bytes) {
    if (!take_line(bytes)) return;
    if (line_.empty()) state_ = State::done;
    line_.clear();
}

std::string_view ResponseReader::take_body(std::string_view& bytes) {
    const bool chunk = state_ == State::chunk_data;
    const auto payload = chunk ? left_ - std::min(left_, kChunkCrlf) : left_;
    const auto span = bytes.substr(0, std::min<std::uint64_t>(payload, bytes.size()));
    bytes.remove_prefix(span.size());
    left_ -= span.size();
    if (chunk && left_ <= kChunkCrlf) {
        const auto crlf = std::min<std::uint64_t>(left_, bytes.size());
        bytes.remove_prefix(crlf);
        left_ -= crlf;
    }
    if (left_ == 0) state_ = chunk ? State::chunk_size : State::done;
    return span;
}

}  // namespace understudy::bench
