#include "wire/sse.hpp"

#include "wire/byte_search.hpp"

#include <cstring>

namespace understudy::wire {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

}  // namespace

/// Steps over what may stand before the first line of an event without being part of it: a BOM, or
/// the second half of the CRLF that ended the event before. False when more bytes must tell.
bool SseScanner::skip_preamble(std::string_view buffer) {
    if (at_stream_start_) {
        if (buffer.size() < kBom.size() && kBom.starts_with(buffer)) return false;
        if (buffer.starts_with(kBom)) scanned_ = line_begin_ = kBom.size();
        at_stream_start_ = false;
    } else if (skip_lf_) {
        if (buffer.empty()) return false;
        if (buffer.front() == '\n') scanned_ = line_begin_ = 1;
        skip_lf_ = false;
    }
    at_event_start_ = false;
    return true;
}

/// At the start of an event: takes it if it is whole and one line of data between bare LFs, as
/// nearly all are. Else nothing has happened but that some bytes have been searched.
bool SseScanner::take_simple(std::string_view buffer, SseEvent& event) {
    constexpr std::string_view field = "data:";
    const std::size_t from = line_begin_ + field.size();
    const char* const begin = buffer.data();
    if (buffer.size() < from || std::memcmp(begin + line_begin_, field.data(), field.size()) != 0) {
        return false;
    }
    const char* const end = begin + buffer.size();
    const char* const stop = detail::find_line_end(begin + from, end, begin);
    scanned_ = static_cast<std::size_t>(stop - begin);
    if (end - stop < 2 || stop[0] != '\n' || stop[1] != '\n') return false;
    const std::size_t value = from + (begin[from] == ' ' ? 1 : 0);
    event.raw = {begin, scanned_ + 2};
    event.data = {begin + value, scanned_ - value};
    event.name = {};
    event.has_data = true;
    scanned_ = line_begin_ = 0;
    at_event_start_ = true;
    return true;
}

bool SseScanner::next(std::string_view buffer, SseEvent& event) {
    if (buffer.empty()) return false;
    if (at_event_start_) {
        if (!skip_preamble(buffer)) return false;
        if (take_simple(buffer, event)) return true;
    }
    const char* const begin = buffer.data();
    const char* const end = begin + buffer.size();
    for (;;) {
        const char* const stop = detail::find_line_end(begin + scanned_, end, begin);
        const auto at = static_cast<std::size_t>(stop - begin);
        scanned_ = at;
        if (stop == end) return false;
        const bool blank = at == line_begin_;
        bool crlf = false;
        if (*stop == '\r') {
            // At the end of the buffer the next byte decides whether this is CRLF. Only a blank
            // line must not wait for it, or a stream with bare CRs would lag one event behind.
            if (stop + 1 == end && (!blank || after_crlf_)) return false;
            crlf = stop + 1 != end && stop[1] == '\n';
        }
        const std::size_t next_line = at + (crlf ? 2 : 1);
        if (blank) {
            skip_lf_ = *stop == '\r' && stop + 1 == end;
            emit(buffer.substr(0, next_line), event);
            return true;
        }
        take_line(buffer, at);
        after_crlf_ = crlf;
        scanned_ = line_begin_ = next_line;
    }
}

bool SseScanner::finish(std::string_view buffer, SseEvent& event) {
    if (buffer.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return false;
    }
    // next() stops short of a last byte only at a CR; no LF will follow it any more.
    const std::size_t end =
        scanned_ < buffer.size() && buffer.back() == '\r' ? buffer.size() - 1 : buffer.size();
    if (line_begin_ < end) take_line(buffer, end);
    emit(buffer, event);
    return true;
}

/// Takes the line that ends before `end`; not a blank one.
void SseScanner::take_line(std::string_view buffer, std::size_t end) {
    const std::string_view line = buffer.substr(line_begin_, end - line_begin_);
    const std::size_t colon = line.find(':');
    if (colon == 0) return;  // a comment
    const std::string_view field = line.substr(0, colon);
    Range value{end, end};
    if (colon != std::string_view::npos) {
        value.begin = line_begin_ + colon + 1;
        if (value.begin != end && buffer[value.begin] == ' ') ++value.begin;
    }
    if (field == "data") {
        take_data(buffer, value);
    } else if (field == "event") {
        name_ = value;
    } else if (field == "error") {
        error_field_ = true;
        take_data(buffer, value);
    }
}

void SseScanner::take_data(std::string_view buffer, Range value) {
    ++data_lines_;
    if (data_lines_ == 1) {
        data_ = value;
        return;
    }
    if (data_lines_ == 2) scratch_.assign(data_.of(buffer));
    scratch_ += '\n';
    scratch_ += value.of(buffer);
}

void SseScanner::emit(std::string_view raw, SseEvent& event) {
    event.raw = raw;
    event.data = data_lines_ > 1 ? std::string_view(scratch_) : data_.of(raw);
    event.name = error_field_ ? std::string_view("error") : name_.of(raw);
    event.has_data = data_lines_ > 0;
    scanned_ = line_begin_ = 0;
    data_ = name_ = {};
    data_lines_ = 0;
    error_field_ = after_crlf_ = false;
    at_event_start_ = true;
}

}  // namespace understudy::wire
