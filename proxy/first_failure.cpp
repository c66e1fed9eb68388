#include "proxy/first_failure.hpp"

#include "proxy/answer_head.hpp"
#include "wire/append.hpp"
#include "wire/classify.hpp"
#include "wire/error_kind.hpp"

#include <algorithm>

namespace understudy::proxy {

using wire::FailureClass;

// It is about the key that it was asked with.
static bool refuses_key(const upstreams::Attempt& attempt) {
    if (!attempt.error_inside())
        return attempt.failure() == FailureClass::auth && !attempt.refused_this_request();
    const auto event = attempt.error_event();
    return wire::refuses_key(event.empty() ? attempt.body() : event);
}

void FirstFailure::note(Lane& lane, bool first) {
    const auto& attempt = lane.attempt();
    if (!tried_.empty()) tried_ += "; ";
    tried_ +=
        attempt_name(lane.entry().upstream->name, lane.sent_model()) + ": " + attempt.detail();
    short_of_something_ = attempt.failure() == FailureClass::overloaded && !attempt.starved();
    // A denied budget ends the chain, and is what the client has to know: the primary's error would
    // have it come back.
    const bool budget = attempt.failure() == FailureClass::budget;
    if (!first && !budget) return;
    // What it has said itself outlasts the silence of a later try.
    if (answered_ && !mended_ && !attempt.answered() && !budget) return;
    mended_ = false;
    failure_ = attempt.failure();
    deadline_hit_ = attempt.request_deadline_hit();
    places_taken_ = attempt.starved();
    of_our_key_ = lane.entry().head->own_credentials() && refuses_key(attempt);
    retry_after_ = attempt.retry_after();
    upstream_ = lane.entry().upstream->name;
    model_ = lane.sent_model();
    detail_ = attempt.detail();
    garbled_ = attempt.garbled();
    first_words_ = attempt.first_words();
    head_ = attempt.head();
    keep_answer(attempt);
    if (answered_ && lane.translated() != nullptr) translate(*lane.translated());
}

void FirstFailure::translate(const Translated& way_back) {
    // An error in place of an answer: what it says counts, not that it is no answer.
    const bool inside = failure_ == FailureClass::malformed;
    const auto failure = inside ? wire::classify_inline_error(body_) : failure_;
    body_ = way_back.error(body_, wire::cause_of(failure, head_.status));
    Translated::adapt(head_, false);
    // Google says in the body alone how long to wait; clients of others look at the head.
    const auto others = without_fields(head_.fields, {"retry-after"});
    if (retry_after_ && others.size() == head_.fields.size()) {
        const auto wait = std::chrono::ceil<std::chrono::seconds>(*retry_after_);
        wire::append_field(head_.fields, "retry-after", static_cast<std::uint64_t>(wait.count()));
    }
}

void FirstFailure::keep_answer(const upstreams::Attempt& attempt) {
    // A 2xx is only relayed as a failure when it holds the upstream's own error: a cut or empty
    // answer must not look like one. A redirect is not relayed at all: the client's library would
    // go there by itself, with the client's own key.
    const bool error_status = attempt.head().status >= 400;
    answered_ =
        attempt.answered() && !attempt.garbled() && (error_status || attempt.error_inside());
    // Without room for its words the status alone is kept.
    if (answered_ && !kept_.set(attempt.body().size() + head_.fields.size())) answered_ = false;
    if (!answered_) return;
    body_ = attempt.body();
    if (!error_status) disguise_as_error(attempt);
}

// An error inside a 2xx never leaves as a success: clients' libraries raise by the status alone.
void FirstFailure::disguise_as_error(const upstreams::Attempt& attempt) {
    head_.status = attempt.inline_status();
    head_.reason = reason_phrase(head_.status);
    const auto event = attempt.error_event();
    if (event.empty()) return;
    // Of a stream the error itself is left, decoded, in place of its event.
    body_ = event;
    head_.fields = without_fields(head_.fields, {"content-type", "content-encoding"});
    wire::append_field(head_.fields, "content-type", "application/json");
}

std::string FirstFailure::limit_fields() const {
    std::string kept;
    if (ours() || head_.status < 400) return kept;
    for (std::string_view rest = head_.fields; !rest.empty();) {
        const auto line = rest.substr(0, std::min(rest.size(), rest.find('\n') + 1));
        rest.remove_prefix(line.size());
        if (wire::is_rate_limit_field(line.substr(0, line.find(':')))) kept += line;
    }
    return kept;
}

bool FirstFailure::transient() const {
    return wire::kDefaultFallbackOn.contains(failure_);
}

LocalError FirstFailure::shortage() const {
    const char* const what = short_of_something_ ? "This proxy has reached a limit of its own."
                                                 : "All connections to the upstream are busy.";
    return overloaded(std::string(what) + " Tried " + tried_ + '.');
}

LocalError FirstFailure::local() const {
    if (ours()) return shortage();
    const std::string tried = " Tried " + tried_ + '.';
    LocalError error;
    if (head_.status >= 400) {
        // It said so, but its explanation did not come whole, or cannot be passed on.
        const bool unread = garbled_ && first_words_.empty();
        error = {head_.status, "upstream_error",
                 of_our_key_ ? "The upstream refused the key that is configured for it"
                             : "The upstream refused the request"};
        error.message += (unread ? " and said nothing that can be read." : ".") + tried;
        if (!first_words_.empty())
            error.message += " What it said is too large, and begins: " + first_words_;
        if (retry_after_) {
            error.retry_after = std::chrono::ceil<std::chrono::seconds>(*retry_after_);
        }
    } else if (failure_ == FailureClass::bad_request) {
        error = {400, "invalid_request", "The request is not understood: " + detail_ + '.'};
    } else if (deadline_hit_) {
        error = {504, "deadline_exceeded", "No upstream answered before the deadline." + tried};
    } else if (failure_ == FailureClass::timeout) {
        error = {504, "upstream_timeout", "The upstream did not answer in time." + tried};
    } else if (failure_ == FailureClass::unsupported) {
        error = {400, "unsupported_by_upstream",
                 "No upstream of this route can do what the request asks for." + tried};
    } else if (failure_ == FailureClass::connection) {
        error = {502, "upstream_unreachable", "The upstream could not be reached." + tried};
    } else {
        error = {502, "upstream_malformed", "The upstream did not give a usable answer." + tried};
    }
    return error;
}

}  // namespace understudy::proxy
