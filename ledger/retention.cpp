#include "ledger/retention.hpp"

#include <time.h>

#include <algorithm>

namespace understudy::ledger {

namespace {

using std::chrono::floor;
using std::chrono::microseconds;

// Daemons stand still for a day: by so little too much is forgotten if the clock is wrong after
// all, and by no more than `keep`.
constexpr std::chrono::hours kBelieved{24};

}  // namespace

Retention::Moment Retention::now() {
    timespec up{};
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    const auto steady = std::chrono::seconds(up.tv_sec) + std::chrono::nanoseconds(up.tv_nsec);
    return {std::chrono::steady_clock::time_point(steady),
            floor<microseconds>(std::chrono::system_clock::now())};
}

void Retention::begin(const Moment& now, std::int64_t newest_us) {
    last_ = now;
    if (newest_us != 0) last_->wall = Wall(microseconds(newest_us)) + kEvenly;
}

Retention::Verdict Retention::look(const Moment& now, std::chrono::hours keep) {
    Verdict verdict;
    if (last_) {
        const auto gone = floor<microseconds>(now.steady - last_->steady);
        const auto leapt = now.wall - last_->wall - gone;
        if (leapt > std::min(keep, kBelieved)) {
            verdict.leapt = floor<std::chrono::seconds>(leapt);
            verdict.at_start = !looked_;
            believed_from_ = now.steady + kEvenly;
        }
    }
    last_ = now;
    looked_ = true;
    if (now.steady >= believed_from_) verdict.before = now.wall - keep;
    return verdict;
}

}  // namespace understudy::ledger
