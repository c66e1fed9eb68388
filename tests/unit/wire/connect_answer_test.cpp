#include "wire/connect_answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;
using State = ConnectAnswer::State;

namespace {

struct Row {
    std::string text;
    State state;
    unsigned status = 0;
    std::string reason;
    std::size_t behind = 0;  // bytes of `text` that are not the answer's
};

}  // namespace

TEST_CASE("What a proxy says to CONNECT is known as soon as its head is there, and no sooner") {
    const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";
    const std::vector<Row> rows{
        {established, State::opened, 200, "Connection established"},
        {"HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n", State::opened, 200, "OK"},
        {"HTTP/1.1 200\r\n\r\n", State::opened, 200, ""},
        {"HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", State::opened, 204, ""},
        {"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nabc", State::opened, 200, "x", 3},
        {established + established, State::opened, 200, "Connection established",
         established.size()},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 H\r\nLink: x\r\n\r\n" + established,
         State::opened, 200, "Connection established"},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n<html>",
         State::refused, 407, "Proxy Authentication Required", 6},
        {"HTTP/1.1 502 Bad Gateway\r\n\r\n", State::refused, 502, "Bad Gateway"},
        {"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", State::refused, 302, "Found"},
        {"HTTP/1.1 503 caf\xc3\xa9 \x1b[31m\r\n\r\n", State::refused, 503, "caf?? ?[31m"},
        {"HTTP/1.1 503 " + std::string(200, 'a') + "\r\n\r\n", State::refused, 503,
         std::string(80, 'a')},
    };
    for (const auto& row : rows) {
        INFO(row.text);
        const auto got = read_connect_answer(row.text);
        CHECK(got.state == row.state);
        CHECK(got.status == row.status);
        CHECK(got.reason == row.reason);
        CHECK(row.text.size() - got.size == row.behind);
        for (std::size_t size = 0; size < got.size; ++size) {
            CHECK(read_connect_answer(std::string_view(row.text).substr(0, size)).state ==
                  State::need_more);
        }
    }
}

TEST_CASE("What is no answer is told at once") {
    for (const std::string text :
         {"S", "HTTP/2", "HTTP/1.1x", "HTTP/1.1 2x", "HTTP/1.1 2000 ", "http/1.1 200 OK",
          " HTTP/1.1", "\r\n", "SSH-2.0-OpenSSH", "\x16\x03\x01",
          "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 000 x\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nx", "\x05"}) {
        INFO(text);
        CHECK(read_connect_answer(text).state == State::garbage);
    }
    const auto endless = "HTTP/1.1 200 OK\r\n" + std::string(kLongestConnectAnswer, 'a');
    CHECK(read_connect_answer(endless).state == State::garbage);
    CHECK(read_connect_answer(endless.substr(0, 1000)).state == State::need_more);
    std::string interim;
    while (interim.size() < kLongestConnectAnswer) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    CHECK(read_connect_answer(interim).state == State::garbage);
}
