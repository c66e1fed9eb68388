#include "proxy/report.hpp"

#include "net/task.hpp"
#include "proxy/record.hpp"
#include "tests/unit/proxy/support.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <memory>

using namespace understudy::proxy;
using namespace understudy::proxy::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using understudy::metrics::Operation;
using understudy::metrics::Outcome;
using understudy::wire::AnswerShape;
using understudy::wire::FailureClass;

TEST_CASE("Names are shortened between characters") {
    CHECK(shortened("gpt-4o") == "gpt-4o");
    CHECK(shortened(std::string(200, 'x')) == std::string(128, 'x'));
    CHECK(shortened("aä\u20ac", 6) == "aä\u20ac");
    CHECK(shortened("aä\u20ac", 5) == "aä");
    CHECK(shortened("aä\u20ac", 3) == "aä");
    CHECK(shortened("aä", 2) == "a");
    CHECK(shortened("\xbf\xbf\xbf", 2).empty());
}

namespace {

constexpr auto kYaml =
    "upstreams:\n  - { name: one, base_url: 'http://127.0.0.1:1/v1', model: m }\n";

std::uint64_t counted(const understudy::metrics::AttemptSeries& series, FailureClass reason) {
    return series.attempts[static_cast<std::size_t>(reason)].value();
}

/// A request whose attempts come and go as a test has it.
struct Exchange {
    Exchange() {
        inbound.request_id = "req_1";
        inbound.endpoint.shape = AnswerShape::chat;
        inbound.endpoint.path = "/chat/completions?key=secret";
        spec.upstream = &runtime->config().upstreams[0];
        spec.peer = runtime->routes()[0].entries[0].peer.get();
        spec.shape = AnswerShape::chat;
        request.emplace(*runtime, inbound, runtime->routes().data(), client_gone, cut_off);
    }
    /// One attempt with its record; it is never let run.
    struct Lane {
        Lane(Exchange& x, std::size_t position, Cause cause)
            : attempt(x.spec, x.signal, x.client_gone),
              record(*x.runtime, *x.request, x.inbound, x.spec, attempt, "m", position, cause) {}
        understudy::upstreams::Attempt attempt;
        AttemptRecord record;
    };
    std::unique_ptr<Lane> start(std::size_t position = 0, Cause cause = Cause::first) {
        return std::make_unique<Lane>(*this, position, cause);
    }
    understudy::metrics::AttemptSeries& series() {
        return runtime->series(*spec.upstream, "m", Operation::chat);
    }

    Bench bench;
    std::shared_ptr<Runtime> runtime = bench.load(kYaml);
    Inbound inbound;
    bool client_gone = false;
    bool cut_off = false;
    understudy::net::Signal signal;
    understudy::upstreams::AttemptSpec spec;
    std::optional<RequestRecord> request;
};

}  // namespace

TEST_CASE("An attempt is named by upstream and model, and by nothing that could break a header") {
    CHECK(attempt_name("openai", "gpt-4o") == "openai/gpt-4o");
    CHECK(attempt_name("openai", "") == "openai");
    CHECK(attempt_name("", "gpt-4o") == "/gpt-4o");
    CHECK(attempt_name("backup", "openai/gpt-4o:free@x") == "backup/openai/gpt-4o:free@x");
    for (const auto& [model, expected] : {std::pair{"a\r\nset-cookie: x"s, "u/a__set-cookie:_x"s},
                                          {"a;ok;200;1ms, b"s, "u/a_ok_200_1ms__b"s},
                                          {"a\0b"s, "u/a_b"s},
                                          {"\"\\"s, "u/__"s},
                                          {"\x7f\x1b"s, "u/__"s},
                                          {"\xC3\xA9"s, "u/__"s},
                                          {"\xFF"s, "u/_"s},
                                          {" "s, "u/_"s}}) {
        CHECK(attempt_name("u", model) == expected);
    }
    CHECK(attempt_name("u", std::string(128, 'm')) == "u/" + std::string(128, 'm'));
    CHECK(attempt_name("u", std::string(100'000, 'm')) == "u/" + std::string(128, 'm'));
}

TEST_CASE("Any entry of a trace can be put right, wherever it stands") {
    const TraceEntry first{"a", "m", FailureClass::none, 200, 12ms};
    const TraceEntry second{"b", "x,y;z", FailureClass::timeout, 0, 1500us};
    const TraceEntry third{"c", "", FailureClass::rate_limit, 429, 3ms};
    std::string trace;
    append_trace(trace, first);
    CHECK(trace == "a/m;ok;200;12ms");
    append_trace(trace, second);
    append_trace(trace, third);
    CHECK(trace == "a/m;ok;200;12ms, b/x_y_z;timeout;-;1ms, c;rate_limit;429;3ms");
    replace_trace(trace, 0, {"a", "m", FailureClass::client_closed, 200, 14ms});
    CHECK(trace == "a/m;client_closed;200;14ms, b/x_y_z;timeout;-;1ms, c;rate_limit;429;3ms");
    replace_trace(trace, 2, {"c", "", FailureClass::none, 200, 9ms});
    CHECK(trace == "a/m;client_closed;200;14ms, b/x_y_z;timeout;-;1ms, c;ok;200;9ms");
    replace_trace(trace, 1, third);
    CHECK(trace == "a/m;client_closed;200;14ms, c;rate_limit;429;3ms, c;ok;200;9ms");
    for (const std::size_t length : {64, 65, 1000}) {
        std::string one;
        const std::string upstream(length, 'u');
        append_trace(one, {upstream, "m", FailureClass::none, 200, 1ms});
        CHECK(one == upstream + "/m;ok;200;1ms");
    }
}

TEST_CASE("Two attempts at once are each counted once, whichever ends first") {
    Exchange x;
    auto first = x.start(0);
    auto beside = x.start(0, Cause::hedge);
    CHECK(x.request->attempts == 2);
    beside->record.trace();
    first->record.dropped(FailureClass::timeout);
    first->record.trace();
    CHECK(x.request->trace == "one/m;ok;-;0ms, one/m;timeout;-;0ms");
    first.reset();
    CHECK(counted(x.series(), FailureClass::timeout) == 1);
    beside.reset();  // dropped without a word: the client left
    CHECK(counted(x.series(), FailureClass::client_closed) == 1);
    CHECK(x.request->trace == "one/m;client_closed;-;0ms, one/m;timeout;-;0ms");
    std::uint64_t all = 0;
    for (const auto& n : x.series().attempts) all += n.value();
    CHECK(all == 2);
    CHECK(x.series().usage_missing.value() == 0);
    CHECK_FALSE(x.request->broken);
    CHECK(x.request->served_by.empty());
}

TEST_CASE("Usage is missed only where an answer of its kind came to its end without it") {
    AttemptReport report;
    report.shape = AnswerShape::chat;
    CHECK_FALSE(report.usage_missing());
    report.ended = true;
    CHECK(report.usage_missing());
    for (const auto shape :
         {AnswerShape::completion, AnswerShape::responses, AnswerShape::embeddings}) {
        report.shape = shape;
        CHECK(report.usage_missing());
    }
    for (const auto shape : {AnswerShape::images, AnswerShape::opaque, AnswerShape::moderations,
                             AnswerShape::transcription, AnswerShape::other_json}) {
        report.shape = shape;
        CHECK_FALSE(report.usage_missing());
    }
    report.shape = AnswerShape::chat;
    report.bill.reported = true;  // by the piece
    CHECK(report.usage_missing());
    report.bill.tokens.input = 1;
    CHECK_FALSE(report.usage_missing());
}

TEST_CASE("A report's figures come to the series of its source, a first token only of a stream") {
    Bench bench;
    auto& series = bench.registry.shard(0).attempt("one", "m");
    AttemptReport report;
    report.ended = true;
    report.shape = AnswerShape::chat;
    report.took = 5ms;
    report.first_token = 2ms;
    report.bill.reported = true;
    report.bill.tokens = {100, 20, 0, 30, 4};
    report.bill.cost_pico_usd = 700;
    count(report, series);
    CHECK(series.first_token.sum() == 0);
    report.event_stream = true;
    report.bill.reported = false;
    report.bill.estimated = true;
    report.bill.guessed = report.bill.tokens = {100, 0, 0, 30, 0};
    report.bill.cost_pico_usd = std::nullopt;
    count(report, series);
    CHECK(series.first_token.sum() == 2'000'000);
    report.first_token = -1ns;
    report.bill.estimated = false;
    count(report, series);
    CHECK(series.duration.sum() == 15'000'000);
    CHECK(counted(series, FailureClass::none) == 3);
    CHECK(series.tokens[0][0].value() == 100);
    CHECK(series.tokens[0][1].value() == 100);
    CHECK(series.cost_pico_usd[0].value() == 700);
    CHECK(series.cost_pico_usd[1].value() == 0);
    CHECK(series.usage_missing.value() == 2);
    report.bill.reported = report.bill.estimated = true;
    report.bill.tokens = {7, 0, 0, 30, 0};
    report.bill.guessed = {0, 0, 0, 27, 0};
    report.bill.cost_pico_usd = 400;
    report.bill.guessed_cost_pico_usd = 370;
    count(report, series);
    CHECK(series.tokens[0][0].value() == 107);
    CHECK(series.tokens[0][1].value() == 100);
    CHECK(series.tokens[3][0].value() == 33);
    CHECK(series.tokens[3][1].value() == 57);
    CHECK(series.cost_pico_usd[0].value() == 730);
    CHECK(series.cost_pico_usd[1].value() == 370);
    CHECK(series.usage_missing.value() == 2);
    // Two thousand answers at the highest cost there is: full, and not begun anew.
    report.bill.guessed_cost_pico_usd = 0;
    report.bill.cost_pico_usd = 10'000'000'000'000'000;
    for (int i = 0; i < 2000; ++i) count(report, series);
    CHECK(series.cost_pico_usd[0].value() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("A request's line has what there is, and nothing in place of what there is not") {
    RequestReport report;
    report.id = "req_1";
    report.path = "/chat/completions";
    report.model = "gpt";
    report.outcome = Outcome::fallback;
    report.status = 200;
    report.attempts = 2;
    report.took = 1500ms;
    CHECK(format_text("request", log_fields(report)) ==
          "request id=req_1 path=/chat/completions model=gpt outcome=fallback status=200 ms=1500 "
          "stream=false attempts=2 client=\"\"");
    report.route = "* when images";
    report.broken = true;
    report.error_code = "upstream_timeout";
    report.stream = true;
    report.stale_replays = 1;
    report.trace = "one/m;ok;200;1ms";
    report.served_by = "one";
    report.served_model = "m-1";
    report.usage.reported = true;
    report.usage.tokens = {10, 5, 1, 7, 3};
    report.total_cost_pico_usd = 1'000'000;
    report.key = "team-a";
    report.client = boost::asio::ip::make_address("127.0.0.1");
    report.session = "s";
    CHECK(format_text("request", log_fields(report)) ==
          "request id=req_1 path=/chat/completions model=gpt route=\"* when images\" "
          "outcome=fallback ended=broken status=200 code=upstream_timeout ms=1500 stream=true "
          "attempts=2 stale_replays=1 trace=one/m;ok;200;1ms upstream=one served_model=m-1 "
          "usage=reported prompt_tokens=16 completion_tokens=10 cache_read_tokens=5 "
          "cache_write_tokens=1 reasoning_tokens=3 cost_usd=0.000001 key=team-a "
          "client=127.0.0.1 session=s");
}

TEST_CASE("A hedge has won where its answer was taken") {
    AttemptReport report;
    report.cause = Cause::hedge;
    report.served = true;
    CHECK(report.hedge_won());
    report.reason = FailureClass::malformed;  // it had begun well
    CHECK(report.hedge_won());
    report.reason = FailureClass::empty;  // a better one was looked for
    CHECK_FALSE(report.hedge_won());
    report.reason = FailureClass::none;
    report.overtaken = true;  // in the same moment
    CHECK_FALSE(report.hedge_won());
    report.overtaken = false;
    report.served = false;
    CHECK_FALSE(report.hedge_won());
    report.served = true;
    report.cause = Cause::failover;
    CHECK_FALSE(report.hedge_won());
}
