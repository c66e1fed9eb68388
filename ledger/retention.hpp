// Up to when rows may be forgotten. The wall clock tells how old one is, and that may be wrong: a
// machine that begins with a wrong one would forget its whole ledger at once. So a clock that has
// leapt ahead is believed only when it has gone on evenly for a while. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace understudy::ledger {

class Retention {
  public:
    using Wall = std::chrono::sys_time<std::chrono::microseconds>;
    struct Moment {
        // Goes on while the machine sleeps (CLOCK_BOOTTIME): that is no leap.
        std::chrono::steady_clock::time_point steady;
        Wall wall;
    };
    struct Verdict {
        std::optional<Wall> before;     // what ended before it may go; none: nothing may now
        std::chrono::seconds leapt{0};  // since the look before, further than is believed
        // Or since the newest row, of which nobody can tell whether the daemon just stood still.
        bool at_start = false;
    };
    /// A clock is believed in again when it has gone on for so long.
    static constexpr std::chrono::hours kEvenly{1};

    static Moment now();

    /// The ledger has been opened, and its newest row of those that ended kEvenly ago at least
    /// ended then (in microseconds since 1970; 0: it has none): the clock ought not to be far from
    /// that. Newer ones may have been written under a clock that is on trial, by the process
    /// before.
    void begin(const Moment& now, std::int64_t newest_us);
    bool has_begun() const { return last_.has_value(); }
    /// To be asked every few minutes at least: between two looks a leap is seen.
    Verdict look(const Moment& now, std::chrono::hours keep);

  private:
    std::optional<Moment> last_;
    bool looked_ = false;
    std::chrono::steady_clock::time_point believed_from_{};
};

}  // namespace understudy::ledger
