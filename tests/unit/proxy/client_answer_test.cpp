#include "proxy/client_answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace understudy::proxy;
using understudy::net::GatherList;

namespace {

/// A connection that is none.
class Port final : public ClientPort {
  public:
    bool chunked = true;
    bool closes = false;
    std::vector<bool> cuts;  // each with what it asked for: a reset

    bool chunked_allowed() const override { return chunked; }
    std::string_view connection_field() override { return closes ? "connection: close\r\n" : ""; }
    void close_after_answer() override { closes = true; }
    void cut(bool reset) override { cuts.push_back(reset); }
};

std::string text_of(const GatherList& list) {
    std::string text;
    for (std::size_t i = 0; i < list.count(); ++i) {
        const auto& item = list.items()[i];
        text.append(static_cast<const char*>(item.iov_base), item.iov_len);
    }
    return text;
}

/// What the next write is with these pieces of the body.
std::string written(ClientAnswer& answer, std::vector<std::string_view> pieces, bool last) {
    GatherList data;
    GatherList out;
    for (const auto piece : pieces) data.add(piece);
    answer.compose(out, data, last);
    return text_of(out);
}

std::string begun_head() {
    return "HTTP/1.1 200 OK\r\na: b\r\n";
}

}  // namespace

TEST_CASE("A stream is told in chunks, the head with the first and the end with the last") {
    Port port;
    ClientAnswer answer(port);
    auto head = begun_head();
    CHECK_FALSE(answer.begun());
    answer.begin_stream(head);
    CHECK(answer.begun());
    CHECK(written(answer, {"data: 1\n", "\n"}, false) ==
          "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    CHECK(written(answer, {"data: 2\n\n"}, false) == "9\r\ndata: 2\n\n\r\n");
    // Nothing to say is no chunk: that would be the end.
    CHECK(written(answer, {}, false).empty());
    CHECK(written(answer, {"x"}, true) == "1\r\nx\r\n0\r\n\r\n");
    CHECK(port.cuts.empty());
    CHECK_FALSE(port.closes);
}

TEST_CASE("An end with nothing in front of it is an end all the same") {
    Port port;
    ClientAnswer answer(port);
    auto head = begun_head();
    answer.begin_stream(head);
    CHECK(written(answer, {}, false) ==
          "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n");
    CHECK(written(answer, {}, true) == "0\r\n\r\n");
}

TEST_CASE("For a client without chunks the end of the connection is that of the answer") {
    Port port;
    port.chunked = false;
    ClientAnswer answer(port);
    auto head = begun_head();
    answer.begin_stream(head);
    CHECK(port.closes);
    CHECK(written(answer, {"data: 1\n\n"}, false) ==
          "HTTP/1.1 200 OK\r\na: b\r\nconnection: close\r\n\r\ndata: 1\n\n");
    CHECK(written(answer, {"data: 2\n\n"}, true) == "data: 2\n\n");
}

TEST_CASE("A length that is known is promised once, and nothing is added to the body") {
    Port port;
    ClientAnswer answer(port);
    auto head = begun_head();
    answer.begin_sized(head, 5);
    CHECK(written(answer, {"ab"}, false) ==
          "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 5\r\n\r\nab");
    CHECK(written(answer, {"c", "de"}, true) == "cde");
}

TEST_CASE("An answer that is cut cannot be taken for whole, however it is framed") {
    struct Row {
        const char* title;
        bool chunked, sized;
        bool reset;
    };
    for (const Row& row :
         {Row{"chunks lack their last", true, false, false},
          Row{"to the end of the connection: only a reset tells", false, false, true},
          Row{"a length that is not reached", true, true, true}}) {
        INFO(row.title);
        Port port;
        port.chunked = row.chunked;
        ClientAnswer answer(port);
        auto head = begun_head();
        if (row.sized) {
            answer.begin_sized(head, 100);
        } else {
            answer.begin_stream(head);
        }
        written(answer, {}, false);
        CHECK(written(answer, {"x"}, false).find("0\r\n\r\n") == std::string::npos);
        answer.cut();
        CHECK(port.cuts == std::vector<bool>{row.reset});
    }
}
