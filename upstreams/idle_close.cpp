#include "upstreams/idle_close.hpp"

namespace understudy::upstreams {

namespace {
// No round trip on the Internet that a provider is asked over takes longer, stalls of this process
// included.
constexpr std::chrono::milliseconds kSeenWithin{200};
}  // namespace

bool may_be_idle_close(const IdleCloseEvidence& evidence) {
    return evidence.answer_bytes == 0 && evidence.since_write <= kSeenWithin;
}

}  // namespace understudy::upstreams
