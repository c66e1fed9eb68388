#include "upstreams/read_audit.hpp"

#include "upstreams/stream.hpp"

#include <utility>

namespace understudy::upstreams {

ReadAudit::ReadAudit(TimerQueue& timers)
    : timer_(
          timers, [](void* self) { static_cast<ReadAudit*>(self)->run(); }, this) {}

void ReadAudit::watch(Stream& stream, std::uint64_t serial) {
    entries_.push_back({&stream, serial});
    if (scheduled_) return;
    scheduled_ = true;
    timer_.set(coarse_now() + kAuditAfter);
}

void ReadAudit::run() {
    scheduled_ = false;
    due_.swap(entries_);
    for (auto& entry : due_) {
        // Streams that have moved on since come back for another round, once each.
        if (entry.stream->audit(entry.serial)) watch(*entry.stream, entry.stream->wait_serial());
    }
    due_.clear();
}

}  // namespace understudy::upstreams
