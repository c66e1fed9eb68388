#include "net/stream.hpp"

#include "tests/unit/net/support.hpp"
#include "tests/unit/net/tls_support.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <array>
#include <string>
#include <vector>

using namespace understudy::net;
using namespace understudy::net::test;
using namespace std::chrono_literals;
using SendState = Stream::SendState;

namespace {

/// A stream of ours with TLS, connected to a TlsServer by a real socket; once with a place for what
/// will come, and once waiting without.
struct Link {
    /// `buffer`: of the sockets, 0 for what the system gives.
    explicit Link(int buffer = 0) : theirs(connect(buffer)) {
        ours->start_tls(std::make_unique<TlsEngine>(context, "api.example", nullptr, bench.budget));
        auto status = ours->handshake_step();
        REQUIRE(bench.until([&] {
            pump();
            if (status == TlsEngine::Status::want_read && !ours->read_armed()) {
                status = ours->handshake_step();
            }
            return status != TlsEngine::Status::want_read;
        }));
        REQUIRE(status == TlsEngine::Status::ok);
        pump();
        read_on();
    }
    ~Link() {
        ours->close();
        bench.run_for(1ms);
    }

    Server::Accepted connect(int buffer) {
        Socket socket(bench.io);
        socket.open(asio::ip::tcp::v4());
        if (buffer != 0) socket.set_option(asio::socket_base::send_buffer_size(buffer));
        socket.connect({asio::ip::address_v4::loopback(), listener.port()});
        tune(socket);
        ours = new Stream(std::move(socket), bench.budget);
        auto accepted = listener.accept();
        if (buffer != 0) accepted.set_option(asio::socket_base::receive_buffer_size(buffer));
        accepted.non_blocking(true);
        return accepted;
    }
    /// Takes what we sent to the server, and what the server has to say to us.
    void pump() {
        std::array<char, 8192> bytes;
        error_code ec;
        while (const auto n = theirs.read_some(asio::buffer(bytes), ec)) {
            server.take({bytes.data(), n});
        }
        deliver(server.give());
    }
    void deliver(std::string_view bytes) { asio::write(theirs, asio::buffer(bytes)); }
    void read_on() {
        if ((lends && ours->in.lend()) || ours->in.ensure_free(kReadBuffer)) ours->arm_read();
    }
    /// Reads until `size` bytes of payload are there.
    bool reads(std::size_t size) {
        return bench.until([&] {
            if (!ours->read_armed()) read_on();
            return ours->in.size() >= size;
        });
    }
    /// Sends all of `slices` as a session does, with a server that reads only when we are blocked.
    std::size_t send(const std::vector<std::string>& slices) {
        GatherList list;
        for (const auto& slice : slices) list.add(slice);
        std::size_t blocked = 0;
        auto state = ours->send(list);
        while (state == SendState::blocked) {
            ++blocked;
            pump();
            ours->arm_write();
            REQUIRE(bench.until([&] { return ours->writable(); }));
            state = ours->send(list);
        }
        REQUIRE(state == SendState::done);
        CHECK(list.empty());
        return blocked;
    }
    /// What the server got, until it is `size` bytes.
    std::string heard(std::size_t size) {
        std::string text;
        bench.until([&] {
            pump();
            text += server.hear();
            return text.size() >= size;
        });
        return text;
    }

    const bool lends = GENERATE(false, true);
    Bench bench;
    Server listener;
    TlsContext context{trusting(authority())};
    TlsServer server{authority()};
    Stream::Ptr ours;
    Server::Accepted theirs;
};

std::string text_of(std::size_t size, int salt) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + static_cast<std::size_t>(salt)) % 26);
    }
    return text;
}

std::string joined(const std::vector<std::string>& slices) {
    std::string all;
    for (const auto& slice : slices) all += slice;
    return all;
}

}  // namespace

TEST_CASE("A head and a small body leave in one record") {
    Link link;
    const std::vector<std::string> slices{"POST / HTTP/1.1\r\n\r\n", "{\"model\":\"m\"}"};
    CHECK(link.send(slices) == 0);
    CHECK(link.heard(joined(slices).size()) == joined(slices));
    CHECK(link.server.records() == 1);
}

TEST_CASE("Slices of every size come whole and in order over TLS") {
    const auto sizes = GENERATE(std::vector<std::size_t>{16384}, std::vector<std::size_t>{16385},
                                std::vector<std::size_t>{1, 16383, 1},
                                std::vector<std::size_t>{16383, 2}, std::vector<std::size_t>{300},
                                std::vector<std::size_t>{271, 100'000, 3, 40'000, 17},
                                std::vector<std::size_t>(500, 7), std::vector<std::size_t>(90, 999),
                                std::vector<std::size_t>{20'000, 1, 1, 1, 20'000});
    Link link;
    std::vector<std::string> slices;
    for (const auto size : sizes) slices.push_back(text_of(size, static_cast<int>(slices.size())));
    link.send(slices);
    const auto all = joined(slices);
    CHECK(link.heard(all.size()) == all);
    CHECK(link.server.records() <= all.size() / 16384 + slices.size() / 100 + 3);
}

TEST_CASE("A socket that takes little at a time loses and doubles nothing") {
    Link link(4096);
    std::vector<std::string> slices{text_of(271, 1), text_of(600'000, 2), text_of(10, 3)};
    for (int i = 0; i < 300; ++i) slices.push_back(text_of(1000, i));
    std::string got;
    GatherList list;
    for (const auto& slice : slices) list.add(slice);
    std::size_t blocked = 0;
    for (auto state = link.ours->send(list); state != SendState::done;) {
        REQUIRE(state == SendState::blocked);
        ++blocked;
        link.pump();
        got += link.server.hear();
        link.ours->arm_write();
        REQUIRE(link.bench.until([&] {
            link.pump();
            return link.ours->writable();
        }));
        state = link.ours->send(list);
    }
    CHECK(blocked > 3);
    const auto all = joined(slices);
    got += link.heard(all.size() - got.size());
    CHECK(got == all);
}

TEST_CASE("Several records that come in one read are all there, with what follows them") {
    Link link;
    std::string all;
    for (int i = 0; i < 40; ++i) {
        const auto text = text_of(static_cast<std::size_t>(i * 37 % 400 + 1), i);
        link.server.say(text);
        all += text;
    }
    SECTION("nothing") {}
    SECTION("a change of keys") {
        link.server.update_keys();
        link.server.say("with new keys");
        all += "with new keys";
    }
    link.deliver(link.server.give());
    REQUIRE(link.reads(all.size()));
    CHECK(link.ours->in.view() == all);
    CHECK_FALSE(link.ours->read_error());
    CHECK(link.ours->received() == all.size());

    link.send({"still here"});  // the key update is answered first
    CHECK(link.heard(10) == "still here");
}

TEST_CASE("Records split anywhere are whole in the end") {
    Link link;
    const auto first = text_of(50, 1);
    const auto second = text_of(30, 2);
    std::size_t size = 2;
    for (std::size_t cut = 1; cut < size; ++cut) {
        link.server.say(first);
        link.server.say(second);
        const auto bytes = link.server.give();
        size = bytes.size();
        link.deliver(std::string_view(bytes).substr(0, cut));
        link.bench.run_for(1ms);
        if (!link.ours->read_armed()) link.read_on();
        link.deliver(std::string_view(bytes).substr(cut));
        REQUIRE(link.reads(first.size() + second.size()));
        REQUIRE(link.ours->in.view() == first + second);
        link.ours->in.clear();
    }
}

TEST_CASE("An answer much larger than a record comes whole") {
    Link link;
    const auto answer = text_of(300'000, 5);
    link.server.say(answer);
    const auto bytes = link.server.give();
    std::string got;
    std::size_t sent = 0;
    REQUIRE(link.bench.until([&] {
        error_code ec;
        if (sent < bytes.size()) {
            sent +=
                link.theirs.write_some(asio::buffer(bytes.data() + sent, bytes.size() - sent), ec);
        }
        got += link.ours->in.view();
        link.ours->in.clear();
        if (!link.ours->read_armed()) link.read_on();
        return got.size() >= answer.size();
    }));
    CHECK(got == answer);
}

TEST_CASE("The end is clean with a close_notify behind the data, and a cut without one") {
    Link link;
    link.server.say("the last words");
    const bool proper = GENERATE(true, false);
    if (proper) link.server.close();
    link.deliver(link.server.give());
    link.theirs.close();
    REQUIRE(link.bench.until([&] {
        if (!link.ours->read_armed()) link.read_on();
        return bool(link.ours->read_error());
    }));
    CHECK(link.ours->in.view() == "the last words");
    CHECK(link.ours->read_error() == asio::error::eof);
    CHECK(link.ours->cut() == !proper);
}

TEST_CASE("A connection that ends within a record, or says no TLS, is cut") {
    Link link;
    link.server.say("never whole");
    auto bytes = link.server.give();
    const int what = GENERATE(0, 1, 2);
    if (what == 0) bytes.pop_back();
    if (what == 1) bytes = "HTTP/1.1 408 Request Timeout\r\n\r\n";
    if (what == 2) bytes.back() = static_cast<char>(bytes.back() ^ 1);
    link.deliver(bytes);
    link.theirs.shutdown(asio::socket_base::shutdown_send);
    REQUIRE(link.bench.until([&] {
        if (!link.ours->read_armed()) link.read_on();
        return bool(link.ours->read_error());
    }));
    CHECK(link.ours->in.empty());
    CHECK(link.ours->cut());
    CHECK((link.ours->read_error() == asio::error::eof) == (what == 0));
}
