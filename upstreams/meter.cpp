#include "upstreams/meter.hpp"

#include "wire/answer_traits.hpp"
#include "wire/error_kind.hpp"
#include "wire/usage_cut.hpp"

#include <algorithm>
#include <utility>

namespace understudy::upstreams {

StreamMeter::StreamMeter(wire::AnswerShape shape, Coded coded, bool drop_usage, const KeyMask* mask)
    : shape_(shape),
      drop_usage_(drop_usage),
      decodes_(coded.decoder != nullptr && (drop_usage || coded.pass_decoded)),
      inspector_(shape),
      decoder_(std::move(coded.decoder)),
      mask_(mask) {}

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
    if (decoded_ > 0) decoder_->out.consume(std::exchange(decoded_, 0));
}

void StreamMeter::hold_back(std::size_t end, std::uint64_t events) {
    events_ = events;
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

// The same for an event whose `usage` is null: all the rest of it is passed on.
void StreamMeter::pass_without_null(std::size_t begin, const wire::SseEvent& event) {
    const auto gone = wire::null_usage(event.data);
    const char* const data = event.data.data();
    const char* const raw = event.raw.data();
    const bool slice = data >= raw && data + event.data.size() <= raw + event.raw.size();
    const std::size_t end = begin + event.raw.size();
    if (gone.size() == 0 || !slice) return pass(begin, end);
    const std::size_t at = begin + static_cast<std::size_t>(data - raw);
    pass(begin, at + gone.begin);
    pass(at + gone.end, end);
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

// There are more choices than the first one, which alone has been heard of so far.
[[gnu::cold]] void StreamMeter::tell_apart() {
    choices_ = std::make_unique<wire::ChoiceEnds>(shape_);
    choices_->first(facts_.content_events > 0, facts_.finish);
}

[[gnu::cold]] void StreamMeter::note_choices(std::string_view data) {
    choices_->note(data);
    facts_.finish = choices_->all_ended();
}

// Remembers what an event said. True when it brings the answer forward.
bool StreamMeter::note(const wire::EventFacts& facts, std::string_view data) {
    if (facts.several && !choices_) [[unlikely]]
        tell_apart();
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
        facts_.text_bytes += facts.text_bytes;
        facts_.content_since_usage = true;
        facts_.open |= facts.partial;
    } else if (facts.finish && !facts_.finish) {
        facts_.finish = forward = true;
    }
    if (choices_) [[unlikely]]
        note_choices(data);
    if (facts.usage) facts_.content_since_usage = false;
    if (facts.done) {
        forward |= !facts_.done;
        // A marker has no finish of its own.
        facts_.done = facts_.done || !facts.finish || is_last_closing();
        facts_.closed = facts_.done && facts.marker == wire::traits_of(shape_).has_marker;
        facts_.open = false;  // of several pictures, each has its own end
    }
    return forward;
}

[[gnu::cold]] void StreamMeter::note_error(const wire::EventFacts& facts, std::string_view data) {
    facts_.error = true;
    facts_.told |= !facts.untold;
    if (!error_json_.empty()) return;  // the client has the first one, or waits for it
    error_json_ = data;
    const bool goes_by_events = !decoder_ || decodes_;
    if (goes_by_events && wire::refuses_key(data)) hold_errors_ = true;
}

bool StreamMeter::is_last_closing() {
    return closings_left_ > 0 && --closings_left_ == 0;
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
    const auto& traits = wire::traits_of(shape_);
    if (facts_.done && traits.needs_finish) [[unlikely]] {
        // The answer is over. What a server sends behind that is none of it, whether it comes with
        // the end or later, when nobody reads it.
        mask(event.raw);
        readable_ = false;
        if (traits.has_marker || !facts_.closed) fate = Fate::drop;
        return Verdict::none;
    }
    const wire::EventFacts& facts = inspect(event);
    if (note(facts, event.data)) ++progress_;
    readable_ = readable_ && facts.well_formed;
    if (facts.error && facts.vain_end && facts_.content_events > 0) {
        if (!choices_) facts_.finish = true;  // the client reads how it ended
        return Verdict::none;
    }
    if (facts.error) {
        note_error(facts, event.data);
        if (hold_errors_ || facts.done) fate = Fate::drop;
        return Verdict::error;
    }
    if (hold_errors_ && facts_.error) fate = Fate::drop;
    if (fate == Fate::pass && facts.asked_for && drop_usage_) {
        fate = facts.usage_alone ? Fate::drop : facts.null_usage ? Fate::cut_null : Fate::cut;
    }
    // Clients stop reading at the end marker. Behind an answer that has no finish_reason, or one
    // that names a failure, it would hide the error event that follows.
    if (facts.done && traits.needs_finish && (facts_.error ? !facts_.told : !facts_.finish)) {
        fate = Fate::drop;
    }
    // A finish without content is an empty but proper answer: it commits too.
    return facts.commits || facts.finish ? Verdict::commit : Verdict::none;
}

// The event that begins at `begin` has met its fate.
[[gnu::always_inline]] inline void StreamMeter::settle_event(std::size_t begin,
                                                             const wire::SseEvent& event,
                                                             Fate fate) {
    if (fate == Fate::pass) {
        pass(begin, begin + event.raw.size());
    } else if (fate == Fate::cut) {
        pass_without_usage(begin, event);
    } else if (fate == Fate::cut_null) {
        pass_without_null(begin, event);
    } else {
        --events_;
    }
}

StreamMeter::Verdict StreamMeter::scan_events(std::string_view payload, bool last) {
    auto verdict = Verdict::none;
    wire::SseEvent event;
    for (;;) {
        const auto rest = payload.substr(scanned_);
        if (!scanner_.next(rest, event) && !(last && scanner_.finish(rest, event))) break;
        auto fate = Fate::pass;
        const auto seen = on_event(event, fate);
        settle_event(scanned_, event, fate);
        scanned_ += event.raw.size();
        // The first thing that decides wins: an error after content is the stream's own affair.
        if (verdict == Verdict::none) verdict = seen;
        if (last && rest.size() == event.raw.size()) break;
    }
    return verdict;
}

// The events in what has been decoded.
StreamMeter::Verdict StreamMeter::scan_decoded(bool last) {
    auto verdict = Verdict::none;
    wire::SseEvent event;
    auto& out = decoder_->out;
    for (;;) {
        const auto rest = out.view().substr(decoded_);
        if (!scanner_.next(rest, event) && !(last && scanner_.finish(rest, event))) break;
        auto fate = Fate::pass;
        const auto seen = on_event(event, fate);
        const bool over = last && rest.size() == event.raw.size();
        if (decodes_) {
            settle_event(decoded_, event, fate);
            decoded_ += event.raw.size();
        } else {
            out.consume(event.raw.size());
        }
        if (verdict == Verdict::none) verdict = seen;
        if (over) break;
    }
    return verdict;
}

// What has been decoded and is not judged any more.
void StreamMeter::pass_decoded() {
    auto& out = decoder_->out;
    note_passing(passing_->feed(out.view().substr(decoded_)));
    if (decodes_) {
        pass(decoded_, out.size());
        decoded_ = out.size();
    } else {
        out.clear();
    }
}

// Whether there was something to mask in what has been decoded behind `old` bytes; it may have
// begun in those.
bool StreamMeter::mask_decoded(std::size_t old) {
    if (mask_ == nullptr || mask_->empty()) return false;
    auto& out = decoder_->out;
    const auto from = old - std::min(old, mask_->longest() - 1);
    return mask_->apply(out.data() + from, out.size() - from);
}

// One turn's share of a compressed payload.
StreamMeter::Verdict StreamMeter::scan_coded(std::string_view payload, bool last) {
    auto rest = payload.substr(scanned_);
    const auto before = decoder_->out.size();
    const auto result = decoder_->feed(rest);
    backlog_ = result == Decoder::Result::more;
    if (mask_decoded(before) && !decodes_) return Verdict::leak;
    const std::size_t used = payload.size() - rest.size();
    if (!decodes_) pass(scanned_, used);
    scanned_ = used;
    auto verdict = Verdict::none;
    last = last && !backlog_;
    if (passing_) {
        pass_decoded();
        if (last) note_passing(passing_->finish());
        ++progress_;
        verdict = Verdict::commit;
    } else {
        verdict = scan_decoded(last);
    }
    if (result == Decoder::Result::broken) return Verdict::unreadable;
    if (result == Decoder::Result::no_memory) return Verdict::no_memory;
    return verdict;
}

void StreamMeter::give_up() {
    if (passing_) return;
    passing_ = std::make_unique<wire::PassingEvents>(shape_);
    if (decoder_) pass_decoded();
}

void StreamMeter::note_passing(bool news) {
    if (!news) return;
    const auto& told = passing_->facts();
    if (told.usage) {
        note_usage(*told.usage);
        facts_.content_since_usage = false;
    }
    facts_.error = facts_.error || told.error;
    facts_.told = facts_.told || told.error;
    if (facts_.model.empty()) facts_.model = told.model;
    if (!told.service_tier.empty()) facts_.service_tier = told.service_tier;
}

// Nothing is judged any more: all that came is ready.
StreamMeter::Verdict StreamMeter::scan_passing(std::string_view payload) {
    if (scanned_ >= payload.size()) return Verdict::none;
    note_passing(passing_->feed(payload.substr(scanned_)));
    pass(scanned_, payload.size());
    scanned_ = payload.size();
    ++progress_;
    return Verdict::commit;
}

StreamMeter::Verdict StreamMeter::scan(std::string_view payload) {
    if (passing_ && !decoder_) return scan_passing(payload);
    if (!decoder_) return scan_events(payload, false);
    return scanned_ == payload.size() && !backlog_ ? Verdict::none : scan_coded(payload, false);
}

StreamMeter::Verdict StreamMeter::scan_rest(std::string_view payload) {
    if (passing_ && !decoder_) {
        const auto verdict = scan_passing(payload);
        note_passing(passing_->finish());
        return verdict;
    }
    if (decoder_) return scan_coded(payload, true);
    const auto verdict = scan_events(payload, true);
    if (scanned_ < payload.size()) pass(scanned_, payload.size());
    scanned_ = payload.size();
    return verdict;
}

}  // namespace understudy::upstreams
