// The part of an attempt that holds an answer until it can be judged: a whole answer, or the
// first token of a stream. Nothing has been promised to the client yet, so whatever is no
// answer can still fall back.
#include "upstreams/answer_words.hpp"
#include "upstreams/attempt.hpp"
#include "wire/answer_traits.hpp"
#include "wire/classify.hpp"
#include "wire/quality.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace understudy::upstreams {

using wire::FailureClass;

namespace {

constexpr std::size_t kMaxDecoded = 16 << 20;  // of a compressed plain answer

}  // namespace

std::unique_ptr<Decoder> Attempt::decoder() const {
    return std::make_unique<Decoder>(stream_->in.budget(), coding_);
}

// How the body begins, decoded; nullopt when it is not in the coding that its head names.
std::optional<wire::BodyStart> Attempt::beginning() const {
    if (coding_ == wire::Coding::identity) return wire::body_start(body());
    const auto decoder = this->decoder();
    auto text = body();
    if (decoder->feed(text) == Decoder::Result::broken) return std::nullopt;
    return wire::body_start(decoder->out.view());
}

void Attempt::read_as_events() {
    StreamMeter::Coded coded;
    if (coding_ != wire::Coding::identity) coded.decoder = decoder();
    coded.pass_decoded = spec_.decode;
    meter_ = std::make_unique<StreamMeter>(spec_.shape, std::move(coded), spec_.inject_usage,
                                           &key_mask());
    meter_->expect(spec_.closings);
}

// A stream was asked for, or the label says that one came. Events are events under any label, and
// an object is none under the label of events. True: it is decided how the body is read, or the
// attempt has failed.
bool Attempt::know_kind(bool ended) {
    if (!digest()) {
        fail(FailureClass::malformed, reader_->problem());
        return true;
    }
    const auto start = beginning();
    const bool over = ended || reader_->complete() || body().size() > spec_.buffer_response;
    if (!start) {
        fail(FailureClass::malformed, kNotInItsCoding);
        return true;
    }
    if (start == wire::BodyStart::need_more && !over) return false;
    const bool plainly_none =
        start == wire::BodyStart::json || start == wire::BodyStart::page || !labelled_events_;
    if (start != wire::BodyStart::events && plainly_none) return true;
    if (!spec_.stream && wire::traits_of(spec_.shape).only_json) {
        fail(FailureClass::malformed, "a plain answer was asked for, events came");
    } else {
        read_as_events();
    }
    return true;
}

net::Task<void> Attempt::hold_beginning() {
    bool ended = false;
    while (!know_kind(ended)) {
        set_deadline(sent_at_ + until_content());
        const bool came = co_await more();
        if (state_ != State::running) co_return;
        ended = !came;
    }
}

net::Task<void> Attempt::hold_plain() {
    const auto& limits = spec_.upstream->timeouts;
    // An object instead of the events asked for can at best be an error, which is soon told.
    const auto patience = spec_.stream && wire::traits_of(spec_.shape).needs_finish
                              ? limits.first_token
                              : limits.response;
    for (std::size_t held = 0;;) {
        if (!digest()) {
            fail(FailureClass::malformed, reader_->problem());
            co_return;
        }
        if (reader_->complete()) {
            if (!judge_uncoded()) co_await judge_coded();
            co_return;
        }
        if (reader_->payload() > spec_.buffer_response) {
            start_streaming();
            co_return;
        }
        const auto expected = reader_->expected();
        if (expected > 0 && expected <= spec_.buffer_response) {
            stream_->in.ensure_free(static_cast<std::size_t>(expected));
        }
        if (reader_->payload() != held) progress_at_ = net::coarse_now();
        held = reader_->payload();
        // Silence is measured from the first byte of the body on: until then the model may think.
        auto limit = sent_at_ + patience;
        if (held > 0) limit = std::min(limit, progress_at_ + limits.idle);
        set_deadline(limit);
        const bool came = co_await more();
        if (came) continue;
        if (state_ == State::failed) co_return;
        if (reader_->end_of_stream() && !stream_->cut()) {
            if (!judge_uncoded()) co_await judge_coded();
        } else {
            fail(FailureClass::malformed,
                 "the answer was cut: " + net::describe(stream_->read_error()));
        }
        co_return;
    }
}

// The answer is whole. False: it is compressed, and judge_coded() has to look.
bool Attempt::judge_uncoded() {
    body_whole_ = true;
    ended_at_ = net::Clock::now();
    if (coding_ != wire::Coding::identity) return false;
    judge_plain_body(body());
    return true;
}

// A compressed answer, decoded slice by slice.
net::Task<void> Attempt::judge_coded() {
    const std::size_t most = std::max(kMaxDecoded, spec_.buffer_response);
    auto decoder = this->decoder();
    auto& out = decoder->out;
    for (auto text = body();;) {
        const auto result = decoder->feed(text);
        if (result == Decoder::Result::no_memory) {
            fail(FailureClass::overloaded, kOutOfMemory);
            co_return;
        }
        if (out.size() > most) {
            fail(FailureClass::malformed,
                 "a compressed body that decodes to more than " + std::to_string(most) + " bytes");
            co_return;
        }
        if (result == Decoder::Result::broken || result == Decoder::Result::drained) break;
        const bool stay = co_await let_others_run();
        if (!stay) co_return;
    }
    const bool masked = key_mask().apply(out.data(), out.size());
    if (!decoder->finished()) {
        fail(FailureClass::malformed, kNotInItsCoding);
    } else if (masked && !spec_.decode) {
        fail(FailureClass::malformed, kHoldsKey);
    } else {
        if (spec_.decode) decoded_ = std::move(decoder);
        judge_plain_body(out.view());
    }
}

void Attempt::judge_plain_body(std::string_view text) {
    auto facts = wire::inspect_answer(spec_.shape, text, label_);
    metered_.usage = facts.usage;
    metered_.model = std::move(facts.model);
    metered_.service_tier = std::move(facts.service_tier);
    if (facts.error_inside) {
        note_error_inside(text);
        look_for_refused_addition(text);
        fail(FailureClass::malformed, kErrorInside + kind_of(text));
    } else if (!facts.well_formed || !facts.complete) {
        fail(FailureClass::malformed, facts.problem != nullptr ? facts.problem : "not an answer");
    } else if (spec_.stream && wire::traits_of(spec_.shape).needs_finish) {
        fail(FailureClass::malformed, "events were asked for, a plain answer came");
    } else if (const char* const problem = spec_.check ? spec_.check->problem(text) : nullptr) {
        fail(FailureClass::malformed, problem);
    } else {
        state_ = State::whole;
        if (!spec_.quality.empty()) judge_quality(text);
    }
}

// An answer, but one of those that the route falls back for.
void Attempt::judge_quality(std::string_view text) {
    if (spec_.facts == nullptr) return;
    const auto verdict =
        wire::judge_quality(spec_.shape, spec_.body, *spec_.facts, text, spec_.quality);
    if (!verdict) return;
    failure_ = verdict->failure;
    detail_ = verdict->what;
}

// Too large to hold: from here on it goes to the client as it comes, if it begins like an answer.
void Attempt::start_streaming() {
    const auto start = beginning();
    if (!start) {
        fail(FailureClass::malformed, kNotInItsCoding);
        return;
    }
    const bool to_decode = spec_.decode && coding_ != wire::Coding::identity;
    if (unsearchable() || spec_.rewritten || to_decode) {
        fail(FailureClass::malformed, spec_.rewritten || to_decode ? kTooLarge : kUnsearched);
        return;
    }
    const bool object = start == wire::BodyStart::json ||
                        (start == wire::BodyStart::list && wire::traits_of(spec_.shape).is_list);
    const bool bytes = wire::traits_of(spec_.shape).bytes && start != wire::BodyStart::page &&
                       start != wire::BodyStart::need_more;
    if (spec_.stream && wire::traits_of(spec_.shape).needs_finish) {
        fail(FailureClass::malformed, "events were asked for, a plain answer came");
        return;
    }
    if (!object && !bytes) {
        fail(FailureClass::malformed, start == wire::BodyStart::page ? "HTML" : "not an answer");
        return;
    }
    if (!heads_.set(head_.fields.size() + wire::PassingAnswer::kMostKept)) {
        fail(FailureClass::overloaded, kOutOfMemory);
        return;
    }
    if (object) {
        passing_ = std::make_unique<wire::PassingAnswer>(spec_.shape);
        if (coding_ != wire::Coding::identity) {
            passing_decoder_ = decoder();
        }
    }
    watch_passing();
    if (passing_ && passing_->error()) {
        fail(FailureClass::malformed, kErrorInside);
        return;
    }
    first_at_ = progress_at_ = handed_at_ = net::Clock::now();
    state_ = State::committed;
    stream_->set_flowing(true);
}

// What a look at the held events decides. True: nothing more is to be waited for here.
bool Attempt::judge_held(StreamMeter::Verdict verdict) {
    using Verdict = StreamMeter::Verdict;
    const auto held = std::max<std::uint64_t>(body().size(), meter_->decoded());
    if (verdict == Verdict::commit) {
        commit();
    } else if (verdict == Verdict::error) {
        body_whole_ = true;  // these bytes are what the upstream has to say
        note_error_inside(meter_->error_json());
        look_for_refused_addition(meter_->error_json());
        fail(FailureClass::malformed, "an error event came first" + kind_of(meter_->error_json()));
    } else if (verdict == Verdict::unreadable) {
        fail(FailureClass::malformed, kNotInItsCoding);
    } else if (verdict == Verdict::leak) {
        fail(FailureClass::malformed, kHoldsKey);
    } else if (verdict == Verdict::no_memory) {
        fail(FailureClass::overloaded, kOutOfMemory);
    } else if (held > spec_.buffer_response) {
        fail(FailureClass::malformed,
             "more than limits.buffer_response came before the first token");
    } else {
        return false;
    }
    return true;
}

net::Task<void> Attempt::hold_stream() {
    for (;;) {
        if (!digest()) {
            fail(FailureClass::malformed, reader_->problem());
            co_return;
        }
        auto verdict = meter_->scan(body());
        const bool ended = reader_->complete() && !meter_->backlog();
        const bool nothing = verdict == StreamMeter::Verdict::none;
        if (ended && (nothing || verdict == StreamMeter::Verdict::commit)) {
            // Its last event is whole without a blank line behind it, too.
            const auto rest = meter_->scan_rest(body());
            if (nothing) verdict = rest;
        }
        if (judge_held(verdict)) co_return;
        if (meter_->backlog()) {
            const bool stay = co_await let_others_run();
            if (!stay) co_return;
            continue;
        }
        if (ended) {
            fail(FailureClass::malformed, "the stream ended before its first token");
            co_return;
        }
        set_deadline(sent_at_ + spec_.upstream->timeouts.first_token);
        const bool came = co_await more();
        if (came) continue;
        if (state_ == State::failed) co_return;
        if (!reader_->end_of_stream() || stream_->cut()) {
            fail(FailureClass::malformed, "the stream was cut before its first token: " +
                                              net::describe(stream_->read_error()));
            co_return;
        }
    }
}

// Whether the bytes that would commit the stream already show that it came to a bad end. Nothing
// has been sent yet, so another upstream can still give the whole answer.
const char* Attempt::already_over() const {
    const auto& facts = meter_->facts();
    if (facts.error) return "an error event in the stream";
    const bool over = reader_->complete() || facts.done;
    return over && lacks_end() ? words_for_no_end(spec_.shape) : nullptr;
}

void Attempt::commit() {
    first_at_ = progress_at_ = handed_at_ = net::Clock::now();
    const char* const over = already_over();
    if (over == nullptr) {
        state_ = State::committed;
        rate_from_ = first_at_;
        rate_events_ = meter_->facts().content_events;
        stream_->set_flowing(true);
    } else if (meter_->facts().error) {
        body_whole_ = true;  // it is what the upstream has to say
        note_error_inside(meter_->error_json());
        fail(FailureClass::malformed, over + kind_of(meter_->error_json()));
    } else {
        fail(FailureClass::malformed, over);
    }
}

}  // namespace understudy::upstreams
