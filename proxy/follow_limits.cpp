#include "proxy/follow_limits.hpp"

#include "proxy/log.hpp"
#include "proxy/seed_limits.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using ledger::Fault;
using limits::NanoUsd;
using limits::Period;

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenLooks{50};
// Looking takes at most so much of the ledger's thread: one part in this.
constexpr int kShare = 50;
// What others have written is looked for so long again: by then the rows that were on their way to
// the ledger at the first look are in it.
constexpr milliseconds kOthersSettle{500};
constexpr milliseconds kPatience{1000};

}  // namespace

void LimitsFollower::use(std::shared_ptr<const LoadedConfig> loaded) {
    const std::lock_guard lock(mutex_);
    if (loaded_) earlier_.push_back(loaded_);
    new_limits_ = new_limits_ || (loaded_ && loaded->begins_allowances());
    loaded_ = std::move(loaded);
}

// Requests of a configuration in which their key had no limit come to the ledger, and to no purse.
bool LimitsFollower::waits_for_earlier() {
    const std::lock_guard lock(mutex_);
    return new_limits_;
}

void LimitsFollower::written(bool by_others) {
    const auto now = Clock::now();
    if (by_others) others_until_ = now + kOthersSettle;
    if (!due_ && (by_others || waits_for_earlier())) look_soon(now);
}

std::optional<LimitsFollower::Clock::time_point> LimitsFollower::due() {
    const auto now = limits::now();
    if (limits::was_set_between(compared_, now)) look_soon(Clock::now());
    compared_ = now;
    return due_;
}

void LimitsFollower::prepare() {
    moment_ = limits::now();
    keys_.clear();
    sessions_.clear();
    {
        const std::lock_guard lock(mutex_);
        seen_ = loaded_;
        std::erase_if(earlier_, [](const auto& one) { return one.expired(); });
        // The rows of all that have gone are put: this look finds them.
        if (earlier_.empty()) new_limits_ = false;
    }
    if (!seen_) return;
    seen_->each_allowance([this](const std::string& name, limits::Allowance& allowance) {
        auto& purse = *allowance.purse();
        keys_[name] = {&allowance, purse.spent(Period::day, moment_),
                       purse.spent(Period::month, moment_)};
    });
    seen_->session_purses().for_each(
        [this](const std::string& key, const std::string& session, const auto& purse) {
            if (!purse->is_complete()) return;
            sessions_.push_back({key, session, purse, purse->spent(Period::always, moment_)});
        });
}

void LimitsFollower::look() {
    const auto begun = Clock::now();
    due_.reset();
    auto fault = Fault::none;
    std::string why;
    if (!keys_.empty() || !sessions_.empty()) {
        const auto reader = ledger::sqlite_reader(path_);
        fault = reader->open();
        if (fault == Fault::none) {
            reader->limit_time(kPatience);
            fault = catch_up(*reader);
        }
        why = reader->why();
    }
    const auto now = Clock::now();
    not_before_ = now + std::max<Clock::duration>(kBetweenLooks, kShare * (now - begun));
    const bool readable = fault == Fault::none;
    if (!readable || now < others_until_) due_ = not_before_;
    if (!readable && readable_) {
        log(config::LogLevel::error, "limits",
            {{"message", "what was spent elsewhere cannot be read from the ledger (" + why +
                             "): limits do not see it until it can"}});
    }
    readable_ = readable;
    sessions_.clear();
    keys_.clear();
    seen_.reset();
}

Fault LimitsFollower::catch_up(ledger::Reader& reader) {
    auto fault = catch_up_keys(reader, Period::day, &OfKey::day);
    if (fault == Fault::none) fault = catch_up_keys(reader, Period::month, &OfKey::month);
    for (const auto& [key, session, purse, counted] : sessions_) {
        if (fault != Fault::none) break;
        NanoUsd spent = 0;
        fault = reader.session_cost(key, session, spent);
        const auto still = purse.lock();
        if (fault == Fault::none && still) {
            still->catch_up(Period::always, moment_, spent, counted);
        }
    }
    return fault;
}

Fault LimitsFollower::catch_up_keys(ledger::Reader& reader, Period period,
                                    NanoUsd OfKey::*counted) {
    if (keys_.empty()) return Fault::none;
    return each_key_sum(reader, whole(period, moment_.wall),
                        [&](const std::string& name, const ledger::Sums& sums) {
                            const auto found = keys_.find(name);
                            if (found == keys_.end()) return;
                            const auto& of = found->second;
                            of.allowance->purse()->catch_up(period, moment_, cost_of(sums),
                                                            of.*counted);
                        });
}

}  // namespace understudy::proxy
