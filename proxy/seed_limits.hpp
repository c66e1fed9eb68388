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

/// Calls `use` for each key that the ledger has something of since then.
ledger::Fault each_key_sum(
    ledger::Reader& reader, std::chrono::sys_seconds since,
    const std::function<void(const std::string& key, const ledger::Sums&)>& use);

}  // namespace understudy::proxy
