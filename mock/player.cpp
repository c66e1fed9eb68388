#include "mock/player.hpp"

#include "mock/amazon.hpp"
#include "mock/errors.hpp"

#include <algorithm>
#include <utility>

namespace understudy::mock {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kEarlyHints =
    "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload; as=style\r\n\r\n";

constexpr std::string_view kErrorType = "x-amzn-errortype";

HeadWriter usual_head(const Ask& ask, const Plan& plan, std::string_view type) {
    HeadWriter head(plan.status);
    head.field("content-type", type);
    const auto api = api_of(ask.endpoint);
    if (api == Api::openai) {
        head.field("x-request-id", join({"req-mock-", ask.id}))
            .field("openai-version", "2020-10-01");
    } else if (api == Api::anthropic) {
        head.field("request-id", join({"req_mock_", ask.id}));
    } else if (api == Api::amazon) {
        head.field("x-amzn-requestid", join({"aws-mock-", ask.id}));
        // What a refusal is stands here alone; a plan may name another.
        const bool named = std::any_of(plan.headers.begin(), plan.headers.end(),
                                       [](const auto& f) { return f.first == kErrorType; });
        if (plan.status >= 400 && !named) head.field(kErrorType, amazon::exception_of(plan.status));
    }
    head.field("server", "understudy-mock");
    for (const auto& [name, value] : plan.headers) head.field(name, value);
    if (plan.gzip) head.field("content-encoding", "gzip");
    if (!ask.keep_alive || plan.ending == Ending::until_close) head.field("connection", "close");
    return head;
}

}  // namespace

std::string whole_answer(const Ask& ask, const Plan& plan, std::string_view type,
                         std::string_view body) {
    HeadWriter head = usual_head(ask, plan, type);
    if (plan.ending != Ending::until_close)
        head.field("content-length", std::to_string(body.size()));
    std::string bytes = head.finish();
    bytes += body;
    return bytes;
}

Player::Player(Link& link, const Ask& ask, const Plan& plan)
    : link_(link), ask_(ask), plan_(plan), tale_(ask, plan) {}

Awaitable<void> Player::play() {
    const bool streams = plan_.events || (!plan_.body && ask_.stream && can_stream(ask_.endpoint));
    // A plain answer has no first event: all of it comes late.
    const Duration silence = streams ? plan_.before_head : plan_.before_head + plan_.before_first;
    bool going = co_await pause(silence);
    if (!going) co_return;
    if (plan_.breaks != Break::none && !plan_.break_after) {
        co_await break_off();
        co_return;
    }
    if (plan_.interim != Interim::none && !ask_.http10) {
        const auto interim = plan_.interim == Interim::continue_100 ? kContinue : kEarlyHints;
        going = co_await send_head(interim);
        if (!going) co_return;
    }
    if (plan_.events) {
        co_await play_raw_events(*plan_.events);
    } else if (plan_.body) {
        const std::string_view type =
            plan_.content_type.empty() ? "application/json" : std::string_view(plan_.content_type);
        co_await play_whole(type, *plan_.body);
    } else if (!streams) {
        co_await play_plain();
    } else if (plan_.flaw == Flaw::truncated || plan_.flaw == Flaw::no_choices) {
        co_await play_odd_stream();
    } else {
        co_await play_stream();
    }
}

Awaitable<void> Player::play_whole(std::string_view type, std::string body) {
    if (plan_.gzip) body = Gzip().finish(body);
    outcome_.status = plan_.status;
    const std::string bytes = whole_answer(ask_, plan_, type, body);
    const std::string_view all = bytes;
    bool sent = false;
    if (plan_.piece_bytes == 0) {
        sent = co_await send(all);
    } else {
        const auto head_size = bytes.size() - body.size();
        const auto head = all.substr(0, head_size);
        const auto rest = all.substr(head_size);
        sent = co_await send_head(head);
        if (sent) sent = co_await send(rest);
    }
    if (sent) set_complete();
}

Awaitable<void> Player::play_plain() {
    const auto type = answer_type(ask_.endpoint);
    std::string body = answer_document(ask_, plan_, tale_);
    switch (plan_.flaw) {
        case Flaw::none:
            break;
        case Flaw::malformed:
        case Flaw::checksum:
        case Flaw::prelude:
            body.front() = '[';
            break;
        case Flaw::truncated:
            body.erase(body.size() / 2);
            break;
        case Flaw::error_event:
            body = error_body(ask_.endpoint, 500);
            break;
        case Flaw::no_choices:
            body = hollow_document(ask_) + "\n";
            break;
    }
    if (plan_.breaks != Break::none) {
        co_await play_cut(type, body);
    } else {
        outcome_.words = tale_.size();
        co_await play_whole(type, std::move(body));
    }
}

/// The declared body never comes whole: nothing of it before a stall, 60 % of it before a cut.
Awaitable<void> Player::play_cut(std::string_view type, std::string_view body) {
    outcome_.status = plan_.status;
    const std::string bytes = whole_answer(ask_, plan_, type, body);
    const std::size_t part = plan_.breaks == Break::stall ? 0 : body.size() * 60 / 100;
    const auto sent_part = std::string_view(bytes).substr(0, bytes.size() - body.size() + part);
    const bool sent = co_await send(sent_part);
    if (!sent) co_return;
    co_await break_off();
}

/// The results have names because g++ 12 lays out the frame of a coroutine wrongly when it has no
/// local variable and awaits in a condition.
Awaitable<void> Player::play_stream() {
    bool going = co_await stream_head();
    if (going) going = co_await pause(plan_.before_first);
    if (going) going = co_await play_opening();
    if (going) going = co_await play_words();
    if (!going) co_return;
    if (plan_.breaks != Break::none) {
        co_await break_off();  // after the last word: the stream still lacks its end
        co_return;
    }
    going = co_await play_closing();
    if (going) set_complete();
}

bool Player::flaw_is_due() const {
    const bool whole =
        plan_.flaw == Flaw::none || plan_.flaw == Flaw::truncated || plan_.flaw == Flaw::no_choices;
    return !whole && outcome_.words == std::min(plan_.flaw_at, tale_.size());
}

/// False: nothing must follow (the client left, or the stream has ended with its error event).
Awaitable<bool> Player::play_opening() {
    if (plan_.flaw == Flaw::error_event && flaw_is_due()) co_return true;  // play_words sends it
    const auto events = opening_events(ask_, plan_);
    for (const auto& text : events) {
        const bool going = co_await event(text);
        if (!going) co_return false;
    }
    co_return true;
}

Awaitable<bool> Player::play_words() {
    const EventFrame words_frame = event_frame(ask_, plan_);
    next_event_ = Clock::now();
    for (std::size_t i = 0; i <= tale_.size(); ++i) {
        if (flaw_is_due()) {
            if (plan_.flaw == Flaw::error_event) {
                const std::string error = error_event(ask_.endpoint);
                bool going = co_await event(error);
                if (!going) co_return false;
                going = co_await end_stream();
                if (going) set_complete();
                co_return false;
            }
            const std::string nonsense = malformed_event(ask_.endpoint, plan_.flaw);
            const bool going = co_await event(nonsense);
            if (!going) co_return false;
        }
        const bool breaks = plan_.breaks != Break::none && i == *plan_.break_after;
        if (i == tale_.size() || (breaks && !plan_.torn)) break;
        bool going = true;
        if (i != 0) going = co_await keep_pace();
        if (!going) co_return false;
        event_.clear();
        append_event(event_, words_frame, i, tale_.piece(i));
        if (breaks) event_.resize(event_.size() / 2);
        going = co_await event(event_);
        if (!going) co_return false;
        if (breaks) break;
        ++outcome_.words;
    }
    co_return true;
}

Awaitable<bool> Player::play_closing() {
    const auto events = closing_events(ask_, plan_, tale_);
    for (const auto& text : events) {
        const bool going = co_await event(text);
        if (!going) co_return false;
    }
    co_return co_await end_stream();
}

Awaitable<void> Player::play_raw_events(const std::vector<std::string>& events) {
    bool going = co_await stream_head();
    if (!going) co_return;
    going = co_await pause(plan_.before_first);
    if (!going) co_return;
    next_event_ = Clock::now();
    const bool framed = api_of(ask_.endpoint) == Api::amazon;
    for (const auto& text : events) {
        if (plan_.breaks != Break::none && outcome_.words == *plan_.break_after) break;
        if (outcome_.words != 0) going = co_await keep_pace();
        if (!going) co_return;
        event_ = framed ? amazon::scripted(text) : text;
        going = co_await event(event_);
        if (!going) co_return;
        ++outcome_.words;
    }
    if (plan_.breaks != Break::none) {
        co_await break_off();
    } else {
        going = co_await end_stream();
        if (going) set_complete();
    }
}

/// Streams that never say anything: half a document, or documents without choices.
Awaitable<void> Player::play_odd_stream() {
    bool going = co_await stream_head();
    if (!going) co_return;
    going = co_await pause(plan_.before_first);
    if (!going) co_return;
    const std::string document = hollow_document(ask_);
    if (plan_.flaw == Flaw::truncated) {
        const std::string half =
            odd_event(ask_.endpoint, std::string_view(document).substr(0, document.size() / 2));
        going = co_await event(half);
        if (!going) co_return;
    } else {
        const std::string hollow = odd_event(ask_.endpoint, document);
        for (int i = 0; i < 3; ++i) {
            going = co_await event(hollow);
            if (!going) co_return;
        }
        if (api_of(ask_.endpoint) == Api::openai) going = co_await event("data: [DONE]\n\n");
        if (!going) co_return;
    }
    going = co_await end_stream();
    if (going) set_complete();
}

Awaitable<void> Player::break_off() {
    if (plan_.breaks == Break::stall) {
        const bool stayed = co_await pause(plan_.stall);
        if (!stayed) co_return;
    }
    if (plan_.breaks == Break::reset) {
        link_.reset();
    } else {
        link_.break_close();
    }
}

Awaitable<bool> Player::stream_head() {
    const bool framed = api_of(ask_.endpoint) == Api::amazon;
    HeadWriter head = usual_head(ask_, plan_,
                                 framed         ? "application/vnd.amazon.eventstream"
                                 : ask_.as_list ? "application/json; charset=UTF-8"
                                                : "text/event-stream; charset=utf-8");
    if (!framed) head.field("cache-control", "no-cache");
    chunked_ = !ask_.http10 && plan_.ending != Ending::until_close;
    if (chunked_) head.field("transfer-encoding", "chunked");
    if (plan_.gzip) gzip_.emplace();
    outcome_.status = plan_.status;
    const std::string bytes = head.finish();
    co_return co_await send_head(bytes);
}

void Player::set_complete() {
    outcome_.complete = true;
    keep_alive_ = ask_.keep_alive && plan_.ending == Ending::keep_alive;
}

}  // namespace understudy::mock
