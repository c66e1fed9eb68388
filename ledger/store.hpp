// What a ledger is kept in, as its one writer sees it: SQLite now, a server another time. All calls
// come from one thread at a time. What happens is a Fault, never an exception; whatever it is, the
// store is whole, and the same call may be made again.
#pragma once

#include "ledger/batch.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::ledger {

enum class Fault : std::uint8_t {
    none,
    locked,       // somebody else holds it
    full,         // no space is left for it
    read_only,    // it must not be written
    unreachable,  // there is no way to it: a folder that is missing or may not be entered
    corrupt,      // it is no ledger any more
    foreign,      // it belongs to another program
    newer,        // a later version made it
    removed,      // what was open is no longer at its place: open() begins anew there
    failed,       // anything else: an error of the disk
};
std::string_view name_of(Fault fault);
/// What whoever runs this can do about it, a sentence; empty: it passes, or says all itself.
std::string_view advice_for(Fault fault);

/// One counter of /metrics as it stood when the last attempt was written.
struct Counter {
    std::string name;
    std::array<std::string, 4> labels;
    std::uint64_t value = 0;
    std::uint64_t own = 0;  // what this store has written of it, since it was made
};

class Store {
  public:
    virtual ~Store() = default;
    /// Opens it, or makes it; brings an older one up to date. Nothing where it is open already, but
    /// for a look whether it still stands at its place: if not, it is closed and that is the fault.
    /// One that had to be made anew goes on with the counters as they were last known.
    virtual Fault open() = 0;
    /// Whether open() leaves an older one as it is, and says `locked`: others write to it.
    virtual void leave_form(bool leave) = 0;
    /// Writes all rows of the batch, their sums and counters, or nothing. What went into a file
    /// that has left its place meanwhile is as good as not written (`removed`).
    virtual Fault write(const Batch& batch) = 0;
    /// When the newest row ended that did so until then, in microseconds since 1970; 0: there is
    /// none, or it is not open.
    virtual std::int64_t newest(std::int64_t until_us) = 0;
    /// One small step of forgetting what ended before this; `more`: there is more to forget.
    virtual Fault forget(std::int64_t before_us, bool& more) = 0;
    /// All counters, and what is this one's own of them.
    virtual Fault counters(std::vector<Counter>& out) = 0;
    /// Whether somebody else may have written since this was asked last; true the first time, and
    /// false where it is not open.
    virtual bool changed_elsewhere() = 0;
    /// Puts what is corrupt out of the way, so that open() makes a new one. Returns where it is
    /// now; empty: it could not be moved.
    virtual std::string set_aside() = 0;
    /// Nothing comes for a while: gives back what memory it can.
    virtual void rest() = 0;
    /// The last fault in words.
    virtual const std::string& why() const = 0;
    /// For people: a path.
    virtual const std::string& place() const = 0;
};

}  // namespace understudy::ledger
