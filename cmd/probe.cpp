#include "cmd/probe.hpp"

#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "upstreams/attempt.hpp"
#include "upstreams/resolver.hpp"

#include <boost/asio/io_context.hpp>

#include <unistd.h>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace understudy::cmd {

namespace {

using upstreams::Attempt;
using upstreams::Task;

// What one upstream told us; "-" where the question was never reached.
struct Row {
    Row() = default;
    std::string name, dns = "-", tls = "-", auth = "-", model = "-", streams = "-", usage = "-",
                      first_token = "-", problem;
    bool ok() const { return problem.empty(); }
};

// The few things an attempt needs, without a server around it.
struct Bench {
    upstreams::MemoryBudget budget{std::size_t{64} << 20};  // outlives reads that io still holds
    upstreams::ScratchPool scratch;
    boost::asio::io_context io{1};
    upstreams::TimerQueue timers{io};
    upstreams::Resolver resolver;
    upstreams::DnsCache dns{resolver, io};
    metrics::WorkerSeries series;
    upstreams::WorkerContext context{io, timers, dns, budget, scratch, series};
};

// A model to ask for: the upstream's own, or one that a chain or a literal route names for it.
std::optional<std::string> model_for(const config::Config& config, std::size_t index) {
    if (config.upstreams[index].model) return config.upstreams[index].model;
    for (const auto& route : config.routes) {
        for (const auto& entry : route.chain) {
            if (entry.upstream != index) continue;
            if (entry.model) return entry.model;
            if (route.model.find_first_of("*?") == std::string::npos) return route.model;
        }
    }
    return std::nullopt;
}

std::string question(const std::string& model) {
    return "{\"model\":" + wire::encode_string(model) +
           R"(,"messages":[{"role":"user","content":"Reply with the word ok."}],)"
           R"("stream":true,"stream_options":{"include_usage":true}})";
}

// How far the attempt came decides which columns are known.
void read_outcome(const Attempt& attempt, bool tls, Row& row) {
    using wire::FailureClass;
    const auto failure = attempt.failure();
    if (attempt.head().status == 0) {
        if (tls) row.tls = attempt.detail().starts_with("TLS") ? "FAILED" : "-";
        row.problem = attempt.detail();
        return;
    }
    if (tls) row.tls = "ok";
    if (failure == FailureClass::auth) {
        row.auth = "REFUSED";
        row.problem = attempt.detail() + ": the key was not accepted";
        return;
    }
    row.auth = "ok";
    if (failure == FailureClass::not_found) {
        row.model = "MISSING";
        row.problem = attempt.detail() + ": no such model or path there";
        return;
    }
    if (failure != FailureClass::none) {
        row.problem = std::string(wire::name_of(failure)) + ": " + attempt.detail();
        return;
    }
    row.model = "ok";
    row.streams = attempt.event_stream() ? "ok" : "NO";
    row.usage = attempt.metered().usage ? "ok" : "MISSING";
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(attempt.first_token_at() -
                                                                          attempt.sent_at());
    row.first_token = std::to_string(ms.count()) + " ms";
    if (!attempt.event_stream()) row.problem = "the answer was not a stream of events";
    if (attempt.state() == Attempt::State::broken) row.problem = attempt.detail();
}

Task<void> ask(Bench& bench, const config::Upstream& upstream, std::string model, Row& row) {
    std::shared_ptr<const upstreams::TlsContext> tls;
    if (upstream.base_url.tls) tls = std::make_shared<upstreams::TlsContext>(upstream.tls);
    upstreams::Peer peer(bench.context, upstream, tls, 1);
    const std::string body = question(model);
    wire::RequestFacts facts;
    wire::scan_request(body, facts);
    const upstreams::HeadTemplate head(upstream);
    upstreams::AttemptSpec spec;
    spec.upstream = &upstream;
    spec.head_template = &head;
    spec.peer = &peer;
    spec.head.method = "POST";
    spec.head.path = "/chat/completions";
    spec.head.model = model;
    spec.body = body;
    spec.facts = &facts;
    spec.stream = true;
    upstreams::Signal signal;
    const bool never_gone = false;
    Attempt attempt(spec, signal, never_gone);
    co_await attempt.run();
    while (attempt.state() == Attempt::State::committed) {
        attempt.advance();
        while (!attempt.pump()) {
            co_await signal.wait();
            if (attempt.waited_in_vain()) break;
        }
    }
    row.dns = attempt.detail().starts_with("resolve") ? "FAILED" : "ok";
    read_outcome(attempt, upstream.base_url.tls, row);
    co_await attempt.settle();
}

Row probe(const config::Config& config, std::size_t index) {
    const auto& upstream = config.upstreams[index];
    Row row;
    row.name = upstream.name;
    const auto model = model_for(config, index);
    if (!model) {
        row.problem = "no model is configured for it, so there is nothing to ask for";
        return row;
    }
    Bench bench;
    bool done = false;
    const auto run = [&]() -> Task<void> {
        try {
            co_await ask(bench, upstream, *model, row);
        } catch (const std::exception& e) {
            row.problem = e.what();
        }
        done = true;
    };
    upstreams::spawn(run());
    while (!done && bench.io.run_one() > 0) {
    }
    return row;
}

void print(const Row& row, bool colour) {
    std::printf("%-16s %-7s %-7s %-8s %-8s %-8s %-8s %-12s %s%s%s\n", row.name.c_str(),
                row.dns.c_str(), row.tls.c_str(), row.auth.c_str(), row.model.c_str(),
                row.streams.c_str(), row.usage.c_str(), row.first_token.c_str(),
                colour ? (row.ok() ? "\x1b[32m" : "\x1b[31m") : "",
                row.ok() ? "usable" : row.problem.c_str(), colour ? "\x1b[0m" : "");
    std::fflush(stdout);
}

}  // namespace

int run_probe(const config::Config& config) {
    const bool colour = wants_colour(STDOUT_FILENO);
    std::printf("%-16s %-7s %-7s %-8s %-8s %-8s %-8s %-12s %s\n", "upstream", "dns", "tls", "auth",
                "model", "streams", "usage", "first token", "verdict");
    bool all = true;
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        const auto row = probe(config, i);
        print(row, colour);
        all = all && row.ok();
    }
    return all ? kOk : kFailure;
}

}  // namespace understudy::cmd
