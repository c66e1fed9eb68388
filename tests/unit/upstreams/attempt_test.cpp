#include "upstreams/attempt.hpp"

#include "tests/unit/upstreams/support.hpp"
#include "wire/chunk.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>

using namespace understudy;
using namespace understudy::upstreams;
using namespace understudy::upstreams::test;
using namespace std::chrono_literals;
using State = Attempt::State;
using wire::FailureClass;

namespace {

const std::string kHello = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const std::string kFinish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string kDone = "data: [DONE]\n\n";
const std::string kError = "data: {\"error\":{\"message\":\"busy\"}}\n\n";
const std::string kChat = R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],)"
                          R"("usage":{"prompt_tokens":1,"completion_tokens":2}})";

std::string plain(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status +
           "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string chunk(const std::string& data) {
    return std::string(wire::ChunkHeader(data.size()).view()) + data + "\r\n";
}

/// An event stream that comes in one piece, its end included unless it is `cut`.
std::string events(const std::string& body, bool cut = false) {
    std::string text =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        "transfer-encoding: chunked\r\n\r\n";
    text += chunk(body);
    return cut ? text : text + "0\r\n\r\n";
}

/// One attempt at a server that gives one prepared answer.
struct Exchange {
    explicit Exchange(const std::string& answer, bool close_after = false,
                      const std::string& after_commit = "")
        : peer(bench.context, server.upstream(), nullptr, std::make_shared<Places>(4)),
          upstream(server.upstream()) {
        upstream.timeouts.idle = 100ms;
        upstream.timeouts.first_token = 100ms;
        upstream.timeouts.response = 100ms;
        spec.upstream = &upstream;
        spec.head_template = &head.emplace(upstream);
        spec.peer = &peer;
        spec.head.method = "POST";
        spec.head.path = "/chat/completions";
        spec.body = "{}";
        spec.stream = answer.find("event-stream") != std::string::npos;
        attempt.emplace(spec, signal, client_gone);
        net::spawn(drive());
        connection = server.accept();
        // The answer waits in the socket before the attempt looks: it is read in one piece.
        boost::asio::write(*connection, boost::asio::buffer(answer));
        if (!after_commit.empty()) {
            REQUIRE(bench.until([&] { return !sent.empty(); }));
            boost::asio::write(*connection, boost::asio::buffer(after_commit));
        }
        if (close_after) connection->shutdown(boost::asio::ip::tcp::socket::shutdown_send);
        REQUIRE(bench.until([&] { return ended; }));
    }
    /// As the relay does: everything that is ready goes out before the next pump.
    net::Task<void> drive() {
        co_await attempt->run();
        if (attempt->state() == State::committed) co_await relay();
        held = attempt->body();
        co_await attempt->settle();
        ended = true;
    }
    net::Task<void> relay() {
        for (;;) {
            while (attempt->state() == State::committed && attempt->at_end())
                static_cast<void>(attempt->pump());
            net::GatherList list;
            attempt->gather(list);
            for (std::size_t i = 0; i < list.count(); ++i) {
                const auto& item = list.items()[i];
                sent.append(static_cast<const char*>(item.iov_base), item.iov_len);
            }
            attempt->advance();
            if (attempt->state() != State::committed) co_return;
            while (!attempt->pump()) {
                co_await signal.wait();
                if (attempt->waited_in_vain()) break;
            }
        }
    }
    Bench bench;
    Server server;
    Peer peer;
    config::Upstream upstream;
    std::optional<HeadTemplate> head;
    AttemptSpec spec;
    net::Signal signal;
    bool client_gone = false;
    bool ended = false;
    std::string sent;
    std::string held;  // the body, before its connection went back
    std::optional<Attempt> attempt;
    std::optional<Server::Accepted> connection;
};

}  // namespace

TEST_CASE("A whole answer is held, metered, and its connection goes back to the pool") {
    Exchange e(plain(kChat));
    CHECK(e.attempt->state() == State::whole);
    CHECK(e.held == kChat);
    CHECK(e.bench.idle() == 1);
    REQUIRE(e.attempt->metered().usage);
    CHECK(e.attempt->metered().usage->completion == 2);
}

TEST_CASE("An error answer is held whole with its class") {
    Exchange e(plain(R"({"error":{"message":"slow down"}})", "429 Too Many Requests"));
    CHECK(e.attempt->state() == State::failed);
    CHECK(e.attempt->failure() == FailureClass::rate_limit);
    CHECK(e.attempt->answered());
    CHECK(e.held == R"({"error":{"message":"slow down"}})");
}

TEST_CASE("A large body is hashed for its signature in several turns, and can be left on the way") {
    const std::string body(std::size_t{3} << 20U, 'x');
    for (const bool leaves : {false, true}) {
        CAPTURE(leaves);
        Bench bench;
        Server server;
        auto upstream = server.upstream();
        upstream.dialect = config::Dialect::converse;
        upstream.region = "us-east-1";
        upstream.aws.emplace();
        upstream.aws->key_id = "AKIDEXAMPLE";
        upstream.aws->secret = config::Secret("secret");
        Peer peer(bench.context, upstream, nullptr, std::make_shared<Places>(4));
        const HeadTemplate head(upstream);
        AttemptSpec spec;
        spec.upstream = &upstream;
        spec.head_template = &head;
        spec.peer = &peer;
        spec.head.method = "POST";
        spec.body = body;
        net::Signal signal;
        bool gone = false;
        Attempt attempt(spec, signal, gone);
        bool ended = false;
        const auto run = [](Attempt& one, bool& over) -> net::Task<void> {
            co_await one.run();
            over = true;
        };
        net::spawn(run(attempt, ended));
        CHECK(attempt.request_bytes() == 0);  // not all of it has been looked at
        if (leaves) {
            gone = true;
            signal.notify();
            REQUIRE(bench.until([&] { return ended; }));
            CHECK(attempt.failure() == FailureClass::client_closed);
            CHECK(attempt.request_bytes() == 0);
            continue;
        }
        REQUIRE(bench.until([&] { return attempt.request_bytes() > body.size(); }));
        gone = true;
        signal.notify();
        REQUIRE(bench.until([&] { return ended; }));
    }
}

TEST_CASE("A stream that comes in one read with its end is passed on whole") {
    const auto body = kHello + kFinish + kDone;
    Exchange e(events(body));
    CHECK(e.attempt->state() == State::finished);
    CHECK(e.sent == body);
    CHECK(e.bench.idle() == 1);
}

TEST_CASE("A stream whose first read shows its bad end is a failure, not half an answer") {
    Exchange e(events(kHello));  // no finish_reason, no [DONE], but a proper last chunk
    CHECK(e.attempt->state() == State::failed);
    CHECK(e.attempt->failure() == FailureClass::malformed);
    CHECK(e.sent.empty());
    Exchange error(events(kHello + kError));
    CHECK(error.attempt->state() == State::failed);
    CHECK(error.attempt->metered().error);
}

TEST_CASE("What came before a stream broke off is passed on, also when it came with its end") {
    Exchange e(events(kHello, true), false, chunk(kHello) + "0\r\n\r\n");
    CHECK(e.attempt->state() == State::broken);
    CHECK(e.attempt->failure() == FailureClass::malformed);
    CHECK(e.sent == kHello + kHello);

    // Half an event in front of our own error event would garble it.
    Exchange half(events(kHello, true), false, chunk(kHello + "data: {\"cho") + "0\r\n\r\n");
    CHECK(half.attempt->state() == State::broken);
    CHECK(half.sent == kHello + kHello);
}

TEST_CASE("An error event behind content is passed on, also when the stream ends with it") {
    for (const auto& rest : {kError, kError + kDone}) {
        Exchange e(events(kHello, true), false, chunk(rest) + "0\r\n\r\n");
        CHECK(e.attempt->state() == State::broken);
        CHECK(e.attempt->metered().error);
        CHECK(e.sent == kHello + rest);
    }
}

TEST_CASE("A stream that is cut breaks, and says so") {
    Exchange e(events(kHello, true), true);
    CHECK(e.attempt->state() == State::broken);
    CHECK(e.sent == kHello);
    CHECK(e.bench.idle() == 0);
}

TEST_CASE("A stream that falls silent after the commit breaks by timeout") {
    Exchange e(events(kHello, true));
    CHECK(e.attempt->state() == State::broken);
    CHECK(e.attempt->failure() == FailureClass::timeout);
    CHECK(e.sent == kHello);
}

TEST_CASE("Until it commits a stream can fail without a trace") {
    for (const auto& [answer, failure] :
         {std::pair{events(": ping\n\n"), FailureClass::malformed},
          {events(kDone), FailureClass::malformed},
          {events(kError), FailureClass::malformed},
          {events(": ping\n\n", true), FailureClass::timeout},
          {std::string("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                       "content-length: 0\r\n\r\n"),
           FailureClass::malformed},
          {"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: " +
               std::to_string(kChat.size()) + "\r\n\r\n" + kChat,
           FailureClass::malformed}}) {
        INFO(answer);
        Exchange e(answer);
        CHECK(e.attempt->state() == State::failed);
        CHECK(wire::name_of(e.attempt->failure()) == wire::name_of(failure));
        CHECK(e.sent.empty());
    }
}

TEST_CASE("A 2xx that is not an answer is malformed, and nobody at the other end is a failure") {
    for (const char* body : {"", "<html></html>", "{", "{}", "[]", R"({"choices":[]})"}) {
        INFO(body);
        Exchange e(plain(body));
        CHECK(e.attempt->state() == State::failed);
        CHECK(e.attempt->failure() == FailureClass::malformed);
    }
    Exchange cut(plain(kChat).substr(0, 100), true);
    CHECK(cut.attempt->failure() == FailureClass::malformed);
    Exchange silent("");
    CHECK(silent.attempt->failure() == FailureClass::timeout);
    Exchange closed("", true);
    CHECK(closed.attempt->failure() == FailureClass::connection);
    Exchange garbage("SSH-2.0-OpenSSH\r\n\r\n");
    CHECK(garbage.attempt->failure() == FailureClass::malformed);
}

namespace {

/// An attempt that runs beside its owner, as a lane does, and can be dropped between any two turns
/// of the loop.
struct Lane {
    explicit Lane(Bench& bench, const config::Upstream& to, std::uint32_t places = 4)
        : upstream(to),
          head(upstream),
          peer(bench.context, upstream, tls_of(upstream), std::make_shared<Places>(places)) {
        spec.upstream = &upstream;
        spec.head_template = &head;
        spec.peer = &peer;
        spec.head.method = "POST";
        spec.head.path = "/chat/completions";
        spec.body = "{}";
        spec.stream = true;
        start();
    }
    static std::shared_ptr<const net::TlsContext> tls_of(const config::Upstream& upstream) {
        if (!upstream.base_url.tls) return nullptr;
        return std::make_shared<net::TlsContext>(trust_of(upstream.tls));
    }
    void start() {
        attempt.emplace(spec, signal, client_gone);
        task.emplace(attempt->run());
        task->start();
    }
    void drop() {
        task.reset();
        attempt.reset();
    }
    config::Upstream upstream;
    HeadTemplate head;
    Peer peer;
    AttemptSpec spec;
    net::Signal signal;
    bool client_gone = false;
    std::optional<Attempt> attempt;
    std::optional<net::Task<void>> task;
};

/// Nothing is left of an attempt: no connection, no place, no memory.
bool nothing_left(Bench& bench, Lane& lane) {
    return bench.until([&] { return lane.peer.active() == 0 && bench.budget.used() == 0; }) &&
           bench.active() == 0;
}

}  // namespace

TEST_CASE("An attempt can be dropped after any step, and gives everything back") {
    const auto answer = events(kHello + kFinish + kDone);
    for (std::size_t size = 0; size <= answer.size(); size += 7) {
        INFO(size);
        Bench bench;
        Server server;
        Lane lane(bench, server.upstream());
        auto connection = server.accept();
        bench.run_for(1ms);
        boost::asio::write(connection, boost::asio::buffer(answer.substr(0, size)));
        bench.run_for(1ms);
        lane.drop();
        CHECK(nothing_left(bench, lane));
        net::error_code ec;
        std::string rest(4096, ' ');
        while (!ec)
            connection.read_some(boost::asio::buffer(rest), ec);  // the request, then the end
        CHECK((ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset));
    }
}

TEST_CASE("An attempt can be dropped while it connects, looks a name up or shakes hands") {
    Bench bench;
    Server server;
    auto upstream = server.upstream();
    SECTION("before it is connected") {}
    SECTION("while its name is looked up") {
        upstream.base_url.host = "localhost";
    }
    SECTION("in the middle of a handshake") {
        upstream.base_url.tls = true;
        upstream.tls.verify = false;
    }
    Lane lane(bench, upstream);
    SECTION("at once") {}
    SECTION("a turn later") {
        bench.run_for(2ms);
    }
    CHECK_FALSE(lane.task->done());
    lane.drop();
    bench.run_for(20ms);
    CHECK(nothing_left(bench, lane));
}

TEST_CASE("An attempt dropped while it waits for a place leaves the queue") {
    Bench bench;
    Server server;
    Lane lane(bench, server.upstream(), 1);
    auto first = server.accept();
    bench.run_for(1ms);
    Lane other(bench, server.upstream());
    other.drop();
    other.spec.peer = &lane.peer;
    other.start();
    bench.run_for(1ms);
    CHECK_FALSE(other.task->done());
    SECTION("before it gets one") {
        other.drop();
    }
    SECTION("when it has been promised one") {
        lane.drop();
        other.drop();
    }
    lane.drop();
    bench.run_for(20ms);
    CHECK(nothing_left(bench, lane));
    CHECK(lane.peer.reserve());
    lane.peer.unreserve();
}

TEST_CASE("An owner sleeps on its own signal and the ends of its tasks, and may drop them all") {
    net::Signal own;
    std::array<net::Signal, 2> lanes;
    std::array<std::optional<net::Task<void>>, 2> tasks;
    const auto wait = [](net::Signal& signal) -> net::Task<void> { co_await signal.wait(); };
    int woken = 0;
    const auto owner = [&]() -> net::Task<void> {
        for (std::size_t i = 0; i < 2; ++i) {
            tasks[i].emplace(wait(lanes[i]));
            tasks[i]->start();
        }
        std::array<net::Task<void>*, 2> both{&*tasks[0], &*tasks[1]};
        const net::AnyOf any(own, both);
        co_await any;
        ++woken;  // by its own signal
        co_await any;
        ++woken;  // by the end of the second
        CHECK(tasks[1]->done());
        tasks[0].reset();  // not at its end
        tasks[1].reset();
    };
    net::spawn(owner());
    CHECK(woken == 0);
    own.notify();
    CHECK(woken == 1);
    lanes[1].notify();
    CHECK(woken == 2);
}
