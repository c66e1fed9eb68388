// Whatever upstreams do and whenever clients leave: every request comes to an end, nobody takes
// half an answer for a whole one, and all books say the same.
#include "tests/unit/by_hand/proxy.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace understudy::test;

namespace {

constexpr int kProxies = 60;
constexpr int kRequests = 20;  // of each
constexpr auto kDeadline = 20s;

// Each of the three can go on with what another one has begun; what they say is the same.
constexpr auto kAll = R"(
upstreams:
  - &one { name: one, base_url: 'http://one.test/v1', continuation: restart, max_connections: 2,
           timeouts: { connect: 2s, first_token: 5s, idle: 3s, response: 8s, total: 30s } }
  - { <<: *one, name: two, base_url: 'http://two.test/v1' }
  - { <<: *one, name: three, base_url: 'http://three.test/v1' }
routes:
  - { model: "*", chain: [one, two, three], retries: 1, deadline: 20s, midstream: continue,
      keepalive: 2s, hedge: { after: 1500ms, budget: 50% } }
breaker: { failures: 3, window: 30s, cooldown: 2s }
)";

constexpr auto kFinish = R"("finish_reason":"stop")";

const std::vector<std::string> kPieces{"Nothing ", "is ", "lost, ", "and ", "nothing ", "twice."};

std::string whole_text() {
    return std::accumulate(kPieces.begin(), kPieces.end(), std::string());
}

/// Everything by chance, from one seed.
class Chance {
  public:
    explicit Chance(unsigned seed) : random_(seed) {}
    bool one_in(int n) { return up_to(n) == 0; }
    int up_to(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
    milliseconds time(milliseconds most) {
        return milliseconds(up_to(static_cast<int>(most.count())));
    }

    /// What an upstream does with a request.
    Script script(bool stream) {
        auto script = one_in(3) ? refusal() : stream ? some_stream() : some_answer();
        script.connect = one_in(25) ? milliseconds(1h) : time(2s);
        script.refused = one_in(20);
        return script;
    }

  private:
    Script refusal() {
        static constexpr std::array kStatus{400U, 401U, 404U, 408U, 429U, 500U, 503U, 529U};
        const auto status = kStatus[static_cast<std::size_t>(up_to(kStatus.size()))];
        return refuses(time(4s), status, one_in(3) ? "retry-after: 1\r\n" : "");
    }
    Script some_answer() {
        auto script = answers(time(4s), whole_text());
        if (one_in(4)) spoil(script);
        return script;
    }
    Script some_stream() {
        auto script = streams(time(3s), time(1500ms), kPieces);
        if (one_in(2)) {
            const auto keep =
                static_cast<std::size_t>(up_to(static_cast<int>(script.steps.size())));
            script.steps.resize(keep + 1);
            spoil(script);
        }
        return script;
    }
    // It ends before its end, in one of the ways there are.
    void spoil(Script& script) {
        auto& last = script.steps.back().bytes;
        last.resize(static_cast<std::size_t>(up_to(static_cast<int>(last.size()))));
        switch (up_to(4)) {
            case 0:
                script.steps.push_back(breaks(time(500ms)));
                break;
            case 1:
                script.steps.push_back(ends(time(500ms)));
                break;
            case 2:
                script.steps.push_back(says(time(500ms), "\r\nno sense\r\n\r\n"));
                break;
            default:
                break;  // silence
        }
    }

    std::mt19937 random_;
};

struct Told {
    Told(Client c, bool s) : client(std::move(c)), stream(s) {}
    Client client;
    bool stream;
    TimePoint asked{};
    std::optional<TimePoint> left;
};

void check_answer(const Told& told) {
    const auto& client = told.client;
    const auto text = client.text();
    INFO(client.raw());
    CHECK(whole_text().starts_with(text));
    if (told.left) return;
    REQUIRE(client.status() != 0);
    const bool error = client.body().find("\"error\"") != std::string::npos;
    if (client.status() != 200) {
        CHECK(client.whole());
        CHECK(error);
    } else if (client.whole()) {
        CHECK(text == whole_text());
        CHECK_FALSE(error);
        // A finish is an end, also where the provider's marker behind it did not come.
        if (told.stream) CHECK(client.body().find(kFinish) != std::string::npos);
    } else {
        CHECK(client.closed());
        CHECK(error);
    }
}

/// What has happened at all.
struct Happened {
    std::set<std::string> outcomes, causes, reasons;
    void note(const Books& books) {
        for (const auto& request : books.requests) outcomes.insert(request.outcome);
        for (const auto& attempt : books.attempts) {
            causes.insert(attempt.hedge ? "hedge" : attempt.cause);
            reasons.insert(attempt.reason);
        }
    }
};

// The rows of a request and of its attempts agree with each other and with what upstreams have
// seen.
void check_books(Proxy& proxy, Happened& happened) {
    const auto books = proxy.books();
    happened.note(books);
    CHECK(books.requests.size() == kRequests);
    std::map<std::uint64_t, std::size_t> attempts;
    std::map<std::uint64_t, std::uint64_t> tokens;
    std::map<std::string, std::size_t> delivered;
    for (const auto& attempt : books.attempts) {
        ++attempts[attempt.request];
        tokens[attempt.request] += attempt.tokens;
        delivered[attempt.upstream] += attempt.deliveries;
    }
    for (const auto& request : books.requests) {
        CHECK(attempts[request.no] == request.attempts);
        CHECK(tokens[request.no] == request.tokens);
    }
    CHECK(attempts.size() <= books.requests.size());
    for (const auto* name : {"one", "two", "three"}) {
        INFO(name);
        CHECK(delivered[name] == proxy.upstream(name).asked.size());
    }
}

// Nobody was asked on behalf of somebody who had left, or whose time was up.
void check_begun(Proxy& proxy, const Told& told, std::array<std::size_t, 3>& seen) {
    std::size_t place = 0;
    for (const auto* name : {"one", "two", "three"}) {
        const auto& asked = proxy.upstream(name).asked;
        for (auto& i = seen[place]; i < asked.size(); ++i) {
            CHECK(asked[i].at <= told.asked + kDeadline + 1ms);
            if (told.left) CHECK(asked[i].at <= *told.left + 1ms);
        }
        ++place;
    }
}

}  // namespace

TEST_CASE("Whatever happens: all requests end, no half answer looks whole, and the books agree") {
    Happened happened;
    for (unsigned seed = 1; seed <= kProxies; ++seed) {
        CAPTURE(seed);
        Chance chance(seed);
        Proxy proxy(kAll, seed);
        bool stream = false;
        for (const auto* name : {"one", "two", "three"}) {
            proxy.upstream(name).improvises = [&] { return chance.script(stream); };
        }
        std::array<std::size_t, 3> seen{};
        for (int i = 0; i < kRequests; ++i) {
            CAPTURE(i);
            stream = !chance.one_in(3);
            Told told(proxy.ask(stream), stream);
            told.asked = proxy.world.now();
            if (chance.one_in(4)) {
                proxy.world.until([&] { return told.client.answered(); }, chance.time(10s));
                if (!told.client.answered()) {
                    told.left = proxy.world.now();
                    told.client.leaves();
                }
            }
            REQUIRE(proxy.world.until([&] { return told.client.answered(); }, 2min));
            // What it was answered from may come to its end for a moment, to be used again.
            CHECK(proxy.world.until([&] { return proxy.inflight() == 0; }, 1s));
            check_answer(told);
            check_begun(proxy, told, seen);
            CHECK(proxy.active() == 0);
            // The next one meets entries that rest, or rest no more.
            proxy.world.pass(chance.time(3s));
        }
        check_books(proxy, happened);
    }
    using Names = std::set<std::string>;
    CHECK(happened.outcomes ==
          Names{"client_closed", "client_error", "exhausted", "fallback", "primary", "rescued"});
    CHECK(happened.causes == Names{"failover", "first", "hedge", "rescue", "retry"});
    for (const auto* reason : {"auth", "bad_request", "client_closed", "connection", "dropped",
                               "malformed", "ok", "rate_limit", "server_error", "timeout"}) {
        INFO(reason);
        CHECK(happened.reasons.contains(reason));
    }
}
