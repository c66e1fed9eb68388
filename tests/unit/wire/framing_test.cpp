#include "feed.hpp"
#include "wire/head.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;
using namespace understudy::wire::test;

namespace {

struct Row {
    const char* what;
    const char* fields;  // with CRLF behind each
    HeadError error = HeadError::none;
    BodyKind kind = BodyKind::none;
    std::uint64_t length = 0;
};

// The rows that hold for requests and responses alike.
const std::vector<Row> kCommon{
    {"a length", "Content-Length: 5\r\n", HeadError::none, BodyKind::length, 5},
    {"a length of zero", "Content-Length: 0\r\n", HeadError::none, BodyKind::length, 0},
    {"leading zeros", "Content-Length: 007\r\n", HeadError::none, BodyKind::length, 7},
    {"the longest length", "Content-Length: 9999999999999999999\r\n", HeadError::none,
     BodyKind::length, 9999999999999999999ULL},
    {"chunked", "Transfer-Encoding: chunked\r\n", HeadError::none, BodyKind::chunked},
    {"chunked in any case", "transfer-encoding: \tChunked \r\n", HeadError::none,
     BodyKind::chunked},
    {"CL then TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", HeadError::bad_framing},
    {"TE then CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", HeadError::bad_framing},
    {"TE: gzip then CL", "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
     HeadError::bad_framing},
    {"TE: gzip", "Transfer-Encoding: gzip\r\n", HeadError::unsupported_coding},
    {"TE: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", HeadError::unsupported_coding},
    {"TE: deflate", "Transfer-Encoding: x-gzip,deflate\r\n", HeadError::unsupported_coding},
    {"TE: xchunked", "Transfer-Encoding: xchunked\r\n", HeadError::bad_framing},
    {"TE: identity", "Transfer-Encoding: identity\r\n", HeadError::bad_framing},
    {"TE: chunked, identity", "Transfer-Encoding: chunked, identity\r\n", HeadError::bad_framing},
    {"TE: chunked, gzip", "Transfer-Encoding: chunked, gzip\r\n", HeadError::bad_framing},
    {"TE: chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n", HeadError::bad_framing},
    {"TE: gzip, chunked, chunked", "Transfer-Encoding: gzip, chunked, chunked\r\n",
     HeadError::bad_framing},
    {"TE: chunked with a comma", "Transfer-Encoding: chunked,\r\n", HeadError::bad_framing},
    {"TE with a parameter", "Transfer-Encoding: chunked;a=b\r\n", HeadError::bad_framing},
    {"TE: \"chunked\"", "Transfer-Encoding: \"chunked\"\r\n", HeadError::bad_framing},
    {"TE with a vertical tab", "Transfer-Encoding: \vchunked\r\n", HeadError::bad_syntax},
    {"TE empty", "Transfer-Encoding:\r\n", HeadError::bad_framing},
    {"TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     HeadError::bad_framing},
    {"TE twice, one of them gzip", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
     HeadError::bad_framing},
    {"CL twice, equal", "Content-Length: 2\r\nContent-Length: 2\r\n", HeadError::bad_framing},
    {"CL twice, different", "Content-Length: 2\r\nContent-Length: 3\r\n", HeadError::bad_framing},
    {"CL: 2, 2", "Content-Length: 2, 2\r\n", HeadError::bad_framing},
    {"CL: 2,", "Content-Length: 2,\r\n", HeadError::bad_framing},
    {"CL: +2", "Content-Length: +2\r\n", HeadError::bad_framing},
    {"CL: -2", "Content-Length: -2\r\n", HeadError::bad_framing},
    {"CL: 0x2", "Content-Length: 0x2\r\n", HeadError::bad_framing},
    {"CL: 2 2", "Content-Length: 2 2\r\n", HeadError::bad_framing},
    {"CL: 2.0", "Content-Length: 2.0\r\n", HeadError::bad_framing},
    {"CL empty", "Content-Length:\r\n", HeadError::bad_framing},
    {"CL beyond 64 bits", "Content-Length: 99999999999999999999\r\n", HeadError::bad_framing},
    {"CL of 20 digits", "Content-Length: 00000000000000000002\r\n", HeadError::bad_framing},
};

void check(const Row& row, const Verdict& verdict, const Framing& framing) {
    CHECK(verdict.error == row.error);
    CHECK(verdict.result == (row.error == HeadError::none ? ParseResult::done : ParseResult::bad));
    if (row.error != HeadError::none) return;
    CHECK(framing.kind == row.kind);
    CHECK(framing.length == row.length);
}

void check_request(const Row& row, const std::string& head) {
    INFO(row.what);
    const auto verdict = request(head);
    RequestHead parsed;
    HeadReader reader;
    reader.read_request(head, parsed);
    check(row, verdict, parsed.framing);
}

void check_response(const Row& row, const std::string& head, bool to_head_request = false) {
    INFO(row.what << " in " << head);
    const auto verdict = response(head, to_head_request);
    ResponseHead parsed;
    HeadReader reader;
    reader.read_response(head, to_head_request, parsed);
    check(row, verdict, parsed.framing);
}

bool kept_alive(const std::string& version, const std::string& fields) {
    const ParsedRequest parsed("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n");
    return parsed.head.keep_alive;
}

bool expects(const std::string& version, const std::string& fields) {
    const ParsedRequest parsed("POST / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n");
    return parsed.head.expect_continue;
}

}  // namespace

TEST_CASE("the body of a request is framed without doubt or not at all") {
    for (const auto& row : kCommon) {
        check_request(row, std::string("POST / HTTP/1.1\r\nHost: a\r\n") + row.fields + "\r\n");
    }
    check_request({"nothing declared: no body", ""}, "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    check_request({"TE on HTTP/1.0", "", HeadError::bad_framing},
                  "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    check_request({"CL on HTTP/1.0", "", HeadError::none, BodyKind::length, 3},
                  "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n");
}

TEST_CASE("the body of a response is framed without doubt or not at all") {
    for (const auto& row : kCommon) {
        check_response(row, std::string("HTTP/1.1 200 OK\r\n") + row.fields + "\r\n");
    }
    check_response({"nothing declared: until close", "", HeadError::none, BodyKind::until_close},
                   "HTTP/1.1 200 OK\r\n\r\n");
    check_response({"TE on HTTP/1.0", "", HeadError::bad_framing},
                   "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("answers that have no body have none whatever they declare") {
    const Row none{"no body", ""};
    check_response(none, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
    check_response(none, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true);
    check_response(none, "HTTP/1.1 200 OK\r\n\r\n", true);
    check_response(none, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    check_response(none, "HTTP/1.1 204 No Content\r\n\r\n");
    check_response(none, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
    check_response(none, "HTTP/1.1 100 Continue\r\n\r\n");
    check_response(none, "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n");
    // Bytes in front of the final head could be taken for it.
    check_response({"interim answer with a body", "", HeadError::bad_framing},
                   "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n");
    check_response({"interim answer in chunks", "", HeadError::bad_framing},
                   "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    // Bad framing fields stay bad: the server is not to be trusted with a connection.
    check_response({"CL and TE to HEAD", "", HeadError::bad_framing},
                   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                   true);
}

TEST_CASE("a response leaves its connection reusable only where its end is certain") {
    const auto reusable = [](const std::string& head) {
        const ParsedResponse parsed(head + "\r\n");
        return parsed.head.keep_alive;
    };
    CHECK(reusable("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"));
    CHECK(reusable("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"));
    CHECK(reusable("HTTP/1.1 204 No Content\r\n"));
    CHECK(reusable("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"));
    CHECK_FALSE(reusable("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n"));
    CHECK_FALSE(reusable("HTTP/1.1 200 OK\r\n"));
    CHECK_FALSE(reusable("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"));
    CHECK_FALSE(reusable("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"));
    CHECK_FALSE(reusable("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n"));
}

TEST_CASE("a request keeps its connection as its version and Connection fields say") {
    CHECK(kept_alive("1.1", ""));
    CHECK(kept_alive("1.1", "Connection: x\r\n"));
    CHECK(kept_alive("1.0", "Connection: Keep-Alive\r\n"));
    CHECK_FALSE(kept_alive("1.0", ""));
    CHECK_FALSE(kept_alive("1.0", "Proxy-Connection: keep-alive\r\n"));
    CHECK_FALSE(kept_alive("1.1", "Connection: x, CLOSE\r\n"));
    CHECK_FALSE(kept_alive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    CHECK_FALSE(kept_alive("1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("100-continue is expected only by an HTTP/1.1 request with a body") {
    CHECK(expects("1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n"));
    CHECK(expects("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
    CHECK_FALSE(expects("1.1", "Content-Length: 5\r\n"));
    CHECK_FALSE(expects("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"));
    CHECK_FALSE(expects("1.1", "Expect: 200-maybe\r\nContent-Length: 5\r\n"));
    CHECK_FALSE(expects("1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
}
