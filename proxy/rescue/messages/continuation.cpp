#include "proxy/rescue/messages/continuation.hpp"

#include "dialects/usage_text.hpp"
#include "proxy/rescue/passed_event.hpp"
#include "wire/json_text.hpp"

#include <utility>

namespace understudy::proxy::rescue {

using dialects::Writer;

namespace {

/// Up to where members of its own follow.
Writer begin(std::string_view type, std::string& out) {
    out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type).append("\"");
    return Writer(out);
}

void end_event(std::string& out) {
    out += "}\n\n";
}

}  // namespace

MessagesContinuation::MessagesContinuation(const MessagesTranscript& transcript,
                                           const ContinuationOptions& options)
    : passage_(transcript, options.rung, options.asked_tokens),
      comment_(comment_of(options)),
      open_(transcript.open()),
      index_(transcript.index()) {}

bool MessagesContinuation::event(std::string_view data, std::string& out) {
    if (!dialects::is_object_text(data)) return false;
    const auto event = Value::of(data);
    const auto type = event.at("type");
    if (type.content().starts_with("content_block_")) {
        goes_on(event, data, out);
    } else if (type.is("message_start")) {
        note_usage(event.at("message").at("usage"));
    } else if (type.is("message_delta") && state_ != State::finished) {
        end(event, out);
    } else if (type.is("message_stop") && state_ == State::finished) {
        begin("message_stop", out);
        end_event(out);
    }
    return true;
}

void MessagesContinuation::goes_on(Value event, std::string_view data, std::string& out) {
    const auto type = event.at("type");
    const bool starts = type.is("content_block_start");
    const bool open = theirs_ != Theirs::nothing;
    // One block at a time, and none behind the end.
    const bool placed = starts ? !open : open && event.at("index").count() == their_index_;
    if (!placed || state_ == State::finished) {
        state_ = State::lost;
    } else if (starts) {
        their_index_ = event.at("index").count();
        start(event, data, out);
    } else if (type.is("content_block_delta")) {
        delta(event, data, out);
    } else if (type.is("content_block_stop")) {
        stop(event, data, out);
    }
}

void MessagesContinuation::note_usage(Value usage) {
    if (!usage.is_object()) return;
    if (const auto read = wire::parse_usage(usage.raw())) wire::merge_usage(usage_, *read);
}

void MessagesContinuation::start(Value event, std::string_view data, std::string& out) {
    const auto block = event.at("content_block");
    const auto type = block.at("type");
    if (type.is("text")) {
        theirs_ = Theirs::text;
        begin_text(out);
        text(block.at("text"), false, out);
    } else if (type.is("thinking") || type.is("redacted_thinking")) {
        theirs_ = Theirs::dropped;
        without_thoughts_ = true;
    } else {
        theirs_ = Theirs::passed;
        if (!text({}, true, out)) return;
        close(out);
        pass(event, data, out);
        open_ = OpenBlock::other;
    }
}

/// A block of text: behind another one that was told it is one of its own for the client as well.
void MessagesContinuation::begin_text(std::string& out) {
    if (!std::exchange(had_text_, true) || !passage_.open()) return;
    text_.clear();
    passage_.let_go(text_);
    if (!text_.empty()) tell(out);
    anew_ = true;
}

void MessagesContinuation::delta(Value event, std::string_view data, std::string& out) {
    const auto delta = event.at("delta");
    if (theirs_ == Theirs::passed) return pass(event, data, out);
    if (theirs_ != Theirs::text) return;
    if (delta.at("type").is("text_delta")) {
        text(delta.at("text"), false, out);
    } else if (passage_.open() && open_ == OpenBlock::text && !anew_) {
        pass(event, data, out);  // where something was said: it belongs to this text
    }
}

void MessagesContinuation::stop(Value event, std::string_view data, std::string& out) {
    if (theirs_ == Theirs::passed) {
        pass(event, data, out);
        ++index_;
        open_ = OpenBlock::none;
    }
    theirs_ = Theirs::nothing;
}

void MessagesContinuation::end(Value event, std::string& out) {
    const auto [delta, usage] = event.pick({"delta", "usage"});
    note_usage(usage);
    if (!delta.at("stop_reason").is_string() || !text({}, true, out)) return;
    if (theirs_ == Theirs::passed) {
        state_ = State::lost;  // half of a call
        return;
    }
    close(out);
    announce(out);
    Writer to = begin("message_delta", out);
    to.key("delta");
    append_on_one_line(out, delta.raw());
    to.key("usage");
    dialects::write_messages_usage(passage_.truth_of(usage_, without_thoughts_), to);
    end_event(out);
    state_ = State::finished;
}

/// False: it is another answer. `last`: what is held is decided upon.
bool MessagesContinuation::text(Value content, bool last, std::string& out) {
    wire::append_exactly(passage_.next(), content.content());
    text_.clear();
    passage_.pass(last, text_);
    if (!follow(passage_)) return false;
    if (!text_.empty()) tell(out);
    return true;
}

void MessagesContinuation::tell(std::string& out) {
    announce(out);
    if (open_ != OpenBlock::text || anew_) open_text(out);
    begin("content_block_delta", out).key("index").number(index_).key("delta");
    out += R"({"type":"text_delta","text":")";
    wire::append_encoded(out, text_);
    out += "\"}";
    end_event(out);
}

void MessagesContinuation::open_text(std::string& out) {
    close(out);
    begin("content_block_start", out).key("index").number(index_).key("content_block");
    out += R"({"type":"text","text":""})";
    end_event(out);
    open_ = OpenBlock::text;
    anew_ = false;
}

void MessagesContinuation::close(std::string& out) {
    if (open_ == OpenBlock::none) return;
    announce(out);
    begin("content_block_stop", out).key("index").number(index_++);
    end_event(out);
    open_ = OpenBlock::none;
}

/// As it came, under our number.
void MessagesContinuation::pass(Value event, std::string_view data, std::string& out) {
    announce(out);
    out.append("event: ").append(event.at("type").content()).append("\ndata: ");
    PassedEvent(data).put(event.at("index"), std::to_string(index_)).append_to(out);
    out += "\n\n";
}

void MessagesContinuation::announce(std::string& out) {
    if (comment_.empty()) return;
    out.append(": ").append(comment_).append("\n\n");
    comment_.clear();
}

}  // namespace understudy::proxy::rescue
