// What a Stream reads, and that no end is missed, however it comes: ReadOp does not try again on a
// socket it has emptied, so an end that shares its event with bytes must be seen all the same.
#include "net/stream.hpp"

#include "tests/unit/net/support.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace understudy::net;
using namespace understudy::net::test;
using namespace std::chrono_literals;

namespace {

/// Both ends of one connection; what is told about ours is counted. Every test runs with a stream
/// that has a place for what will come, and with one that waits without.
struct Link final : StreamListener {
    Link() {
        Socket socket(bench.io);
        socket.connect({asio::ip::address_v4::loopback(), server.port()});
        tune(socket);
        ours = new Stream(std::move(socket), bench.budget);
        ours->set_listener(this);
        theirs = server.accept();
    }
    ~Link() { ours->close(); }

    void on_stream(Stream&) override { ++told; }
    void arm() {
        REQUIRE(((lends && ours->in.lend()) || ours->in.ensure_free(4096)));
        ours->arm_read();
    }
    void say(std::string_view text) {
        asio::write(*theirs, asio::buffer(text.data(), text.size()));
    }
    void end(bool reset) {
        if (reset) theirs->set_option(asio::socket_base::linger(true, 0));
        theirs->close();
    }
    bool heard(std::size_t bytes) {
        return bench.until([&] { return ours->received() >= bytes; });
    }
    /// Reads on to the end.
    bool ended() {
        return bench.until([&] {
            arm();
            return static_cast<bool>(ours->read_error());
        });
    }

    const bool lends = GENERATE(false, true);  // waits without a place of its own
    Bench bench;
    Server server;
    Stream::Ptr ours;
    std::optional<Server::Accepted> theirs;
    int told = 0;
};

}  // namespace

TEST_CASE("An end that comes in one event with the last bytes is seen at once") {
    Link link;
    link.arm();
    link.bench.run_for(5ms);
    link.say("bytes");
    link.end(false);
    CHECK(link.heard(5));
    CHECK(link.ended());
    CHECK(link.ours->read_error() == asio::error::eof);
    CHECK(link.ours->in.view() == "bytes");
}

TEST_CASE("A reset behind the last bytes is seen too, and is not taken for an end") {
    Link link;
    link.arm();
    link.bench.run_for(5ms);
    link.say("bytes");
    link.end(true);
    CHECK(link.ended());
    CHECK(link.ours->cut());
}

TEST_CASE("An end that came before the first read is seen") {
    Link link;
    link.say("bytes");
    link.end(false);
    link.bench.run_for(5ms);  // the event comes while nothing waits for it
    link.arm();
    CHECK(link.heard(5));
    CHECK(link.ended());
}

TEST_CASE("An end that comes between two reads is seen") {
    Link link;
    link.arm();
    link.say("one");
    CHECK(link.heard(3));
    link.end(false);
    link.bench.run_for(5ms);
    CHECK(link.ended());
    CHECK(link.ours->received() == 3);
}

TEST_CASE("Bytes that come between two reads, and more than a buffer, are all read") {
    Link link;
    link.arm();
    std::string sent;
    for (int i = 0; i < 50; ++i) {
        const std::string piece(static_cast<std::size_t>(1 + i * 97 % 1500),
                                static_cast<char>('a' + i % 26));
        link.say(piece);
        sent += piece;
        if (i % 3 == 0) link.bench.run_for(1ms);
        if (!link.ours->read_armed()) link.arm();
    }
    CHECK(link.bench.until([&] {
        if (!link.ours->read_armed()) link.arm();
        return link.ours->received() == sent.size();
    }));
    CHECK(link.ours->in.view() == sent);
    link.end(false);
    CHECK(link.ended());
}

TEST_CASE("An end is seen after a write had to wait") {
    Link link;
    const std::string much(8 << 20, 'x');
    GatherList list;
    list.add(much);
    for (std::size_t before = 0; before != list.bytes();) {
        before = list.bytes();
        REQUIRE(link.ours->send(list) == Stream::SendState::blocked);
    }
    link.arm();
    link.ours->arm_write();  // the reactor registers the descriptor anew for this
    std::string taken(1 << 20, ' ');
    CHECK(link.bench.until([&] {
        error_code ec;
        link.theirs->non_blocking(true);
        link.theirs->read_some(asio::buffer(taken), ec);
        return link.ours->writable();
    }));
    link.theirs->non_blocking(false);
    link.say("bytes");
    link.end(false);
    CHECK(link.ended());
}

TEST_CASE("Small lists go out flat, large ones as they are, and nothing is lost") {
    for (const std::size_t size : {1, 100, 4095, 4096, 4097, 60'000}) {
        INFO(size);
        Link link;
        const std::string head(size / 2, 'h');
        const std::string body(size - size / 2, 'b');
        GatherList list;
        list.add(head);
        list.add(body);
        CHECK(link.ours->send(list) == Stream::SendState::done);
        CHECK(list.empty());
        std::string got(size, ' ');
        asio::read(*link.theirs, asio::buffer(got));
        CHECK(got == head + body);
    }
}

TEST_CASE("A large message goes out in turns, each followed by a chance for others") {
    Link link;
    const std::string head(100, 'h');
    const std::string body(3 * Stream::kTurn, 'b');
    GatherList list;
    list.add(head);
    list.add(body);
    std::string got;
    std::string taken(1 << 20, ' ');
    link.theirs->non_blocking(true);
    auto state = link.ours->send(list);
    for (int turns = 0; state == Stream::SendState::blocked; ++turns) {
        REQUIRE(list.bytes() > 0);
        REQUIRE(turns < 10'000);
        const auto before = list.bytes();
        link.ours->arm_write();
        REQUIRE(link.bench.until([&] {
            error_code ec;
            got.append(taken, 0, link.theirs->read_some(asio::buffer(taken), ec));
            return link.ours->writable();
        }));
        state = link.ours->send(list);
        CHECK(before - list.bytes() <= Stream::kTurn + head.size());
    }
    REQUIRE(state == Stream::SendState::done);
    link.theirs->non_blocking(false);
    const auto rest = head.size() + body.size() - got.size();
    std::string last(rest, ' ');
    asio::read(*link.theirs, asio::buffer(last));
    CHECK(got + last == head + body);
}

TEST_CASE("A read takes a turn's bytes at most, and the rest with the next") {
    Link link;
    const std::size_t size = 2 * Stream::kTurn + 1000;
    REQUIRE(link.ours->in.ensure_free(size));
    GatherList list;
    const std::string much(size, 'm');
    link.theirs->non_blocking(true);
    std::size_t sent = 0;
    std::uint64_t before = 0;
    REQUIRE(link.bench.until([&] {
        error_code ec;
        sent += link.theirs->write_some(asio::buffer(much.data() + sent, size - sent), ec);
        REQUIRE(link.ours->received() - before <= Stream::kTurn);
        before = link.ours->received();
        if (!link.ours->read_armed()) link.ours->arm_read();
        return link.ours->received() == size;
    }));
    CHECK(link.ours->in.view() == much);
}

TEST_CASE("What has come is read at once, and the end behind it with the first wait") {
    Link link;
    link.say("bytes");
    link.end(false);
    link.bench.run_for(5ms);
    REQUIRE(link.ours->in.ensure_free(4096));
    link.ours->read_at_once();
    CHECK(link.ours->in.view() == "bytes");
    CHECK(link.ours->received() == 5);
    CHECK_FALSE(link.ours->read_error());
    CHECK(link.told == 0);
    CHECK(link.ended());
    CHECK(link.ours->read_error() == asio::error::eof);
}

TEST_CASE("Reading at once where nothing has come changes nothing") {
    Link link;
    REQUIRE(link.ours->in.ensure_free(4096));
    link.ours->read_at_once();
    CHECK(link.ours->received() == 0);
    CHECK_FALSE(link.ours->read_error());
    link.arm();
    link.say("bytes");
    CHECK(link.heard(5));
    CHECK(link.ours->in.view() == "bytes");
}

TEST_CASE("Reading at once finds an end that is all there is, and tells a reset from it") {
    for (const bool reset : {false, true}) {
        Link link;
        link.end(reset);
        link.bench.run_for(5ms);
        REQUIRE(link.ours->in.ensure_free(4096));
        link.ours->read_at_once();
        REQUIRE(link.ours->read_error());
        CHECK(link.ours->cut() == reset);
    }
}

TEST_CASE("More than there was room for comes with the next read") {
    Link link;
    const std::string much(10'000, 'm');
    link.say(much);
    link.bench.run_for(5ms);
    REQUIRE(link.ours->in.ensure_free(4096));
    const auto room = link.ours->in.free_space().size();
    link.ours->read_at_once();
    CHECK(link.ours->received() == room);
    CHECK(link.bench.until([&] {
        if (!link.ours->read_armed()) link.arm();
        return link.ours->received() == much.size();
    }));
    CHECK(link.ours->in.view() == much);
}

TEST_CASE("Streams that wait with nothing in them have no block, and each gets what is its own") {
    Bench bench;
    Server server;
    constexpr std::size_t kStreams = 40;
    std::vector<Stream::Ptr> ours;
    std::vector<Server::Accepted> theirs;
    for (std::size_t i = 0; i < kStreams; ++i) {
        Socket socket(bench.io);
        socket.connect({asio::ip::address_v4::loopback(), server.port()});
        tune(socket);
        ours.emplace_back(new Stream(std::move(socket), bench.budget));
        theirs.push_back(server.accept());
        REQUIRE(ours.back()->in.lend());
        ours.back()->arm_read();
    }
    const auto charged = bench.budget.used();
    CHECK(charged == kStreams * kReadBuffer);
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < kStreams; ++i) {
            const std::string text = std::to_string(round) + " for " + std::to_string(i);
            asio::write(theirs[i], asio::buffer(text));
        }
        for (std::size_t i = 0; i < kStreams; ++i) {
            auto& stream = *ours[i];
            const std::string text = std::to_string(round) + " for " + std::to_string(i);
            REQUIRE(bench.until([&] { return stream.in.size() == text.size(); }));
            CHECK(stream.in.view() == text);
            stream.in.consume(text.size());
            REQUIRE(stream.in.lend());
            CHECK(stream.in.capacity() == 0);
            stream.arm_read();
            CHECK(bench.budget.used() == charged);
        }
    }
    for (auto& stream : ours) stream->close();
    bench.run_for(1ms);
    ours.clear();
    CHECK(bench.budget.used() == 0);
}

TEST_CASE("A stream that is closed while its block is lent leaves nothing behind") {
    for (const bool with_bytes : {false, true}) {
        Link link;
        REQUIRE(link.ours->in.lend());
        link.ours->arm_read();
        if (with_bytes) {
            link.say("bytes");
            link.bench.run_for(0ms);
        }
        link.ours->close();
        link.bench.run_for(5ms);
        link.ours.reset(new Stream(Socket(link.bench.io), link.bench.budget));
        CHECK(link.bench.budget.used() == 0);
    }
}
