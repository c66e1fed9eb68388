#include "net/socket.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace understudy::net;

namespace {

std::string text_of(GatherList& list) {
    std::string text;
    for (std::size_t i = 0; i < list.count(); ++i) {
        const auto& item = list.items()[i];
        text.append(static_cast<const char*>(item.iov_base), item.iov_len);
    }
    return text;
}

}  // namespace

TEST_CASE("A gather list is its slices in order, empty ones left out") {
    GatherList list;
    CHECK(list.empty());
    CHECK(list.count() == 0);
    list.add("");
    list.add("one");
    list.add("");
    list.add("two");
    CHECK(list.bytes() == 6);
    CHECK(list.count() == 2);
    CHECK(text_of(list) == "onetwo");
    list.clear();
    CHECK(list.empty());
    CHECK(list.count() == 0);
}

TEST_CASE("Advancing ends anywhere, also in steps and exactly between two slices") {
    const std::string whole = "onethreefoursix";
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = 0; first + second <= whole.size(); ++second) {
            GatherList list;
            for (const char* part : {"one", "three", "four", "", "six"}) list.add(part);
            list.advance(first);
            list.advance(second);
            REQUIRE(text_of(list) == whole.substr(first + second));
            REQUIRE(list.bytes() == whole.size() - first - second);
            REQUIRE(list.empty() == (first + second == whole.size()));
            if (list.empty()) REQUIRE(list.count() == 0);
        }
    }
}

TEST_CASE("A list can be filled again, and be put behind another") {
    GatherList list;
    list.add("gone");
    list.advance(4);
    list.clear();
    list.add("head ");
    GatherList body;
    body.add("a");
    body.add("b");
    list.add(body);
    list.add(GatherList());
    list.add(" end");
    CHECK(text_of(list) == "head ab end");
    CHECK(list.bytes() == 11);
    CHECK(body.bytes() == 2);
    list.advance(6);
    CHECK(text_of(list) == "b end");
    list.add("!");
    CHECK(text_of(list) == "b end!");
}

TEST_CASE("The front of a list ends after so many bytes, or slices, in the middle of one too") {
    GatherList list;
    for (const char* part : {"one", "three", "four"}) list.add(part);
    for (std::size_t room = 0; room <= 13; ++room) {
        for (std::size_t most = 0; most <= 4; ++most) {
            std::vector<iovec> out(most);
            std::string text;
            const auto n = list.front(out, room);
            REQUIRE(n <= most);
            for (std::size_t i = 0; i < n; ++i) {
                REQUIRE(out[i].iov_len > 0);
                text.append(static_cast<const char*>(out[i].iov_base), out[i].iov_len);
            }
            const std::size_t whole[] = {0, 3, 8, 12, 12};
            REQUIRE(text == std::string("onethreefour").substr(0, std::min(room, whole[most])));
        }
    }
    CHECK(list.bytes() == 12);
}

TEST_CASE("Errors read as part of a sentence") {
    CHECK(describe(boost::asio::error::eof) == "connection closed");
    CHECK(describe(boost::asio::error::connection_refused) == "connection refused");
    CHECK(describe(boost::asio::error::connection_reset) == "connection reset by peer");
    CHECK_FALSE(describe(error_code()).empty());
}
