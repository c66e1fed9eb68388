// The ledger that a configuration asks for, opened, or none where none can be.
#pragma once

#include "config/config.hpp"
#include "ledger/ledger.hpp"
#include "net/bytes.hpp"

#include <functional>
#include <memory>
#include <span>

namespace understudy::proxy {

/// How much of `limits.memory` rows may wait in.
std::size_t ledger_room(std::size_t memory_limit);

/// Whether the process that this one takes over from lives.
using PredecessorLives = std::function<bool()>;

/// By how much others have raised which counters (ledger::Settings::grown).
using Grown = std::function<void(std::span<const ledger::Counter>)>;

/// Opens it; null: off, or nobody named a place and the usual one cannot be written, which is said.
/// One that was asked for and cannot be opened yet is tried again for as long as it takes.
std::unique_ptr<ledger::Ledger> open_ledger(const config::Config& config, std::size_t mailboxes,
                                            net::MemoryBudget& budget, Grown grown,
                                            ledger::Follower& follower,
                                            PredecessorLives predecessor_lives);

}  // namespace understudy::proxy
