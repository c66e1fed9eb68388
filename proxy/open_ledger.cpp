#include "proxy/open_ledger.hpp"

#include "ledger/sqlite/sqlite_store.hpp"
#include "proxy/log.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

namespace {

void tell(const ledger::News& news) {
    const auto level = news.bad ? config::LogLevel::error : config::LogLevel::info;
    log(level, news.event, {{"message", news.message}});
}

bool no_place(ledger::Fault fault) {
    return fault == ledger::Fault::read_only || fault == ledger::Fault::unreachable;
}

}  // namespace

std::size_t ledger_room(std::size_t memory_limit) {
    constexpr std::size_t kLeast = 256 << 10, kMost = 64 << 20;
    return std::clamp(memory_limit / 16, kLeast, kMost);
}

std::unique_ptr<ledger::Ledger> open_ledger(const config::Config& config, std::size_t mailboxes,
                                            net::MemoryBudget& budget, Grown grown,
                                            ledger::Follower& follower,
                                            PredecessorLives predecessor_lives) {
    if (!config.ledger) return nullptr;
    const auto& wanted = *config.ledger;
    // A place that nobody asked for is no reason to complain for ever.
    const bool may_do_without = wanted.by_default && !wanted.required;
    ledger::Settings settings;
    settings.mailboxes = mailboxes;
    settings.most_bytes = ledger_room(config.limits.memory_bytes);
    settings.keep = wanted.keep;
    settings.take_memory = [&budget](std::size_t n) { return budget.take_reserved(n); };
    settings.give_memory = [&budget](std::size_t n) { budget.give(n); };
    settings.tell = tell;
    settings.grown = std::move(grown);
    settings.follower = &follower;
    auto store = ledger::sqlite_store(wanted.path);
    if (may_do_without) {
        store->leave_form(predecessor_lives());
        const auto fault = store->open();
        if (no_place(fault)) {
            log(config::LogLevel::warn, "ledger_off",
                {{"message", "no ledger is kept: " + wanted.path + " cannot be written (" +
                                 store->why() +
                                 "); name a place with `ledger: { path: FILE }`, or write "
                                 "`ledger: off`"}});
            return nullptr;
        }
    }
    settings.predecessor_lives = std::move(predecessor_lives);
    auto opened = std::make_unique<ledger::Ledger>(std::move(store), std::move(settings));
    opened->start();
    return opened;
}

}  // namespace understudy::proxy
