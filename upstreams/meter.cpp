#include "upstreams/meter.hpp"

namespace understudy::upstreams {

StreamMeter::StreamMeter(wire::AnswerShape shape, bool gzip, bool drop_usage_only)
    : shape_(shape), drop_usage_only_(drop_usage_only && !gzip), inspector_(shape) {
    if (gzip) inflater_ = std::make_unique<wire::Inflater>();
}

void StreamMeter::pass(std::size_t begin, std::size_t end) {
    if (!ready_.empty() && ready_.back().end == begin) {
        ready_.back().end = end;
    } else {
        ready_.push_back({begin, end});
    }
}

void StreamMeter::take() {
    ready_.clear();
    scanned_ = 0;
}

void StreamMeter::hold_back(std::size_t end) {
    while (!ready_.empty() && ready_.back().begin >= end) ready_.pop_back();
    if (!ready_.empty() && ready_.back().end > end) ready_.back().end = end;
}

StreamMeter::Verdict StreamMeter::on_event(const wire::SseEvent& event, bool& drop) {
    if (!event.has_data) return Verdict::none;
    ++payload_events_;
    const wire::EventFacts& facts = inspector_.inspect(event.data, event.name);
    if (facts.usage) {
        if (facts_.usage) {
            wire::merge_usage(*facts_.usage, *facts.usage);
        } else {
            facts_.usage = facts.usage;
        }
    }
    // Every chunk repeats the model; one copy is enough.
    if (facts_.model.empty() && !facts.model.empty()) facts_.model = facts.model;
    if (!facts.service_tier.empty() && facts_.service_tier != facts.service_tier) {
        facts_.service_tier = facts.service_tier;
    }
    facts_.finish = facts_.finish || facts.finish;
    facts_.done = facts_.done || facts.done;
    if (facts.commits) ++facts_.content_events;
    if (facts.error) {
        facts_.error = true;
        if (error_json_.empty()) error_json_ = event.data;
        return Verdict::error;
    }
    drop = facts.usage_only && drop_usage_only_;
    // Clients stop reading at [DONE]. Behind an answer that has no finish_reason it would hide the
    // error event that follows.
    const bool has_marker =
        shape_ == wire::AnswerShape::chat || shape_ == wire::AnswerShape::completion;
    if (facts.done && has_marker && !facts_.finish && !facts_.error) drop = true;
    // A finish without content is an empty but proper answer: it commits too.
    return facts.commits || facts.finish ? Verdict::commit : Verdict::none;
}

StreamMeter::Verdict StreamMeter::scan_events(std::string_view payload, bool last) {
    auto verdict = Verdict::none;
    wire::SseEvent event;
    for (;;) {
        const auto rest = payload.substr(scanned_);
        if (!scanner_.next(rest, event) && !(last && scanner_.finish(rest, event))) break;
        bool drop = false;
        const auto seen = on_event(event, drop);
        const std::size_t end = scanned_ + event.raw.size();
        if (!drop) pass(scanned_, end);
        scanned_ = end;
        // The first thing that decides wins: an error after content is the stream's own affair.
        if (verdict == Verdict::none) verdict = seen;
        if (last && rest.size() == event.raw.size()) break;
    }
    return verdict;
}

StreamMeter::Verdict StreamMeter::scan_gzip(std::string_view payload) {
    if (scanned_ == payload.size()) return Verdict::none;
    const bool readable = inflater_->feed(payload.substr(scanned_), inflated_);
    pass(scanned_, payload.size());
    scanned_ = payload.size();
    if (!readable) {
        give_up();
        return Verdict::commit;
    }
    auto verdict = Verdict::none;
    wire::SseEvent event;
    std::size_t used = 0;
    while (scanner_.next(std::string_view(inflated_).substr(used), event)) {
        bool drop = false;
        const auto seen = on_event(event, drop);
        used += event.raw.size();
        if (verdict == Verdict::none) verdict = seen;
    }
    inflated_.erase(0, used);
    return verdict;
}

StreamMeter::Verdict StreamMeter::scan(std::string_view payload) {
    if (raw_) {
        if (scanned_ == payload.size()) return Verdict::none;
        pass(scanned_, payload.size());
        scanned_ = payload.size();
        ++payload_events_;
        return Verdict::commit;
    }
    return inflater_ ? scan_gzip(payload) : scan_events(payload, false);
}

StreamMeter::Verdict StreamMeter::scan_rest(std::string_view payload) {
    auto verdict = raw_ || inflater_ ? scan(payload) : scan_events(payload, true);
    wire::SseEvent last;
    if (inflater_ && !raw_ && scanner_.finish(inflated_, last)) {
        bool drop = false;
        const auto seen = on_event(last, drop);
        if (verdict == Verdict::none) verdict = seen;
    }
    if (scanned_ < payload.size()) pass(scanned_, payload.size());
    scanned_ = payload.size();
    return verdict;
}

}  // namespace understudy::upstreams
