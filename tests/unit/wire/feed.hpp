// Feeds a head to a HeadReader whole, byte by byte and split at every position, and insists that
// each way gives the same result.
#pragma once

#include "wire/head.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::wire::test {

/// What one reading gave, as text: comparable, and legible when a check fails.
struct Verdict {
    ParseResult result = ParseResult::need_more;
    HeadError error = HeadError::none;
    std::string text;
    bool operator==(const Verdict&) const = default;
};

inline std::string fields_text(const Fields& fields) {
    std::string text;
    for (const auto& field : fields) {
        const auto name = field.name;
        const auto value = field.value;
        text.append(name).append("=").append(value).append("\n");
    }
    return text;
}

inline std::string framing_text(const Framing& framing) {
    return std::to_string(static_cast<int>(framing.kind)) + "/" + std::to_string(framing.length);
}

inline std::string head_text(const RequestHead& head) {
    return std::string(head.method) + " " + std::string(head.target) + " @" +
           std::string(head.host) + " 1." + std::to_string(head.minor_version) + " " +
           framing_text(head.framing) + (head.keep_alive ? " keep" : " close") +
           (head.expect_continue ? " expect " : " ") + std::to_string(head.size) + "\n" +
           fields_text(head.fields);
}

inline std::string head_text(const ResponseHead& head) {
    return std::to_string(head.status) + " " + std::string(head.reason) + " 1." +
           std::to_string(head.minor_version) + " " + framing_text(head.framing) +
           (head.keep_alive ? " keep " : " close ") + std::to_string(head.size) + "\n" +
           fields_text(head.fields);
}

/// Shows the reader one prefix of `bytes` after the other, each in a buffer of its own, as a read
/// buffer that grows would.
template <class Head, class Read>
Verdict read_in_steps(std::string_view bytes, const std::vector<std::size_t>& sizes,
                      HeadLimits limits, Read read) {
    HeadReader reader(limits);
    Head head;
    Verdict verdict;
    for (const auto size : sizes) {
        const std::string buffer(bytes.substr(0, size));
        verdict.result = read(reader, buffer, head);
        verdict.error = reader.error();
        if (verdict.result == ParseResult::done) verdict.text = head_text(head);
        if (verdict.result != ParseResult::need_more) break;
    }
    return verdict;
}

template <class Head, class Read>
Verdict read_every_way(std::string_view bytes, HeadLimits limits, Read read) {
    const auto whole = read_in_steps<Head>(bytes, {bytes.size()}, limits, read);
    std::vector<std::size_t> all;
    bool same = true;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        all.push_back(size);
        same = same && read_in_steps<Head>(bytes, {size, bytes.size()}, limits, read) == whole;
    }
    CHECK(same);
    CHECK(read_in_steps<Head>(bytes, all, limits, read) == whole);
    return whole;
}

inline Verdict request(std::string_view bytes, HeadLimits limits = {}) {
    return read_every_way<RequestHead>(
        bytes, limits, [](HeadReader& reader, std::string_view buffer, RequestHead& head) {
            return reader.read_request(buffer, head);
        });
}

inline Verdict response(std::string_view bytes, bool to_head_request = false,
                        HeadLimits limits = {}) {
    return read_every_way<ResponseHead>(
        bytes, limits,
        [to_head_request](HeadReader& reader, std::string_view buffer, ResponseHead& head) {
            return reader.read_response(buffer, to_head_request, head);
        });
}

/// How many bytes it takes until a bad request is refused.
inline std::size_t bytes_until_refused(std::string_view bytes, bool is_response = false) {
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        HeadReader reader;
        RequestHead request_head;
        ResponseHead response_head;
        const auto result = is_response
                                ? reader.read_response(bytes.substr(0, size), false, response_head)
                                : reader.read_request(bytes.substr(0, size), request_head);
        if (result == ParseResult::bad) return size;
    }
    return std::string_view::npos;
}

/// Parses one valid head from text that stays alive as long as this object.
struct ParsedRequest {
    explicit ParsedRequest(std::string bytes) : text(std::move(bytes)) {
        HeadReader reader;
        REQUIRE(reader.read_request(text, head) == ParseResult::done);
    }
    ParsedRequest(const ParsedRequest&) = delete;
    ParsedRequest& operator=(const ParsedRequest&) = delete;
    std::string text;
    RequestHead head;
};

struct ParsedResponse {
    explicit ParsedResponse(std::string bytes, bool to_head_request = false)
        : text(std::move(bytes)) {
        HeadReader reader;
        REQUIRE(reader.read_response(text, to_head_request, head) == ParseResult::done);
    }
    ParsedResponse(const ParsedResponse&) = delete;
    ParsedResponse& operator=(const ParsedResponse&) = delete;
    std::string text;
    ResponseHead head;
};

}  // namespace understudy::wire::test
