// Finds the end of a connection that came together with its last bytes.
//
// ReadOp takes a short read to mean "empty until the next event". That holds for bytes, but an end
// (FIN or RST) that was already queued behind them raises no event of its own. So a read that has
// waited for kAuditAfter is looked at once: one recv(MSG_PEEK) per wait that is long anyway, none
// on a busy connection.
#pragma once

#include "upstreams/timers.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstdint>
#include <vector>

namespace understudy::upstreams {

class Stream;
void intrusive_ptr_add_ref(Stream* s) noexcept;
void intrusive_ptr_release(Stream* s) noexcept;

inline constexpr std::chrono::milliseconds kAuditAfter{25};

/// One per worker, on its thread.
class ReadAudit {
  public:
    explicit ReadAudit(TimerQueue& timers);
    /// `stream` has begun its `serial`-th wait for bytes.
    void watch(Stream& stream, std::uint64_t serial);

  private:
    struct Entry {
        boost::intrusive_ptr<Stream> stream;
        std::uint64_t serial;
    };
    void run();

    Timer timer_;
    bool scheduled_ = false;
    std::vector<Entry> entries_;
    std::vector<Entry> due_;
};

}  // namespace understudy::upstreams
