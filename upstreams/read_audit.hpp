// Finds the reset of a connection that came together with its last bytes.
//
// ReadOp does not read again from a socket that it has emptied before the next event. A reset that
// was already queued behind the bytes raises none (an orderly end is told by TCP_INQ, a reset is
// not). So a read that has waited for kAuditAfter is looked at once: one recv(MSG_PEEK) per wait
// that is long anyway, none on a busy connection.
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
