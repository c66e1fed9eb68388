#include "mock/http.hpp"

#include "mock/text.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>

namespace understudy::mock {
namespace {

constexpr std::size_t kMaxHead = 256 * 1024;
constexpr std::size_t kMaxBody = 256 * 1024 * 1024;
constexpr std::size_t kMaxFields = 1000;

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view reason_phrase(unsigned status) {
    namespace http = boost::beast::http;
    const auto known = http::int_to_status(status);
    return known == http::status::unknown ? "Error"
                                          : std::string_view(http::obsolete_reason(known));
}

}  // namespace

std::string_view HttpRequest::field(std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& f) { return same_word(f.first, name); });
    return found == fields.end() ? std::string_view() : found->second;
}

void HttpReader::reset() {
    *this = HttpReader();
}

HttpReader::Status HttpReader::fail(const char* problem) {
    problem_ = problem;
    return Status::bad;
}

HttpReader::Status HttpReader::read(std::string_view bytes, HttpRequest& request) {
    // The slices of the head are taken anew each time: the buffer may have moved.
    const Status head = read_head(bytes, request);
    if (head != Status::done) return head;
    if (chunked_) return read_chunks(bytes, request);
    missing_ = head_size_ + length_ - std::min(bytes.size(), head_size_ + length_);
    request.body = bytes.substr(head_size_, length_);
    if (missing_ != 0) return Status::need_more;
    request.size = head_size_ + length_;
    return Status::done;
}

HttpReader::Status HttpReader::read_head(std::string_view bytes, HttpRequest& request) {
    if (head_size_ == 0) {
        const auto end = bytes.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
        scanned_ = bytes.size();
        if (end == std::string_view::npos)
            return bytes.size() > kMaxHead ? fail("the head is too large") : Status::need_more;
        head_size_ = end + 4;
        chunk_at_ = head_size_;
    }
    has_length_ = chunked_ = false;
    length_ = 0;
    request.fields.clear();
    request.keep_alive = true;
    request.expect_continue = false;
    std::string_view left = bytes.substr(0, head_size_ - 2);
    for (bool first = true; !left.empty(); first = false) {
        const auto end = left.find("\r\n");
        const auto line = left.substr(0, end);
        left.remove_prefix(end + 2);
        if (first ? !read_request_line(line, request) : !read_field(line, request))
            return Status::bad;
    }
    if (chunked_ && has_length_) return fail("content-length together with transfer-encoding");
    return Status::done;
}

bool HttpReader::read_request_line(std::string_view line, HttpRequest& request) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    problem_ = "not a request line";
    if (first == std::string_view::npos || first == last || first == 0) return false;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
    request.minor_version = version.back() - '0';
    request.keep_alive = request.minor_version == 1;
    const auto question = request.target.find('?');
    request.path = request.target.substr(0, question);
    request.query = question == std::string_view::npos ? std::string_view()
                                                       : request.target.substr(question + 1);
    problem_ = nullptr;
    return request.target.find(' ') == std::string_view::npos;
}

bool HttpReader::read_field(std::string_view line, HttpRequest& request) {
    const auto colon = line.find(':');
    problem_ = "not a header field";
    if (colon == std::string_view::npos || colon == 0 || request.fields.size() >= kMaxFields)
        return false;
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    request.fields.emplace_back(name, value);
    // Few names matter, and their lengths tell them apart from nearly everything else.
    if (name.size() == 14 && same_word(name, "content-length")) {
        const auto length = parse_number(value, kMaxBody);
        problem_ = "content-length is not a number, repeated, or above 256 MiB";
        if (!length || has_length_) return false;
        length_ = *length;
        has_length_ = true;
    } else if (name.size() == 17 && same_word(name, "transfer-encoding")) {
        problem_ = "a transfer-encoding other than chunked";
        if (!same_word(value, "chunked") || chunked_) return false;
        chunked_ = true;
    } else if (name.size() == 10 && same_word(name, "connection")) {
        if (same_word(value, "close")) request.keep_alive = false;
        if (same_word(value, "keep-alive")) request.keep_alive = true;
    } else if (name.size() == 6 && same_word(name, "expect")) {
        request.expect_continue = same_word(value, "100-continue");
    }
    problem_ = nullptr;
    return true;
}

HttpReader::Status HttpReader::read_chunks(std::string_view bytes, HttpRequest& request) {
    missing_ = 1;
    for (;;) {
        const auto line_end = bytes.find("\r\n", chunk_at_);
        if (line_end == std::string_view::npos) return Status::need_more;
        auto line = bytes.substr(chunk_at_, line_end - chunk_at_);
        line = line.substr(0, line.find(';'));
        std::size_t size = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
        if (error != std::errc{} || end != line.data() + line.size() ||
            request.storage.size() + size > kMaxBody)
            return fail("not a chunk");
        const auto data = line_end + 2;
        if (size == 0) {
            const auto trailer_end = bytes.find("\r\n\r\n", line_end);
            if (trailer_end == std::string_view::npos) return Status::need_more;
            request.body = request.storage;
            request.size = trailer_end + 4;
            missing_ = 0;
            return Status::done;
        }
        if (bytes.size() < data + size + 2) {
            missing_ = data + size + 2 - bytes.size();
            return Status::need_more;
        }
        if (bytes.substr(data + size, 2) != "\r\n") return fail("a chunk without its end");
        request.storage += bytes.substr(data, size);
        chunk_at_ = data + size + 2;
    }
}

HeadWriter::HeadWriter(unsigned status) {
    text_.reserve(512);
    text_ = join({"HTTP/1.1 ", std::to_string(status), " ", reason_phrase(status), "\r\n"});
}

HeadWriter& HeadWriter::field(std::string_view name, std::string_view value) {
    text_ += name;
    text_ += ": ";
    text_ += value;
    text_ += "\r\n";
    return *this;
}

std::string HeadWriter::finish() {
    text_ += "\r\n";
    return std::move(text_);
}

}  // namespace understudy::mock
