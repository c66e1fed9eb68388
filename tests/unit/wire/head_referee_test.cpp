// Our head reader against Boost.Beast's parser, over heads that are nearly right in many ways.
#include "tests/support/beast_referee.hpp"
#include "wire/head.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::wire;

namespace {

const std::vector<std::string> kRequests{
    "POST /v1/chat/completions HTTP/1.1\r\nHost: a.example:8080\r\nContent-Length: 12\r\n"
    "Content-Type: application/json\r\nConnection: keep-alive, X-Trace\r\nX-Empty:\r\n"
    "Authorization:\tBearer abc \r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nX-Other: 2\r\nx-twice: 3\r\n\r\n",
    "GET http://a.example/x?y=1 HTTP/1.0\r\nHost: b\r\nTE: trailers\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"};

const std::vector<std::string> kResponses{
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-A: b\r\n\r\n",
    "HTTP/1.0 503 Service  Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\r\n",
    "HTTP/1.1 204 \r\nX-Request-Id:  id-1\t\r\nTransfer-Encoding: chunked\r\n\r\n"};

// Octets that separate, end or are mistaken for something.
constexpr std::string_view kOctets("\0\t\n\v\r !#,:;/0aZ~\x7f\x80\xff", 19);

struct Seen {
    int accepted = 0;
    int refused = 0;
};

void judge_request(const std::string& text, Seen& seen) {
    HeadReader reader;
    RequestHead head;
    if (reader.read_request(text, head) != ParseResult::done) {
        ++seen.refused;
        return;
    }
    ++seen.accepted;
    const auto begin = static_cast<std::size_t>(head.method.data() - text.data());
    const auto exact = std::string_view(text).substr(begin, head.size - begin);
    const auto problem = test::disagreement<true>(exact, head.fields);
    if (!problem.empty()) FAIL_CHECK(problem << " in " << Catch::Detail::stringify(text));
}

void judge_response(const std::string& text, Seen& seen) {
    HeadReader reader;
    ResponseHead head;
    if (reader.read_response(text, false, head) != ParseResult::done) {
        ++seen.refused;
        return;
    }
    ++seen.accepted;
    if (test::has_short_status_line(text)) return;
    const auto exact = std::string_view(text).substr(0, head.size);
    const auto problem = test::disagreement<false>(exact, head.fields);
    if (!problem.empty()) FAIL_CHECK(problem << " in " << Catch::Detail::stringify(text));
}

template <class Judge>
Seen mutate(const std::vector<std::string>& heads, Judge judge) {
    Seen seen;
    for (const auto& head : heads) {
        judge(head, seen);
        for (std::size_t at = 0; at < head.size(); ++at) {
            judge(head.substr(0, at) + head.substr(at + 1), seen);
            for (const char octet : kOctets) {
                std::string changed = head;
                changed[at] = octet;
                judge(changed, seen);
                judge(head.substr(0, at) + octet + head.substr(at), seen);
            }
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("Beast sees in every request head we accept what we see") {
    const auto seen = mutate(kRequests, judge_request);
    CHECK(seen.accepted > 1000);
    CHECK(seen.refused > 1000);
}

TEST_CASE("Beast sees in every answer head we accept what we see") {
    const auto seen = mutate(kResponses, judge_response);
    CHECK(seen.accepted > 1000);
    CHECK(seen.refused > 1000);
}

TEST_CASE("Names are known in any case, and nothing else is taken for them") {
    CHECK(identify("Content-Length") == FieldId::content_length);
    CHECK(identify("CONTENT-LENGTH") == FieldId::content_length);
    CHECK(identify("te") == FieldId::te);
    CHECK(identify("X-Understudy-") == FieldId::x_understudy);
    CHECK(identify("x-understudy-anything-at-all") == FieldId::x_understudy);
    for (const char* name : {"", "x", "content-lengt", "content-length2", "content_length", "hos",
                             "x-understudy", "y-understudy-chain"}) {
        INFO(name);
        CHECK(identify(name) == FieldId::other);
    }
}

TEST_CASE("A head that was read is read again where its buffer has moved to") {
    HeadReader reader;
    RequestHead head;
    const std::string here = kRequests.front();
    REQUIRE(reader.read_request(here, head) == ParseResult::done);
    const std::string there = here + "body";
    REQUIRE(reader.read_request(there, head) == ParseResult::done);
    CHECK(head.method.data() == there.data());
    CHECK(head.fields.find(FieldId::host) == "a.example:8080");
    CHECK(head.fields.find(FieldId::authorization) == "Bearer abc");
    CHECK(head.fields.begin()->line() == "Host: a.example:8080\r\n");
    CHECK(head.size == here.size());
    reader.reset();
    REQUIRE(reader.read_request(kRequests.back(), head) == ParseResult::done);
    CHECK(head.fields.find(FieldId::authorization).data() == nullptr);
    CHECK(head.expect_continue);
}
