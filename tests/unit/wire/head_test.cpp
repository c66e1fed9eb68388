#include "wire/head.hpp"

#include "feed.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;
using namespace understudy::wire::test;
using namespace std::string_literals;

namespace {

struct Refused {
    const char* what;
    std::string bytes;
    HeadError error = HeadError::bad_syntax;
};

std::string with_field(const std::string& line) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n";
}

}  // namespace

TEST_CASE("a request head is read into slices of its buffer") {
    const ParsedRequest parsed(
        "POST /v1/chat/completions?x=1 HTTP/1.1\r\n"
        "Host: api.example.com:8080\r\nContent-Type:application/json\r\n"
        "X-Empty:\r\nX-Blank: \t \r\nX-Spaced: \t a b \t\r\nContent-Length: 12\r\n\r\nbody");
    const auto& head = parsed.head;
    CHECK(head.method == "POST");
    CHECK(head.target == "/v1/chat/completions?x=1");
    CHECK(head.host == "api.example.com:8080");
    CHECK(head.minor_version == 1);
    CHECK(head.size == parsed.text.size() - 4);
    CHECK(head.fields.size() == 6);
    CHECK(head.fields.find("content-type") == "application/json");
    CHECK(head.fields.find("X-SPACED") == "a b");
    CHECK(head.fields.find("x-empty").empty());
    CHECK(head.fields.contains("x-blank"));
    const auto inside = [&](std::string_view slice) {
        return slice.data() >= parsed.text.data() &&
               slice.data() + slice.size() <= parsed.text.data() + parsed.text.size();
    };
    CHECK(inside(head.target));
    for (const auto& field : head.fields) CHECK((inside(field.name) && inside(field.value)));
}

TEST_CASE("valid requests give the same head however their bytes arrive") {
    CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text ==
          "GET / @a 1.1 0/0 keep 27\nHost=a\n");
    CHECK(request("GET / HTTP/1.0\r\n\r\n").text == "GET / @ 1.0 0/0 close 18\n");
    CHECK(request("\r\n\r\nGET / HTTP/1.0\r\n\r\nGET").text == "GET / @ 1.0 0/0 close 22\n");
    CHECK(request("GET http://h:80/p?q HTTP/1.1\r\nHost: other\r\n\r\n").text ==
          "GET /p?q @h:80 1.1 0/0 keep 45\nHost=other\n");
    CHECK(request("GET HTTPS://[::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n").text ==
          "GET / @[::1]:443 1.1 0/0 keep 43\nHost=a\n");
    CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff\ty\r\n\r\n").result ==
          ParseResult::done);
    CHECK(request("M-SEARCH //a/../%2e;x=@[]{}|\\^\"<>` HTTP/1.1\r\nHost: a_b.c\r\n\r\n").result ==
          ParseResult::done);
}

TEST_CASE("a request that is not strictly valid is refused however its bytes arrive") {
    const std::vector<Refused> table{
        {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
        {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
        {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
        {"bare LF in front", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"bare CR in front", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"bare CR in a value", with_field("X: a\rb")},
        {"two CRs at a line end", with_field("X: a\r")},
        {"bare CR in place of the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX"},
        {"NUL in a value", with_field("X: a\0b"s)},
        {"NUL in a name", with_field("X\0: b"s)},
        {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"control character in a value", with_field("X: a\x01")},
        {"DEL in a value", with_field("X: a\x7f")},
        {"obs-fold with a space", with_field("X: a\r\n b")},
        {"obs-fold with a tab", with_field("X: a\r\n\tb")},
        {"obs-fold behind an empty value", with_field("X:\r\n b")},
        {"white space in front of the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
        {"space before the colon", with_field("X : a")},
        {"tab before the colon", with_field("X\t: a")},
        {"space in a name", with_field("X Y: a")},
        {"no colon", with_field("X")},
        {"empty name", with_field(": a")},
        {"8-bit name", with_field("X\xe4: a")},
        {"separator in a name", with_field("X(: a")},
        {"empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"control character in the method", "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"tab in place of the space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
        {"HTTP/0.9 request", "GET /\r\n"},
        {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
        {"version without a dot", "GET / HTTP/11\r\nHost: a\r\n\r\n"},
        {"minor version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
        {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HeadError::bad_version},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HeadError::bad_version},
        {"HTTP/0.9 spelt out", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", HeadError::bad_version},
        {"TLS ClientHello", "\x16\x03\x01\x02"},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::bad_target},
        {"PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", HeadError::bad_target},
        {"PROXY version 2", "\r\n\r\n\0\r\nQUIT\n"s},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"authority-form", "GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"8-bit target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"userinfo", "GET http://u:p@h/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"other scheme", "GET ftp://h/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"almost http", "GET httpx://h/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"no authority", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::bad_target},
        {"authority and query without a path", "GET http://h?q HTTP/1.1\r\nHost: a\r\n\r\n",
         HeadError::bad_target},
        {"no Host on 1.1", "GET / HTTP/1.1\r\n\r\n", HeadError::bad_host},
        {"two Hosts", with_field("Host: a"), HeadError::bad_host},
        {"two Hosts on 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", HeadError::bad_host},
        {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HeadError::bad_host},
        {"list of Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", HeadError::bad_host},
        {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HeadError::bad_host},
        {"Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HeadError::bad_host},
        {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HeadError::bad_host},
        {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", HeadError::bad_host},
        {"Host with a port too high", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
         HeadError::bad_host},
        {"Host of a dot", "GET / HTTP/1.1\r\nHost: .\r\n\r\n", HeadError::bad_host},
        {"Host of a dot and a port", "GET / HTTP/1.1\r\nHost: .:80\r\n\r\n", HeadError::bad_host},
        {"Host with an empty label", "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", HeadError::bad_host},
        {"Host that begins with a dot", "GET / HTTP/1.1\r\nHost: .a\r\n\r\n", HeadError::bad_host},
        {"Host that ends in two dots", "GET / HTTP/1.1\r\nHost: a..\r\n\r\n", HeadError::bad_host},
        {"target of a host with an empty label", "GET http://a..b/ HTTP/1.1\r\nHost: a\r\n\r\n",
         HeadError::bad_target},
        {"Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", HeadError::bad_host},
        {"absolute-form does not excuse a missing Host", "GET http://h/ HTTP/1.1\r\n\r\n",
         HeadError::bad_host},
    };
    for (const auto& row : table) {
        INFO(row.what);
        const auto verdict = request(row.bytes);
        CHECK(verdict.result == ParseResult::bad);
        CHECK(describe(verdict.error) == describe(row.error));
    }
}

TEST_CASE("a name that is a framing field's but for underscores is refused") {
    for (const char* name :
         {"Content_Length", "content_length", "Transfer_Encoding", "TRANSFER_ENCODING",
          "Keep_Alive", "Proxy_Connection", "Proxy_Authorization", "Proxy-_Connection"}) {
        INFO(name);
        const bool alike = std::string_view(name) != "Proxy-_Connection";
        const auto asked = request(with_field(name + std::string(": 3")));
        CHECK((asked.result == ParseResult::bad) == alike);
        if (alike) CHECK(asked.error == HeadError::bad_framing);
        const auto told = response("HTTP/1.1 200 OK\r\n" + std::string(name) + ": 3\r\n\r\n");
        CHECK((told.result == ParseResult::bad) == alike);
    }
    for (const char* name : {"X_Content_Length", "content_lengths", "user_id", "_", "x_api_key",
                             "a_name_that_is_longer_than_any_field_we_know"}) {
        INFO(name);
        CHECK(request(with_field(name + std::string(": 3"))).result == ParseResult::done);
    }
}

TEST_CASE("the method of a request is known although the rest of its head is refused") {
    for (const char* head :
         {"HEAD / HTTP/1.1\r\nA : b\r\n", "HEAD /#x HTTP/1.1\r\n", "HEAD / HTTP/9.9\r\n",
          "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
        INFO(head);
        RequestHead parsed;
        HeadReader reader;
        CHECK(reader.read_request(head, parsed) == ParseResult::bad);
        CHECK(reader.method(head) == "HEAD");
        reader.reset();
        CHECK(reader.method("").empty());
    }
}

TEST_CASE("a response that is not strictly valid is refused however its bytes arrive") {
    const std::vector<Refused> table{
        {"HTTP/0.9 body", "<html>"},
        {"SMTP greeting", "220 mail.example.com ESMTP\r\n"},
        {"ICY", "ICY 200 OK\r\n\r\n"},
        {"empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
        {"HTTP/2 frame", "\0\0\x12\x04"s},
        {"HTTP/2.0 status line", "HTTP/2.0 200 OK\r\n\r\n", HeadError::bad_version},
        {"HTTP/1.3", "HTTP/1.3 200 OK\r\n\r\n", HeadError::bad_version},
        {"two digits of status", "HTTP/1.1 20\r\n\r\n"},
        {"four digits of status", "HTTP/1.1 2000 OK\r\n\r\n"},
        {"status below 100", "HTTP/1.1 099 OK\r\n\r\n"},
        {"letters for a status", "HTTP/1.1 abc\r\n\r\n"},
        {"two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"},
        {"NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"s},
        {"bare LF after the status line", "HTTP/1.1 200 OK\nA: b\r\n\r\n"},
        {"bare LF after the status code", "HTTP/1.1 200\nA: b\r\n\r\n"},
        {"bare CR in a value", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"},
        {"NUL in a value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"s},
        {"obs-fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"},
        {"space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"},
        {"101 unasked", "HTTP/1.1 101 Switching\r\n\r\n", HeadError::unexpected_upgrade},
    };
    for (const auto& row : table) {
        INFO(row.what);
        const auto verdict = response(row.bytes);
        CHECK(verdict.result == ParseResult::bad);
        CHECK(describe(verdict.error) == describe(row.error));
    }
}

TEST_CASE("harmless oddities of servers are accepted in responses") {
    CHECK(response("HTTP/1.1 204\r\n\r\n").text == "204  1.1 0/0 keep 16\n");
    CHECK(response("HTTP/1.0 200\r\nA: b\r\n\r\n").text == "200  1.0 3/0 close 22\nA=b\n");
    CHECK(response("HTTP/1.1 204 \r\n\r\n").text == "204  1.1 0/0 keep 17\n");
    CHECK(response("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n").result == ParseResult::done);
    CHECK(response("HTTP/1.1 204 \xe4\t!\r\nA: \xff\r\n\r\n").text ==
          "204 \xe4\t! 1.1 0/0 keep 26\nA=\xff\n");
}

TEST_CASE("bytes that can never become valid are refused at once") {
    CHECK(bytes_until_refused("\x16\x03\x01") == 1);
    CHECK(bytes_until_refused("GET / HTTP/1.1\n") == 15);
    CHECK(bytes_until_refused("PRI * HTTP/2.0\r\n") == 5);
    CHECK(bytes_until_refused("GET ftp://") == 5);
    CHECK(bytes_until_refused("GET htp://") == 7);
    CHECK(bytes_until_refused("GET /#") == 6);
    CHECK(bytes_until_refused("GET / HTTP/2") == 12);
    CHECK(bytes_until_refused("GET / HTTP/1.1\r\nHost : a") == 21);
    CHECK(bytes_until_refused("GET / HTTP/1.1\r\n\t") == 17);
    CHECK(bytes_until_refused("<html>", true) == 1);
    CHECK(bytes_until_refused("HTTP/1.1 2x", true) == 11);
    CHECK(bytes_until_refused("HTTP/1.1 200 OK\r\nA: b\r\n c", true) == 24);
}

TEST_CASE("limits end a head without waiting for the rest of it") {
    const HeadLimits limits{64, 3};
    const auto fits = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n"s;
    CHECK(request(fits, limits).result == ParseResult::done);
    CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE", limits).error ==
          HeadError::too_many_fields);
    CHECK(request(fits, {fits.size(), 3}).result == ParseResult::done);
    CHECK(request(fits, {fits.size() - 1, 3}).error == HeadError::too_large);
    CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(64, 'x'), limits).error ==
          HeadError::too_large);
    CHECK(request("GET /" + std::string(64, 'x'), limits).error == HeadError::target_too_long);
    CHECK(request(std::string(64, '\r') + "\n", limits).error == HeadError::bad_syntax);
    std::string empty_lines;
    for (int i = 0; i < 40; ++i) empty_lines += "\r\n";
    CHECK(request(empty_lines, limits).result == ParseResult::bad);
    CHECK(response("HTTP/1.1 200 " + std::string(64, 'x'), false, limits).error ==
          HeadError::too_large);
    CHECK(response("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA", false, limits).error ==
          HeadError::too_many_fields);
}

TEST_CASE("a reader stays refused until it is reset, and rereads a buffer that moved") {
    HeadReader reader;
    RequestHead head;
    CHECK(reader.read_request("\n", head) == ParseResult::bad);
    CHECK(reader.read_request("GET / HTTP/1.0\r\n\r\n", head) == ParseResult::bad);
    reader.reset();
    CHECK(reader.error() == HeadError::none);
    const auto first = "GET /a HTTP/1.0\r\n\r\n"s;
    CHECK(reader.read_request(first, head) == ParseResult::done);
    const auto moved = first;
    CHECK(reader.read_request(moved, head) == ParseResult::done);
    CHECK(head.method.data() == moved.data());
    reader.reset();
    CHECK(reader.read_request("", head) == ParseResult::need_more);
}

TEST_CASE("fields are found by name in any case, the first one first") {
    Fields fields;
    fields.add("X-A", "1");
    fields.add("x-b", "2");
    fields.add("x-a", "3");
    CHECK(fields.find("x-A") == "1");
    CHECK(fields.count("X-a") == 2);
    CHECK(fields.find("x-c").data() == nullptr);
    CHECK_FALSE(fields.contains("x-"));
    CHECK_FALSE(fields.contains(""));
    // '@' and '`' differ only in the bit that changes the case of letters.
    CHECK_FALSE(iequals("@", "`"));
    CHECK(iequals("Z-a", "z-A"));
}

TEST_CASE("hop-by-hop fields are known in any case and by no part of their name") {
    for (const auto* name :
         {"Connection", "keep-alive", "PROXY-connection", "Proxy-Authenticate",
          "proxy-authorization", "te", "Trailer", "transfer-encoding", "Upgrade"}) {
        INFO(name);
        CHECK(is_hop_by_hop(name));
    }
    for (const auto* name : {"", "t", "trailers", "host", "content-length", "connectiom"}) {
        INFO(name);
        CHECK_FALSE(is_hop_by_hop(name));
    }
}

TEST_CASE("Connection names fields to drop, but never those that carry meaning") {
    Fields fields;
    fields.add("Connection", "close, X-Trace ,,");
    fields.add("connection", "Authorization, Content-Length, host");
    CHECK(named_by_connection(fields, "x-trace"));
    CHECK(named_by_connection(fields, "CLOSE"));
    CHECK_FALSE(named_by_connection(fields, "x-trac"));
    CHECK_FALSE(named_by_connection(fields, "authorization"));
    CHECK_FALSE(named_by_connection(fields, "Content-Length"));
    CHECK_FALSE(named_by_connection(fields, "Host"));
    CHECK_FALSE(named_by_connection(Fields{}, "x-trace"));
}

TEST_CASE("each head error has a text and a status") {
    CHECK(status_for(HeadError::bad_syntax) == 400);
    CHECK(status_for(HeadError::bad_framing) == 400);
    CHECK(status_for(HeadError::bad_host) == 400);
    CHECK(status_for(HeadError::bad_target) == 400);
    CHECK(status_for(HeadError::target_too_long) == 414);
    CHECK(status_for(HeadError::too_large) == 431);
    CHECK(status_for(HeadError::too_many_fields) == 431);
    CHECK(status_for(HeadError::unsupported_coding) == 501);
    CHECK(status_for(HeadError::bad_version) == 505);
    for (int e = 0; e <= static_cast<int>(HeadError::target_too_long); ++e) {
        CHECK(describe(static_cast<HeadError>(e)) != "unknown error");
    }
}
