#include "upstreams/meter.hpp"

#include "wire/usage_cut.hpp"

namespace understudy::upstreams {

StreamMeter::StreamMeter(wire::AnswerShape shape, MemoryBudget* decode, bool drop_usage,
                         const KeyMask* mask)
    : shape_(shape), drop_usage_(drop_usage && decode == nullptr), inspector_(shape), mask_(mask) {
    if (decode != nullptr) decoder_ = std::make_unique<Decoder>(*decode);
}

void StreamMeter::pass(std::size_t begin, std::size_t end) {
    if (begin == end) return;
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

// The event that begins at `begin` of the payload, with nothing in it of what we asked for.
void StreamMeter::pass_without_usage(std::size_t begin, const wire::SseEvent& event) {
    const auto kept = wire::without_usage(event.data);
    const char* const data = event.data.data();
    const char* const raw = event.raw.data();
    const bool slice = data >= raw && data + event.data.size() <= raw + event.raw.size();
    if (kept.empty()) return;
    if (!slice) {  // data in several lines, joined elsewhere: no server writes usage like this
        pass(begin, begin + event.raw.size());
        return;
    }
    const std::size_t at = begin + static_cast<std::size_t>(data - raw);
    std::size_t from = begin;
    std::size_t to = at;
    for (const auto& span : kept) {
        if (span.begin > 0) {
            pass(from, to);
            from = at + span.begin;
        }
        to = at + span.end;
    }
    pass(from, begin + event.raw.size());  // the last range reaches the end of the data
}

// True when this block says something new.
bool StreamMeter::note_usage(const wire::Usage& usage) {
    if (!facts_.usage) {
        facts_.usage = usage;
        return true;
    }
    const auto before = *facts_.usage;
    wire::merge_usage(*facts_.usage, usage);
    return !(before == *facts_.usage);
}

// Remembers what an event said. True when it brings the answer forward.
bool StreamMeter::note(const wire::EventFacts& facts) {
    bool forward = facts.commits;
    if (facts.usage && note_usage(*facts.usage)) forward = true;
    // Every chunk repeats the model; one copy is enough.
    if (facts_.model.empty() && !facts.model.empty()) facts_.model = facts.model;
    if (!facts.service_tier.empty() && facts_.service_tier != facts.service_tier) {
        facts_.service_tier = facts.service_tier;
    }
    if (facts.commits) {
        // Content behind a finish takes it back; one that it brings itself stands until the next.
        facts_.doubtful = facts_.doubtful || facts_.finish;
        facts_.finish = facts.finish;
        ++facts_.content_events;
    } else if (facts.finish && !facts_.finish) {
        facts_.finish = forward = true;
    }
    if (facts.done && !facts_.done) facts_.done = forward = true;
    return forward;
}

// Whether there was something to mask. The text lies in the attempt's buffer, which is not const.
bool StreamMeter::mask(std::string_view text) const {
    return mask_ != nullptr && mask_->apply(const_cast<char*>(text.data()), text.size());
}

// What an event says, when what it must not say has been masked. In one that repeats the event
// before it, which has been looked at, only what differs can hold a secret.
[[gnu::always_inline]] inline const wire::EventFacts& StreamMeter::inspect(
    const wire::SseEvent& event) {
    constexpr std::size_t kFraming = 10;  // "data: ", and what ends the line and the event
    const auto repeats = inspector_.repeats();
    const auto& facts = inspector_.inspect(event.data, event.name);
    if (mask_ == nullptr) return facts;
    const bool differs = inspector_.repeats() == repeats ||
                         event.raw.size() > event.data.size() + kFraming ||
                         event.data.size() - inspector_.literal_bytes() >= mask_->shortest();
    if (!differs || !mask(event.raw)) return facts;
    // Data of several lines has been joined elsewhere.
    mask(event.data);
    inspector_.forget();
    return inspector_.inspect(event.data, event.name);
}

StreamMeter::Verdict StreamMeter::on_event(const wire::SseEvent& event, Fate& fate) {
    if (!event.has_data) {
        mask(event.raw);
        return Verdict::none;
    }
    ++events_;
    const wire::EventFacts& facts = inspect(event);
    if (note(facts)) ++progress_;
    if (facts.error) {
        facts_.error = true;
        if (error_json_.empty()) error_json_ = event.data;
        return Verdict::error;
    }
    if (facts.usage_only && drop_usage_) fate = facts.usage_alone ? Fate::drop : Fate::cut;
    // Clients stop reading at [DONE]. Behind an answer that has no finish_reason it would hide the
    // error event that follows.
    const bool has_marker =
        shape_ == wire::AnswerShape::chat || shape_ == wire::AnswerShape::completion;
    if (facts.done && has_marker && !facts_.finish && !facts_.error) fate = Fate::drop;
    // A finish without content is an empty but proper answer: it commits too.
    return facts.commits || facts.finish ? Verdict::commit : Verdict::none;
}

StreamMeter::Verdict StreamMeter::scan_events(std::string_view payload, bool last) {
    auto verdict = Verdict::none;
    wire::SseEvent event;
    for (;;) {
        const auto rest = payload.substr(scanned_);
        if (!scanner_.next(rest, event) && !(last && scanner_.finish(rest, event))) break;
        auto fate = Fate::pass;
        const auto seen = on_event(event, fate);
        const std::size_t end = scanned_ + event.raw.size();
        if (fate == Fate::pass) {
            pass(scanned_, end);
        } else if (fate == Fate::cut) {
            pass_without_usage(scanned_, event);
        }
        scanned_ = end;
        // The first thing that decides wins: an error after content is the stream's own affair.
        if (verdict == Verdict::none) verdict = seen;
        if (last && rest.size() == event.raw.size()) break;
    }
    return verdict;
}

// One turn's share of a compressed payload.
StreamMeter::Verdict StreamMeter::scan_coded(std::string_view payload, bool last) {
    auto rest = payload.substr(scanned_);
    const auto result = decoder_->feed(rest);
    backlog_ = result == Decoder::Result::more;
    if (mask_ != nullptr && mask_->apply(decoder_->out.data(), decoder_->out.size())) {
        return Verdict::leak;
    }
    pass(scanned_, payload.size() - rest.size());
    scanned_ = payload.size() - rest.size();
    auto verdict = Verdict::none;
    wire::SseEvent event;
    auto& out = decoder_->out;
    last = last && !backlog_;
    while (scanner_.next(out.view(), event) || (last && scanner_.finish(out.view(), event))) {
        auto fate = Fate::pass;
        const auto seen = on_event(event, fate);
        out.consume(event.raw.size());
        if (verdict == Verdict::none) verdict = seen;
        if (last && out.empty()) break;
    }
    if (result == Decoder::Result::broken) return Verdict::unreadable;
    if (result == Decoder::Result::no_memory) return Verdict::no_memory;
    return verdict;
}

StreamMeter::Verdict StreamMeter::scan(std::string_view payload) {
    if (raw_) {
        if (scanned_ >= payload.size()) return Verdict::none;
        pass(scanned_, payload.size());
        scanned_ = payload.size();
        ++progress_;
        return Verdict::commit;
    }
    if (!decoder_) return scan_events(payload, false);
    return scanned_ == payload.size() && !backlog_ ? Verdict::none : scan_coded(payload, false);
}

StreamMeter::Verdict StreamMeter::scan_rest(std::string_view payload) {
    if (raw_) return scan(payload);
    if (decoder_) return scan_coded(payload, true);
    const auto verdict = scan_events(payload, true);
    if (scanned_ < payload.size()) pass(scanned_, payload.size());
    scanned_ = payload.size();
    return verdict;
}

}  // namespace understudy::upstreams
