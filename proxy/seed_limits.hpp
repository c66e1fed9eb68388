// What keys have used before this process, or before they had a limit: from the ledger. At start
// and at a reload, in a thread that may wait for the disk.
#pragma once

#include "ledger/ledger.hpp"
#include "ledger/reader.hpp"
#include "limits/purse.hpp"
#include "proxy/runtime.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace understudy::proxy {

/// Fills in what the keys that begin to have limits in `loaded`, for the first time or again, have
/// used this minute, day and month. Without a ledger they begin with nothing more than was counted,
/// and so they do, with a line in the log, where it cannot be read.
void seed_limits(const LoadedConfig& loaded, ledger::Ledger* ledger);

/// Guesses included.
limits::NanoUsd cost_of(const ledger::Sums& sums);

/// A span of the wall clock, as the ledger has it: up to but not with `to`. What is dated later, by
/// a clock that has been set back since, is no part of it.
struct WallSpan {
    std::chrono::sys_seconds from, to;
};
/// The whole of the day or month that this time falls into.
WallSpan whole(limits::Period period, std::chrono::sys_seconds wall);

/// Calls `use` for each key that the ledger has something of in this span.
ledger::Fault each_key_sum(
    ledger::Reader& reader, const WallSpan& span,
    const std::function<void(const std::string& key, const ledger::Sums&)>& use);

}  // namespace understudy::proxy
