// Limits learn what was spent elsewhere: by the process that this one takes over from, or by
// another that writes to the same ledger; by requests that began before their key had a limit; and
// in a day or month into which the clock was set, and whose beginning this process has not seen.
// What a purse lacks of the ledger's sum is booked, in the ledger's own thread.
#pragma once

#include "ledger/follower.hpp"
#include "ledger/reader.hpp"
#include "limits/moment.hpp"
#include "proxy/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace understudy::proxy {

class LimitsFollower final : public ledger::Follower {
  public:
    /// Where the ledger is; before the first call of any other.
    void read_from(std::string path) { path_ = std::move(path); }
    /// The configuration that is in use from now on. Any thread.
    void use(std::shared_ptr<const LoadedConfig> loaded);

    // The ledger's thread: -----------------------------------------------------------------------
    void written(bool by_others) override;
    std::optional<Clock::time_point> due() override;
    void prepare() override;
    void look() override;

  private:
    /// A purse, and what was booked in it when prepare() was called.
    struct OfKey {
        limits::Allowance* allowance = nullptr;  // of `seen_`
        limits::NanoUsd day = 0, month = 0;
    };
    struct OfSession {
        std::string key, session;
        std::weak_ptr<limits::Purse> purse;  // one that nobody uses may go meanwhile
        limits::NanoUsd always = 0;
    };
    ledger::Fault catch_up(ledger::Reader& reader);
    ledger::Fault catch_up_keys(ledger::Reader& reader, limits::Period period,
                                limits::NanoUsd OfKey::*counted);
    bool waits_for_earlier();
    void look_soon(Clock::time_point now) { due_ = std::max(now, not_before_); }

    std::string path_;
    std::mutex mutex_;  // for what use() sets
    std::shared_ptr<const LoadedConfig> loaded_;
    std::vector<std::weak_ptr<const LoadedConfig>> earlier_;  // that requests may still have
    bool new_limits_ = false;  // since some of them: of keys that had none

    // The ledger's thread:
    std::optional<Clock::time_point> due_;
    Clock::time_point not_before_{}, others_until_{};
    limits::Moment moment_;
    limits::Moment compared_ = limits::now();  // the clocks, the last time
    std::shared_ptr<const LoadedConfig> seen_;
    std::map<std::string, OfKey, std::less<>> keys_;
    std::vector<OfSession> sessions_;
    bool readable_ = true;  // the last time
};

}  // namespace understudy::proxy
