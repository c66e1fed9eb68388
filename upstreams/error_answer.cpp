// The part of an attempt that reads what an upstream says beside a status that is no success: its
// class, how long to wait, what it has used, whether it refuses what we have added, and as much of
// its words as the client can be told.
#include "upstreams/attempt.hpp"
#include "wire/answer.hpp"
#include "wire/classify.hpp"
#include "wire/refused_member.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace understudy::upstreams {

using wire::FailureClass;

namespace {

constexpr std::size_t kMaxErrorBody = 1 << 20;

// Where to, without what may be nobody else's affair.
std::string redirect_words(std::string_view location) {
    constexpr std::size_t kMost = 200;
    const auto to = location.substr(0, std::min(location.find_first_of("?#"), kMost));
    if (to.empty() || to.find('@') != std::string_view::npos) return {};
    return ", a redirect to " + std::string(to) + " (base_url has to be the address of the API)";
}

bool may_be_about_the_request(FailureClass failure) {
    return failure == FailureClass::bad_request || failure == FailureClass::not_found ||
           failure == FailureClass::server_error;
}

}  // namespace

// Servers that choke on an unknown member say so with a 400 or 422, a 404 or even a 500.
void Attempt::look_for_refused_addition(std::string_view error_body) {
    if (!spec_.inject_usage && !spec_.asks_usage) return;
    const auto& members = spec_.facts->members;
    const bool clients_own =
        !spec_.asks_usage && std::any_of(members.begin(), members.end(), [&](const auto& member) {
            return wire::key_equals(member.key.of(spec_.body), "stream_options");
        });
    refused_addition_ = wire::blames_member(error_body, "include_usage") ||
                        (!clients_own && wire::blames_member(error_body, "stream_options"));
}

// What was done before it went wrong is billed, and some say so.
void Attempt::note_usage_of_error(std::string_view text) {
    if (text.find("usage") == std::string_view::npos) return;
    auto facts = wire::inspect_answer(spec_.shape, text, label_);
    if (!facts.usage) return;
    metered_.usage = facts.usage;
    metered_.model = std::move(facts.model);
    metered_.service_tier = std::move(facts.service_tier);
}

// A 2xx that holds an error in place of an answer. How long to wait is said as beside any other: of
// the head, what was kept for the client has it.
void Attempt::note_error_inside(std::string_view error) {
    error_inside_ = true;
    inline_status_ = wire::status_of_inline_error(error);
    const auto text = "HTTP/1.1 200 OK\r\n" + head_.fields + "\r\n";
    wire::ResponseHead head;
    wire::HeadReader reader({text.size() + 1, spec_.header_count});
    reader.read_response(text, false, head);
    retry_after_ = wire::retry_after(head.fields, std::chrono::system_clock::now());
    if (!retry_after_) retry_after_ = wire::retry_delay(error);
}

net::Task<void> Attempt::read_error() {
    const auto idle = spec_.upstream->timeouts.idle;
    for (;;) {
        if (!digest()) break;
        body_whole_ = reader_->complete();
        if (body_whole_ || reader_->payload() > kMaxErrorBody) break;
        set_deadline(std::min(sent_at_ + until_content(), net::coarse_now() + idle));
        const bool came = co_await more();
        if (state_ == State::failed && failure_ == FailureClass::client_closed) co_return;
        if (!came) {
            body_whole_ = state_ != State::failed && reader_->end_of_stream() && !stream_->cut();
            break;
        }
    }
    // The status alone decides when its body did not come whole.
    bool too_large = !body_whole_ && reader_->payload() > kMaxErrorBody;
    std::string_view text = body();
    std::unique_ptr<Decoder> decoded;
    if (coding_ != wire::Coding::identity) decoded = decode_error(too_large);
    if (decoded && (decoded->finished() || too_large)) text = decoded->out.view();
    if (decoded && spec_.decode) decoded_ = std::move(decoded);
    if (too_large && (spec_.decode || !body_whole_)) keep_first_words(text);
    const wire::ErrorHead head(refusal_->content_type, refusal_->aws_error_type);
    const auto failure = wire::classify_status(head_.status, text, head);
    if (!retry_after_) retry_after_ = wire::retry_delay(text);
    const bool refused = failure == FailureClass::auth || failure == FailureClass::quota;
    refused_request_ = refused && !wire::is_about_account(text, head);
    refused_prompt_ = refused_request_ && wire::is_about_prompt(text, head);
    note_usage_of_error(text);
    if (may_be_about_the_request(failure)) look_for_refused_addition(text);
    state_ = State::running;  // the answer's class counts, not that its body stalled
    auto what = "HTTP " + std::to_string(head_.status);
    if (head_.status < 400) {
        std::string location = refusal_->location;
        key_mask().apply(location);  // before it is cut: half a key is not found any more
        what += redirect_words(location);
    }
    fail(failure, std::move(what));
}

// The body of an error, decoded: nothing, and not finished, when it is not in its coding; what
// there is of one that is too large. In what is relayed compressed our key cannot be masked, and in
// what cannot be read not be seen.
std::unique_ptr<Decoder> Attempt::decode_error(bool& too_large) {
    using Result = Decoder::Result;
    auto decoder = this->decoder();
    auto& out = decoder->out;
    auto text = body();
    auto result = Result::broken;
    if (coding_ != wire::Coding::unreadable) {
        do {
            result = decoder->feed(text);
        } while (result == Result::more && out.size() <= kMaxErrorBody);
    }
    const bool whole = result == Result::drained && decoder->finished();
    too_large = !whole && (result == Result::more || (result == Result::drained && too_large));
    const bool masked = key_mask().apply(out.data(), out.size());
    if (!spec_.decode && (masked || (!whole && unsearchable()))) body_whole_ = false;
    garbled_ = spec_.decode && !whole;
    if (!whole && !too_large) out.clear();
    return decoder;
}

// Nobody can read half an object; a person can read how it begins.
void Attempt::keep_first_words(std::string_view error_body) {
    auto text = error_body.substr(0, kMaxErrorBody);
    text.remove_suffix(std::min(text.size(), key_mask().longest()));  // half a key is not masked
    refusal_->first_words = wire::parse_error_body(text).message;
    garbled_ = true;
}

}  // namespace understudy::upstreams
