#include "proxy/kept_answer.hpp"

#include "proxy/report.hpp"

namespace understudy::proxy {

bool KeptAnswer::keep(Lane& lane) {
    const auto& attempt = lane.attempt();
    const bool empty = attempt.failure() == wire::FailureClass::empty;
    if (held_ && (!empty_ || empty)) return true;
    const auto& head = attempt.head();
    // A little more or less than this where it is translated.
    if (!charge_.set(attempt.body().size() + head.fields.size())) return held_;
    held_ = true;
    empty_ = empty;
    head_ = head;
    body_ = attempt.body();
    dropped_.clear();
    if (auto* const translated = lane.translated()) {
        body_ = translated->whole();
        dropped_ = translated->dropped();
        Translated::adapt(head_, false);
    }
    upstream_ = lane.entry().upstream->name;
    sent_model_ = lane.sent_model();
    served_model_ = shortened(attempt.metered().model);
    bill_ = lane.record().bill();
    primary_ = lane.primary();
    clients_model_ = !lane.entry().model;
    return true;
}

}  // namespace understudy::proxy
