#include "cmd/probe/ask.hpp"

#include "cmd/probe/question.hpp"
#include "cmd/probe/scheme.hpp"
#include "config/text.hpp"
#include "net/resolver.hpp"
#include "upstreams/attempt.hpp"
#include "wire/model_list.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace understudy::cmd::probe {
namespace {

using net::Clock;
using net::Task;
using upstreams::Attempt;

constexpr std::chrono::seconds kListPatience{10};
constexpr std::chrono::seconds kSchemePatience{3};
constexpr std::size_t kLargestList = 4 << 20;
constexpr std::size_t kMostNames = 2000;
constexpr std::size_t kBodyKept = 4096;

// The value of `location` among header lines.
std::string location_in(std::string_view lines) {
    while (!lines.empty()) {
        const auto end = std::min(lines.find("\r\n"), lines.size());
        const auto line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 2, lines.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        if (!wire::iequals(line.substr(0, colon), "location")) continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        return std::string(value);
    }
    return {};
}

Heard heard_of(const Attempt& attempt) {
    Heard heard;
    heard.failure = attempt.failure();
    heard.status = attempt.head().status;
    heard.detail = attempt.detail();
    if (heard.status >= 300 && heard.status < 400) {
        heard.location = location_in(attempt.head().fields);
    }
    if (attempt.state() == Attempt::State::failed && attempt.error_event().empty()) {
        heard.body = attempt.body().substr(0, kBodyKept);
    } else {
        heard.body = attempt.error_event().substr(0, kBodyKept);
    }
    return heard;
}

Heard went_wrong(const std::exception& e) {
    Heard heard;
    heard.failure = wire::FailureClass::connection;
    heard.detail = e.what();
    return heard;
}

// The same place by the other scheme, for somebody who only wants to know who is there.
config::Upstream stranger(const config::Upstream& upstream) {
    config::Upstream other = upstream;
    other.base_url = other_scheme(upstream.base_url);
    other.api_key.reset();
    other.aws.reset();
    other.headers.clear();
    other.tls.verify = false;
    other.tls.ca.clear();
    return other;
}

// One upstream with what an attempt needs of it.
struct Target {
    Target(upstreams::WorkerContext& context, const config::Upstream& u)
        : upstream(u),
          tls(u.base_url.tls ? std::make_shared<net::TlsContext>(upstreams::trust_of(u.tls))
                             : nullptr),
          peer(context, u, tls, std::make_shared<upstreams::Places>(1)),
          head(u) {}
    const config::Upstream& upstream;
    std::shared_ptr<const net::TlsContext> tls;
    upstreams::Peer peer;
    upstreams::HeadTemplate head;
};

upstreams::AttemptSpec spec_for(Target& target) {
    upstreams::AttemptSpec spec;
    spec.upstream = &target.upstream;
    spec.head_template = &target.head;
    spec.peer = &target.peer;
    spec.decode = true;
    return spec;
}

upstreams::AttemptSpec list_spec(Target& target, std::chrono::seconds patience) {
    auto spec = spec_for(target);
    spec.head.method = "GET";
    spec.head.path = wire::model_list_path(target.upstream.dialect);
    spec.head.has_body = false;
    spec.shape = wire::AnswerShape::opaque;
    spec.buffer_response = kLargestList;
    spec.deadline = Clock::now() + patience;
    return spec;
}

Task<void> fetch_list(Target& target, std::chrono::seconds patience, Listing& listing) {
    const auto spec = list_spec(target, patience);
    net::Signal signal;
    const bool never_gone = false;
    Attempt attempt(spec, signal, never_gone);
    co_await attempt.run();
    listing.heard = heard_of(attempt);
    if (attempt.state() == Attempt::State::whole) {
        listing.read = wire::read_model_list(attempt.body(), kMostNames, listing.names);
        std::erase_if(listing.names, [](const auto& n) { return !config::is_model_name(n); });
    }
    const bool released = attempt.release();
    if (!released) co_await attempt.settle();
}

Task<void> ask_once(Target& target, const std::string& model, bool ask_usage, Told& told) {
    const auto question = question_for(target.upstream.dialect, model, ask_usage);
    wire::RequestFacts facts;
    wire::scan_request(question.body, facts);
    auto spec = spec_for(target);
    spec.head.method = "POST";
    spec.head.path = question.path;
    spec.head.action = question.action;
    spec.head.model = model;
    spec.body = question.body;
    spec.shape = question.shape;
    spec.facts = &facts;
    spec.stream = true;
    spec.asks_usage = ask_usage;
    net::Signal signal;
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
    told.heard = heard_of(attempt);
    told.streams = attempt.event_stream();
    told.usage = attempt.metered().usage.has_value();
    told.refuses_stream_options = attempt.refused_our_addition();
    if (attempt.first_token_at() != net::TimePoint{}) {
        told.first_token = std::chrono::duration_cast<std::chrono::milliseconds>(
            attempt.first_token_at() - attempt.sent_at());
    }
    co_await attempt.settle();
}

// What refuses `stream_options` is asked again without, as the daemon would.
Task<void> fetch_answer(Target& target, const std::string& model, Told& told) {
    co_await ask_once(target, model, true, told);
    if (!told.refuses_stream_options) co_return;
    told = Told{};
    co_await ask_once(target, model, false, told);
    told.refuses_stream_options = true;
}

}  // namespace

// The few things an attempt needs, without a server around it.
struct Questions::Bench {
    explicit Bench(const config::Upstream& u) : upstream(u) {}

    // Runs one question to its end; an exception (trusted certificates that cannot be read) is an
    // outcome as well.
    template <class Question>
    void run(Question question, Heard& heard) {
        bool done = false;
        const auto guarded = [&]() -> Task<void> {
            try {
                co_await question();
            } catch (const std::exception& e) {
                heard = went_wrong(e);
            }
            done = true;
        };
        net::spawn(guarded());
        while (!done && io.run_one() > 0) {
        }
    }

    Target& own() {
        if (!target) target = std::make_unique<Target>(context, upstream);
        return *target;
    }

    const config::Upstream& upstream;
    net::MemoryBudget budget{std::size_t{64} << 20};  // outlives reads that io still holds
    upstreams::ScratchPool scratch;
    boost::asio::io_context io{1};
    net::TimerQueue timers{io};
    net::Resolver resolver;
    net::DnsCache dns{resolver, io};
    metrics::WorkerSeries series;
    upstreams::WorkerContext context{io, timers, dns, budget, scratch, series};
    std::unique_ptr<Target> target;
};

Questions::Questions(const config::Upstream& upstream)
    : bench_(std::make_unique<Bench>(upstream)) {}

Questions::~Questions() = default;

Listing Questions::list_models() {
    Listing listing;
    bench_->run([&]() -> Task<void> { return fetch_list(bench_->own(), kListPatience, listing); },
                listing.heard);
    return listing;
}

Told Questions::chat(const std::string& model) {
    Told told;
    bench_->run([&]() -> Task<void> { return fetch_answer(bench_->own(), model, told); },
                told.heard);
    return told;
}

bool Questions::answers_by_other_scheme() {
    const auto other = stranger(bench_->upstream);
    Listing listing;
    std::optional<Target> target;
    bench_->run(
        [&]() -> Task<void> {
            target.emplace(bench_->context, other);
            return fetch_list(*target, kSchemePatience, listing);
        },
        listing.heard);
    const auto step = reached(listing.heard, other.base_url.tls);
    // A TLS handshake proves it; plain HTTP is proven by an answer.
    return other.base_url.tls ? step == Step::answer : listing.heard.status != 0;
}

}  // namespace understudy::cmd::probe
