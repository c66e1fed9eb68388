#include "proxy/books.hpp"

#include "wire/dialect.hpp"

#include <chrono>
#include <random>

namespace understudy::proxy {

namespace {

constexpr std::size_t kLongestDetail = 200;
constexpr std::int64_t kPicoPerNano = 1000;

std::int64_t microseconds(std::chrono::nanoseconds d) {
    return d.count() / 1000;
}

// On the wall clock, which may be set at any time; durations are those of the steady one. The two
// are compared once a tick of the kernel's, which a turn of the worker is not longer than.
std::int64_t wall_us(net::TimePoint then) {
    struct Compared {
        net::TimePoint at{};
        std::chrono::nanoseconds ahead{};
    };
    static thread_local Compared last;
    const auto tick = net::coarse_now();
    if (tick != last.at) {
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        last = {tick, wall - net::Clock::now().time_since_epoch()};
    }
    const auto at = then.time_since_epoch() + last.ahead;
    return std::chrono::duration_cast<std::chrono::microseconds>(at).count();
}

std::uint64_t chance() {
    std::random_device source;
    return (std::uint64_t{source()} << 32 | source()) & INT64_MAX;
}

}  // namespace

Books::Books(ledger::Ledger& ledger, std::size_t mailbox)
    : ledger_(ledger), mailbox_(mailbox), no_(chance()) {}

void put_bill(const Bill& bill, const metrics::PriceTable& prices, ledger::AttemptRow& row) {
    using ledger::UsageKind;
    if (!bill.reported && !bill.estimated) return;
    const auto t = bill.said();
    row.usage = !bill.estimated ? UsageKind::reported
                : bill.reported ? UsageKind::both
                                : UsageKind::estimated;
    row.tokens = {t.input, t.cache_read, t.cache_write, t.output, t.reasoning};
    row.estimated_input = bill.guessed.input;
    row.estimated_output = bill.guessed.output;
    row.cost_nano_usd = bill.said_cost_pico_usd() / kPicoPerNano;
    row.estimated_cost_nano_usd = bill.guessed_cost_pico_usd / kPicoPerNano;
    row.unpriced = bill.unpriced();
    row.price = price_version(bill.priced_by, prices);
}

void Books::put(const AttemptReport& report, const Inbound& request,
                const AttemptContext& context) {
    ledger::AttemptRow row;
    row.request = request.request_id;
    row.request_no = context.request_no;
    row.session = request.session;
    row.route = context.route;
    if (request.key != nullptr) row.key = request.key->name;
    row.upstream = report.upstream;
    row.model = shortened(report.model);
    row.answered = shortened(report.answered_model);
    row.dialect = wire::name_of(request.endpoint.dialect);
    row.reason = wire::name_of(report.reason);
    row.cause = name_of(report.cause);
    row.tier = shortened(report.service_tier, kLongestDetail);
    row.detail = shortened(report.detail, kLongestDetail);
    row.label = context.series->model;
    row.operation = metrics::name_of(context.series->operation);
    row.moved_from = report.moved_from;
    if (!report.moved_from.empty()) row.moved_why = wire::name_of(report.moved_why);
    row.ended_us = wall_us(report.started + report.took);
    row.total_us = microseconds(report.took);
    if (report.first_token.count() >= 0) row.first_token_us = microseconds(report.first_token);
    row.bytes_sent = report.bytes_sent;
    row.bytes_received = report.bytes_received;
    row.number = report.number;
    row.position = report.position;
    row.status = report.status;
    row.deliveries = report.deliveries;
    row.hedge = report.cause == Cause::hedge;
    row.hedge_won = report.hedge_won();
    row.overtaken = report.overtaken;
    put_bill(report.bill, *context.prices, row);
    if (report.usage_missing()) row.usage = ledger::UsageKind::missing;
    ledger_.put(mailbox_, row);
}

void Books::put(const RequestReport& report) {
    ledger::RequestRow row;
    row.request = report.id;
    row.no = report.no;
    row.given = report.id_given;
    row.session = report.session;
    row.route = report.route;
    row.key = report.key;
    row.path = report.path;
    row.model = shortened(report.model);
    row.outcome = metrics::name_of(report.outcome);
    row.code = report.error_code;
    row.served_by = report.served_by;
    row.served_model = report.served_model;
    row.ended_us = wall_us(report.received_at + report.took);
    row.total_us = microseconds(report.took);
    row.bytes_received = report.bytes_received;
    row.prompt_tokens = report.usage.tokens.prompt();
    row.completion_tokens = report.usage.tokens.completion();
    row.cost_nano_usd = report.total_cost_pico_usd / kPicoPerNano;
    row.status = report.status;
    row.attempts = report.attempts;
    row.stream = report.stream;
    row.broken = report.broken;
    ledger_.put(mailbox_, row);
}

}  // namespace understudy::proxy
