#include "proxy/seed_limits.hpp"

#include "ledger/reader.hpp"
#include "proxy/log.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace understudy::proxy {

namespace {

using ledger::Fault;
using limits::Moment;
using limits::Period;

constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kGroupCommit{250};  // longer than one takes
constexpr std::chrono::seconds kMinute{60};

std::int64_t us(std::chrono::sys_seconds wall) {
    return std::chrono::duration_cast<std::chrono::microseconds>(wall.time_since_epoch()).count();
}

std::uint64_t tokens_of(const ledger::Sums& sums) {
    return sums.tokens.total() + sums.estimated_input + sums.estimated_output;
}

using Begun = std::map<std::string, limits::Allowance*, std::less<>>;

// What was counted already is looked up behind the ledger: what is in both is then never booked
// twice, and what has not come to the ledger yet the follower finds.
Fault fill_in(ledger::Reader& reader, const Begun& keys, const Moment& now) {
    const auto each = [&](const WallSpan& span, const auto& use) {
        return each_key_sum(reader, span, [&](const std::string& name, const ledger::Sums& sums) {
            const auto found = keys.find(name);
            if (found != keys.end()) use(*found->second, sums);
        });
    };
    auto fault = Fault::none;
    for (const auto period : {Period::day, Period::month}) {
        if (fault != Fault::none) return fault;
        fault = each(whole(period, now.wall), [&](auto& key, const auto& sums) {
            auto& purse = *key.purse();
            purse.catch_up(period, now, cost_of(sums), purse.spent(period, now));
        });
    }
    if (fault != Fault::none) return fault;
    // The clock may have been set back a little since.
    return each({now.wall - kMinute, now.wall + kMinute}, [&](auto& key, const auto& sums) {
        key.rates().start_with(now, sums.requests, tokens_of(sums));
    });
}

}  // namespace

limits::NanoUsd cost_of(const ledger::Sums& sums) {
    return sums.cost_nano_usd + sums.estimated_cost_nano_usd;
}

WallSpan whole(Period period, std::chrono::sys_seconds wall) {
    return {limits::begin_of(period, wall), limits::end_of(period, wall)};
}

Fault each_key_sum(ledger::Reader& reader, const WallSpan& span,
                   const std::function<void(const std::string&, const ledger::Sums&)>& use) {
    std::vector<ledger::UsageLine> lines;
    const auto fault = reader.usage(ledger::By::key, {us(span.from), us(span.to)}, lines);
    if (fault != Fault::none) return fault;
    for (const auto& line : lines) use(line.name, line.sums);
    return fault;
}

void seed_limits(const LoadedConfig& loaded, ledger::Ledger* ledger) {
    Begun keys;
    loaded.each_new_allowance(
        [&](const std::string& name, limits::Allowance& key) { keys.emplace(name, &key); });
    if (keys.empty() || ledger == nullptr) return;
    ledger->settle(kGroupCommit);
    const auto reader = ledger::sqlite_reader(ledger->place());
    auto fault = reader->open();
    if (fault == Fault::none) {
        reader->limit_time(kPatience);
        fault = fill_in(*reader, keys, limits::now());
    }
    if (fault == Fault::none) return;
    log(config::LogLevel::error, "limits",
        {{"message", "what keys have used cannot be read from the ledger (" + reader->why() +
                         "): their limits begin anew"}});
}

}  // namespace understudy::proxy
