#include "proxy/rescue/responses/continuation.hpp"

#include "dialects/usage_text.hpp"
#include "proxy/rescue/passed_event.hpp"
#include "wire/json_text.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy::rescue {

using Stage = OpenMessage::Stage;

namespace {

void end_event(std::string& out) {
    out += "}\n\n";
}

bool is_thought(dialects::Value item) {
    return item.at("type").is("reasoning");
}

bool ends_answer(dialects::Value type) {
    return type.is("response.completed") || type.is("response.incomplete");
}

/// Of an item that nobody has announced; thoughts are left out.
bool adds_to_nothing(dialects::Value type) {
    const auto name = type.content();
    return name.ends_with(".delta") && !name.starts_with("response.reasoning");
}

std::string part_of(std::string_view text) {
    std::string out = R"({"type":"output_text","text":")";
    wire::append_encoded(out, text);
    return out += R"(","annotations":[],"logprobs":[]})";
}

/// The item as it was announced, now that it is done.
std::string done_item(const OpenMessage& message) {
    std::string out;
    dialects::Writer to(out);
    to.open('{');
    dialects::Value::of(message.item).members([&](std::string_view key, dialects::Value value) {
        if (key != "content" && key != "status") to.key(dialects::escaped(key)).raw(value.raw());
    });
    to.key("status").text("completed").key("content").open('[');
    for (const auto& part : message.parts) to.raw(part);
    to.close(']').close('}');
    return out;
}

}  // namespace

ResponsesContinuation::ResponsesContinuation(const ResponsesTranscript& transcript,
                                             const ContinuationOptions& options)
    : passage_(transcript, options.rung, options.asked_tokens),
      comment_(comment_of(options)),
      response_(transcript.response()),
      items_(transcript.items()),
      message_(transcript.message()),
      said_(transcript.text().substr(std::min(message_.from, transcript.text().size()))),
      next_index_(transcript.next_index()),
      sequence_(transcript.next_sequence()) {
    for (const auto& item : items_) kept_ += item.size();
}

bool ResponsesContinuation::event(std::string_view data, std::string& out) {
    if (!dialects::is_object_text(data)) return false;
    const auto event = Value::of(data);
    const auto type = event.at("type");
    const bool says = type.content().ends_with(".delta") || type.is("response.output_item.added");
    if (state_ == State::finished) {
        if (says) state_ = State::lost;  // behind the end there is no place
    } else if (ends_answer(type)) {
        end(event, out);
    } else {
        goes_on(event, data, out);
    }
    return true;
}

void ResponsesContinuation::goes_on(Value event, std::string_view data, std::string& out) {
    const auto [type, index, delta] = event.pick({"type", "output_index", "delta"});
    const auto ours = passed_.find(index.count());
    if (type.is("response.output_item.added")) {
        add_item(event, data, out);
    } else if (type.is("response.output_item.done")) {
        item_done(event, data, out);
    } else if (index.is_number() && ours != passed_.end()) {
        pass(event, ours->second, data, out);
    } else if (type.is("response.output_text.delta")) {
        text(delta, false, out);
    } else if (type.is("response.refusal.delta")) {
        state_ = State::diverged;  // no end of an answer that had begun
    } else if (adds_to_nothing(type)) {
        state_ = State::lost;
    }
}

void ResponsesContinuation::keep(std::string json) {
    kept_ += json.size();
    items_.push_back(std::move(json));
}

void ResponsesContinuation::add_item(Value event, std::string_view data, std::string& out) {
    const auto item = event.at("item");
    if (item.at("type").is("message")) {
        begin_message(out);
        their_id_ = item.at("id").content();
    } else if (is_thought(item)) {
        without_thoughts_ = true;
    } else if (text({}, true, out)) {
        close_message(out);
        tell_thoughts(out);
        const auto ours = next_index_++;
        passed_[event.at("output_index").count()] = ours;
        pass(event, ours, data, out);
    }
}

/// Behind another message that was told it is an item of its own for the client as well.
void ResponsesContinuation::begin_message(std::string& out) {
    if (!std::exchange(had_text_, true) || !passage_.open()) return;
    text_.clear();
    passage_.let_go(text_);
    if (!text_.empty()) tell(out);
    anew_ = true;
}

void ResponsesContinuation::item_done(Value event, std::string_view data, std::string& out) {
    const auto item = event.at("item");
    const auto ours = passed_.find(event.at("output_index").count());
    std::string json;
    append_on_one_line(json, item.raw());
    if (ours != passed_.end()) {
        pass(event, ours->second, data, out);
        if (item.is_object()) keep(std::move(json));
    } else if (is_thought(item)) {
        thoughts_ = std::move(json);
    }
}

/// A call goes back together with the thoughts that led to it, or not at all.
void ResponsesContinuation::tell_thoughts(std::string& out) {
    if (thoughts_.empty()) return;
    announce(out);
    const auto index = next_index_++;
    for (const auto* const type : {"response.output_item.added", "response.output_item.done"}) {
        begin(type, out).key("output_index").number(index).key("item").raw(thoughts_);
        end_event(out);
    }
    keep(std::exchange(thoughts_, {}));
}

void ResponsesContinuation::end(Value event, std::string& out) {
    if (!text({}, true, out)) return;
    close_message(out);
    announce(out);
    begin(event.at("type").content(), out).key("response");
    write_response(event.at("response"), out);
    end_event(out);
    state_ = State::finished;
}

/// The first one's, but for what only the end of an answer knows.
void ResponsesContinuation::write_response(Value theirs, std::string& out) {
    const auto is_of_the_end = [](std::string_view key) {
        return key == "status" || key == "error" || key == "incomplete_details" ||
               key == "completed_at";
    };
    Writer to(out);
    to.open('{');
    Value::of(response_).members([&](std::string_view key, Value value) {
        if (!is_of_the_end(key) && key != "output" && key != "usage")
            to.key(dialects::escaped(key)).raw(value.raw());
    });
    theirs.members([&](std::string_view key, Value value) {
        if (!is_of_the_end(key)) return;
        to.key(key);
        append_on_one_line(out, value.raw());
    });
    to.key("output").open('[');
    for (const auto& item : items_) to.raw(item);
    to.close(']').key("usage");
    const auto usage = theirs.at("usage");
    const auto read = usage.is_object() ? wire::parse_usage(usage.raw()) : std::nullopt;
    dialects::write_responses_usage(
        passage_.truth_of(read.value_or(wire::Usage{}), without_thoughts_), to);
    to.close('}');
}

/// False: it is another answer. `last`: what is held is decided upon.
bool ResponsesContinuation::text(Value content, bool last, std::string& out) {
    wire::append_exactly(passage_.next(), content.content());
    text_.clear();
    passage_.pass(last, text_);
    if (!follow(passage_)) return false;
    if (!text_.empty()) tell(out);
    return true;
}

void ResponsesContinuation::tell(std::string& out) {
    announce(out);
    if (anew_) close_message(out);
    anew_ = false;
    if (message_.stage == Stage::said) close_part(out);
    if (message_.stage == Stage::none) open_message(out);
    if (message_.stage == Stage::item) open_part(out);
    said_ += text_;
    begin_in_part("response.output_text.delta", out).key("delta");
    out += '"';
    wire::append_encoded(out, text_);
    out += R"(","logprobs":[])";
    end_event(out);
}

void ResponsesContinuation::open_message(std::string& out) {
    message_ = {};
    message_.stage = Stage::item;
    message_.index = next_index_++;
    message_.id = their_id_;
    message_.item = R"({"id":")" + their_id_ +
                    R"(","type":"message","status":"in_progress","role":"assistant","content":[]})";
    begin("response.output_item.added", out)
        .key("output_index")
        .number(message_.index)
        .key("item")
        .raw(message_.item);
    end_event(out);
}

void ResponsesContinuation::open_part(std::string& out) {
    message_.stage = Stage::part;
    said_.clear();
    begin_in_part("response.content_part.added", out).key("part").raw(part_of({}));
    end_event(out);
}

void ResponsesContinuation::close_part(std::string& out) {
    if (message_.stage == Stage::part) {
        begin_in_part("response.output_text.done", out).key("text");
        out += '"';
        wire::append_encoded(out, said_);
        out += R"(","logprobs":[])";
        end_event(out);
        message_.stage = Stage::said;
    }
    if (message_.stage != Stage::said) return;
    begin_in_part("response.content_part.done", out).key("part").raw(part_of(said_));
    end_event(out);
    message_.parts.push_back(part_of(said_));
    message_.stage = Stage::item;
}

void ResponsesContinuation::close_message(std::string& out) {
    if (message_.stage == Stage::none) return;
    announce(out);
    close_part(out);
    auto item = done_item(message_);
    begin("response.output_item.done", out)
        .key("output_index")
        .number(message_.index)
        .key("item")
        .raw(item);
    end_event(out);
    keep(std::move(item));
    message_ = {};
}

/// As it came, under our numbers.
void ResponsesContinuation::pass(Value event, std::uint64_t index, std::string_view data,
                                 std::string& out) {
    announce(out);
    const auto [type, number, place] = event.pick({"type", "sequence_number", "output_index"});
    out.append("event: ").append(type.content()).append("\ndata: ");
    PassedEvent(data)
        .put(number, std::to_string(sequence_++))
        .put(place, std::to_string(index))
        .append_to(out);
    out += "\n\n";
}

ResponsesContinuation::Writer ResponsesContinuation::begin(std::string_view type,
                                                           std::string& out) {
    out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type).append("\"");
    Writer to(out);
    to.key("sequence_number").number(sequence_++);
    return to;
}

ResponsesContinuation::Writer ResponsesContinuation::begin_in_part(std::string_view type,
                                                                   std::string& out) {
    auto to = begin(type, out);
    to.key("item_id").content(message_.id).key("output_index").number(message_.index);
    to.key("content_index").number(message_.parts.size());
    return to;
}

void ResponsesContinuation::announce(std::string& out) {
    if (comment_.empty()) return;
    out.append(": ").append(comment_).append("\n\n");
    comment_.clear();
}

}  // namespace understudy::proxy::rescue
