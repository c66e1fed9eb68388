// Exchanges from a client's request to the last row in the books, by a clock that the test holds.
#include "tests/unit/by_hand/proxy.hpp"

#include "proxy/log.hpp"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace understudy::test;

namespace {

std::string two(std::string_view route, std::string_view upstream = {}) {
    const auto entry = [&](std::string_view name) {
        return "  - { name: " + std::string(name) + ", base_url: 'http://" + std::string(name) +
               ".test/v1'" + std::string(upstream) + " }\n";
    };
    return "upstreams:\n" + entry("one") + entry("two") +
           "routes:\n  - { model: \"*\", chain: [one, two], " + std::string(route) + " }\n";
}

const auto kPatient = two("retries: 0, deadline: 60s");
const auto kHedged = two("retries: 0, deadline: 60s, hedge: { after: 2s, budget: 100% }");

std::vector<std::string> reasons(const Books& books) {
    std::vector<std::string> all;
    for (const auto& attempt : books.attempts)
        all.push_back(attempt.upstream + " " + attempt.reason);
    return all;
}
using Reasons = std::vector<std::string>;

/// What the daemon logs, for as long as this lives.
class Logged {
  public:
    Logged() : own_(::dup(STDERR_FILENO)), file_(std::tmpfile()) {
        REQUIRE(file_ != nullptr);
        ::dup2(::fileno(file_), STDERR_FILENO);
        understudy::proxy::init_log({understudy::config::LogLevel::info, false});
    }
    ~Logged() {
        understudy::proxy::shutdown_log();
        ::dup2(own_, STDERR_FILENO);
        ::close(own_);
        std::fclose(file_);
    }
    Logged(const Logged&) = delete;
    Logged& operator=(const Logged&) = delete;
    /// The first line that holds `word`; empty: there is none.
    std::string line(std::string_view word) const {
        understudy::proxy::flush_log();
        std::string text(1 << 16, '\0');
        const auto size = ::pread(::fileno(file_), text.data(), text.size(), 0);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        const auto at = text.find(word);
        if (at == std::string::npos) return {};
        const auto begin = text.rfind('\n', at) + 1;  // npos + 1 is 0
        return text.substr(begin, text.find('\n', at) - begin);
    }

  private:
    int own_;
    std::FILE* file_;
};

}  // namespace

TEST_CASE("Where the first entry fails the second one answers, and each is booked once") {
    Proxy proxy(kPatient);
    proxy.upstream("one").then(refuses(2s, 503));
    proxy.upstream("two").then(answers(3s, "Here."));
    const auto client = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.status() == 200);
    CHECK(client.text() == "Here.");
    CHECK(client.header("x-understudy-attempts") == "2");
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one server_error", "two ok"});
    CHECK(books.attempts[0].took == 2s);
    CHECK(books.attempts[1].cause == "failover");
    CHECK(books.attempts[1].took == 3s);
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "fallback");
    CHECK(books.requests[0].took == 5s);
    CHECK(books.requests[0].attempts == 2);
    CHECK(books.requests[0].tokens == books.attempts[0].tokens + books.attempts[1].tokens);
}

TEST_CASE("An entry that nobody can connect to has been asked for nothing") {
    Proxy proxy(two("retries: 0, deadline: 60s", ", timeouts: { connect: 4s }"));
    Script away;
    away.connect = 1s;
    away.refused = true;
    Script silent;
    silent.connect = 1h;
    proxy.upstream("one").then(away).then(silent);
    proxy.upstream("two").then(answers(1s, "Here.")).then(answers(1s, "Again."));
    const auto client = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    const auto other = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return other.answered(); }));
    CHECK(other.text() == "Again.");
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one connection", "two ok", "one timeout", "two ok"});
    CHECK(books.attempts[0].took == 1s);
    CHECK(books.attempts[2].took == 4s);
    CHECK(books.attempts[0].deliveries == 0);
    CHECK(proxy.upstream("one").asked.empty());
    CHECK(proxy.upstream("two").dialled == 1);  // its connection was kept for the second request
}

TEST_CASE("A replaced configuration goes with its last request, whoever stays connected") {
    Proxy proxy(kPatient);
    proxy.upstream("one").then(answers(1s, "Here.")).then(answers(5s, "Late."));
    const auto idle = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return idle.answered(); }));
    const auto busy = proxy.ask(false);
    proxy.world.pass(1s);
    const auto before = proxy.reload(kPatient);
    proxy.world.pass(1s);
    CHECK_FALSE(before.expired());
    REQUIRE(proxy.world.until([&] { return busy.answered(); }));
    CHECK(busy.text() == "Late.");
    const auto next = proxy.reload(kPatient);
    proxy.world.pass(1s);
    CHECK(before.expired());
    CHECK(next.expired());
    CHECK_FALSE(idle.closed());
    CHECK_FALSE(busy.closed());
}

TEST_CASE("A probe whose plain answer takes a minute keeps the others away for ten seconds") {
    Proxy proxy(two("retries: 0, deadline: 5m") +
                "breaker: { failures: 1, window: 60s, cooldown: 3s }\n");
    auto& one = proxy.upstream("one").then(refuses(1s, 503));
    one.improvises = [] { return answers(60s, "Slow."); };
    auto& two = proxy.upstream("two");
    two.improvises = [] { return answers(100ms, "Backup."); };
    const auto from_two = [&] {
        const auto client = proxy.ask(false);
        return proxy.world.until([&] { return client.answered(); }, 1s) &&
               client.text() == "Backup.";
    };
    const auto first = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return first.answered(); }));
    proxy.world.pass(3s);
    const auto probe = proxy.ask(false);
    proxy.world.pass(1s);
    CHECK(one.asked.size() == 2);
    CHECK(from_two());
    proxy.world.pass(8s);
    CHECK(from_two());
    proxy.world.pass(1s);
    const auto second = proxy.ask(false);
    proxy.world.pass(1s);
    CHECK(one.asked.size() == 3);
    CHECK(from_two());
    REQUIRE(proxy.world.until([&] { return probe.answered(); }));
    CHECK(probe.text() == "Slow.");
    const auto asked = one.asked.size();
    const auto third = proxy.ask(false);  // while the second probe is still out
    proxy.world.pass(1s);
    CHECK_FALSE(second.answered());
    CHECK(one.asked.size() == asked + 1);
}

TEST_CASE("The request's deadline ends an attempt that a wait was spent on") {
    Proxy proxy(two("retries: 2, deadline: 10s"));
    auto& one = proxy.upstream("one");
    one.then(refuses(2s, 503, "retry-after: 3\r\n")).then(Script());
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(false, "x-understudy-fallback: off\r\n");
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(proxy.world.now() - begun == 10s);
    REQUIRE(one.asked.size() == 2);
    CHECK(one.asked[1].at - begun == 5s);
    CHECK(one.asked[1].connection->closed_at - begun == 10s);
    CHECK(client.status() == 503);  // what the first attempt said, not that time was up
    const auto books = proxy.books();
    REQUIRE(books.attempts.size() == 2);
    CHECK(books.attempts[1].cause == "retry");
    CHECK(books.attempts[1].took == 5s);
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "exhausted");
    CHECK(books.requests[0].took == 10s);
}

TEST_CASE("A wait that would last beyond the deadline is not begun") {
    Proxy proxy(two("retries: 2, deadline: 4s"));
    proxy.upstream("one").then(refuses(2s, 503, "retry-after: 3\r\n"));
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(false, "x-understudy-fallback: off\r\n");
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(proxy.world.now() - begun == 2s);
    CHECK(client.status() == 503);
    CHECK(proxy.books().attempts.size() == 1);
}

TEST_CASE("A hedge that answers first wins; the slow one is dropped at that moment and booked") {
    Proxy proxy(kHedged);
    auto& one = proxy.upstream("one").then(answers(9s, "Late."));
    proxy.upstream("two").then(streams(1s, 500ms, {"From ", "two."}));
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "From two.");
    CHECK(client.whole());
    REQUIRE(one.asked.size() == 1);
    // With the first token of the other: 2 s, 1 s for its head and 0.5 s for the token.
    CHECK(one.asked[0].connection->closed);
    CHECK(one.asked[0].connection->closed_at - begun == 3500ms);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one dropped", "two ok"});
    CHECK(books.attempts[0].took == 3500ms);
    CHECK(books.attempts[0].overtaken);
    CHECK(books.attempts[0].tokens > 0);  // its prompt has been read there
    CHECK(books.attempts[1].hedge_won);
    CHECK(books.attempts[1].took == 2500ms);
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].took == 4500ms);
    CHECK(books.requests[0].tokens == books.attempts[0].tokens + books.attempts[1].tokens);
}

TEST_CASE("The slow one wins where it answers before its hedge, and the hedge is dropped") {
    Proxy proxy(kHedged);
    proxy.upstream("one").then(answers(3s, "Slow, but here."));
    auto& two = proxy.upstream("two").then(answers(5s, "Too late."));
    const auto client = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "Slow, but here.");
    REQUIRE(two.asked.size() == 1);
    CHECK(two.asked[0].connection->closed);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"two dropped", "one ok"});
    CHECK(books.attempts[0].took == 1s);
    CHECK_FALSE(books.attempts[0].hedge_won);
}

TEST_CASE("A client that leaves takes both of its attempts along, and each is booked as left") {
    Proxy proxy(kHedged);
    auto& one = proxy.upstream("one").then(Script());
    auto& two = proxy.upstream("two").then(Script());
    const auto begun = proxy.world.now();
    auto client = proxy.ask(true);
    proxy.world.pass(5s);
    CHECK(proxy.active() == 2);
    CHECK(proxy.inflight() == 1);
    client.leaves();
    REQUIRE(proxy.world.until([&] { return client.closed(); }));
    CHECK(client.raw().empty());
    REQUIRE(one.asked.size() == 1);
    REQUIRE(two.asked.size() == 1);
    CHECK(one.asked[0].connection->closed_at - begun == 5s);
    CHECK(two.asked[0].connection->closed_at - begun == 5s);
    CHECK(proxy.active() == 0);
    CHECK(proxy.inflight() == 0);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one client_closed", "two client_closed"});
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "client_closed");
    CHECK(books.requests[0].took == 5s);
}

TEST_CASE("Who has left unseen when one of two attempts fails has both in the trace") {
    // Behind what has been sent ahead nobody sees the end, until it is asked for.
    for (const bool unseen : {true, false}) {
        CAPTURE(unseen);
        const Logged logged;
        Proxy proxy(kHedged);
        proxy.upstream("one").then(Script());
        proxy.upstream("two").then(refuses(1s, 503));
        auto client = proxy.ask(true);
        if (unseen) client.sends(std::string(1 << 20, 'x'));
        proxy.world.after(2500ms, [&] { client.breaks_off(); });
        REQUIRE(proxy.world.until([&] { return client.closed(); }));
        const auto left = Reasons{"one client_closed", "two client_closed"};
        const auto failed = Reasons{"two server_error", "one client_closed"};
        CHECK(reasons(proxy.books()) == (unseen ? failed : left));
        const auto line = logged.line(" request ");
        INFO(line);
        CHECK(line.find("attempts=2") != std::string::npos);
        CHECK(line.find("two/") != std::string::npos);
        CHECK(line.find("one/") != std::string::npos);
    }
}

TEST_CASE("A client that was kept company hears in its stream that everybody has failed") {
    Proxy proxy(two("retries: 0, deadline: 60s, keepalive: 2s"));
    proxy.upstream("one").then(refuses(3s, 503));
    proxy.upstream("two").then(refuses(2s, 500));
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return !client.raw().empty(); }));
    CHECK(proxy.world.now() - begun == 2s);
    CHECK(client.status() == 200);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(proxy.world.now() - begun == 5s);
    const auto body = client.body();
    CHECK(body.find(
              ": understudy still waiting\n\n: understudy still waiting\n\ndata: {\"error\"") == 0);
    CHECK_FALSE(client.whole());  // cut, so that nobody takes it for an answer
    CHECK(client.closed());
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one server_error", "two server_error"});
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].status == 200);
    CHECK(books.requests[0].outcome == "exhausted");
}

TEST_CASE("A stream that breaks behind its first words ends in an error where nobody may go on") {
    Proxy proxy(kPatient);
    proxy.upstream("one").then(breaks_off(1s, 100ms, {"Half ", "of"}));
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "Half of");
    CHECK(client.body().find("\ndata: {\"error\"") != std::string::npos);
    CHECK_FALSE(client.whole());
    CHECK(proxy.upstream("two").dialled == 0);
    const auto books = proxy.books();
    REQUIRE(books.attempts.size() == 1);
    CHECK(books.attempts[0].took == 1300ms);
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].broken);
}

TEST_CASE("A stream that breaks is gone on with by the next entry, as one answer") {
    Proxy proxy(two("retries: 0, deadline: 60s, midstream: continue", ", continuation: prefill"));
    proxy.upstream("one").then(breaks_off(1s, 100ms, {"The quick ", "brown fox ", "jumps"}));
    auto& next = proxy.upstream("two");
    next.then(streams(1s, 100ms, {" over the ", "lazy dog."}));
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "The quick brown fox jumps over the lazy dog.");
    CHECK(client.whole());
    REQUIRE(next.asked.size() == 1);
    CHECK(next.asked[0].at - begun == 1400ms);  // at once
    CHECK(next.asked[0].body.find("The quick brown fox jumps") != std::string::npos);
    const auto books = proxy.books();
    REQUIRE(books.attempts.size() == 2);
    CHECK(books.attempts[0].upstream == "one");
    CHECK(books.attempts[1].cause == "rescue");
    CHECK(books.attempts[1].reason == "ok");
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "rescued");
    CHECK_FALSE(books.requests[0].broken);
}

TEST_CASE("A stream that falls silent is gone on with when its idle time is over, not before") {
    Proxy proxy(two("retries: 0, deadline: 90s, midstream: continue",
                    ", continuation: prefill, timeouts: { idle: 7s }"));
    auto silent = breaks_off(1s, 100ms, {"The quick ", "brown fox"});
    silent.steps.pop_back();
    proxy.upstream("one").then(silent);
    auto& next = proxy.upstream("two");
    next.then(streams(1s, 100ms, {" jumps."}));
    const auto begun = proxy.world.now();
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "The quick brown fox jumps.");
    REQUIRE(next.asked.size() == 1);
    const auto asked = next.asked[0].at - begun;
    CHECK(asked >= 1200ms + 7s);
    CHECK(asked < 1200ms + 7s + 10ms);
}

TEST_CASE("A client that has its answer is in the books, whatever its upstream has still to say") {
    Proxy proxy(kPatient);
    auto endless = streams(1s, 100ms, {"All ", "of it."});
    endless.steps.back().bytes.resize(endless.steps.back().bytes.size() - 5);  // "0\r\n\r\n"
    auto& one = proxy.upstream("one").then(endless);
    const auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "All of it.");
    // The connection is still waited for, to be used again.
    REQUIRE(one.asked.size() == 1);
    CHECK_FALSE(one.asked[0].connection->closed);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one ok"});
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "primary");
    REQUIRE(proxy.world.until([&] { return one.asked[0].connection->closed; }));
    CHECK(proxy.books().attempts.size() == 1);
    CHECK(proxy.books().requests.size() == 1);
}

TEST_CASE("A client that leaves in the middle of a stream ends it at the upstream") {
    Proxy proxy(kPatient);
    auto& one = proxy.upstream("one").then(streams(1s, 1s, {"One ", "two ", "three ", "four."}));
    const auto begun = proxy.world.now();
    auto client = proxy.ask(true);
    REQUIRE(proxy.world.until([&] { return client.text() == "One two "; }));
    client.leaves();
    REQUIRE(proxy.world.until([&] { return proxy.inflight() == 0; }));
    REQUIRE(one.asked.size() == 1);
    CHECK(one.asked[0].connection->closed_at - begun == 3s);
    CHECK_FALSE(client.whole());
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one client_closed"});
    CHECK(books.attempts[0].took == 3s);
    CHECK(books.attempts[0].tokens > 0);
    REQUIRE(books.requests.size() == 1);
    CHECK(books.requests[0].outcome == "client_closed");
    CHECK(proxy.upstream("two").dialled == 0);
}

TEST_CASE("A connection that its server ended while it was idle is replaced without a word") {
    Proxy proxy(kPatient);
    auto& one = proxy.upstream("one").then(answers(1s, "First."));
    REQUIRE(proxy.world.until([client = proxy.ask(false)] { return client.answered(); }));
    one.then(Script({ends(100ms)})).then(answers(1s, "Second."));
    const auto client = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "Second.");
    CHECK(client.header("x-understudy-attempts") == "1");
    CHECK(one.asked.size() == 3);
    CHECK(one.dialled == 2);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one ok", "one ok"});
    CHECK(books.attempts[1].deliveries == 2);
}

TEST_CASE("One that ends after longer than a request is on its way had begun to work on it") {
    Proxy proxy(kPatient);
    auto& one = proxy.upstream("one").then(answers(1s, "First."));
    REQUIRE(proxy.world.until([client = proxy.ask(false)] { return client.answered(); }));
    one.then(Script({ends(300ms)}));
    proxy.upstream("two").then(answers(1s, "Second."));
    const auto client = proxy.ask(false);
    REQUIRE(proxy.world.until([&] { return client.answered(); }));
    CHECK(client.text() == "Second.");
    CHECK(one.asked.size() == 2);
    const auto books = proxy.books();
    CHECK(reasons(books) == Reasons{"one ok", "one connection", "two ok"});
    CHECK(books.attempts[1].deliveries == 1);
}
