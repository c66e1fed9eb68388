#include "net/shortage.hpp"

#include <boost/asio/error.hpp>

#include <catch2/catch.hpp>

#include <cerrno>

using namespace understudy::net;

namespace {
error_code system_error(int number) {
    return {number, boost::system::system_category()};
}
}  // namespace

TEST_CASE("What this machine has run out of is told from what an upstream does") {
    for (const int number : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN}) {
        INFO(number);
        CHECK(is_shortage(system_error(number)));
    }
    CHECK(is_shortage(boost::asio::error::no_memory));
    for (const int number : {0, ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, ENETUNREACH,
                             EHOSTUNREACH, EPROTO, EACCES}) {
        INFO(number);
        CHECK_FALSE(is_shortage(system_error(number)));
    }
    CHECK_FALSE(is_shortage(boost::asio::error::eof));
    CHECK_FALSE(is_shortage(boost::asio::error::host_not_found));
}
