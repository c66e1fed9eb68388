#include "proxy/rescue/responses/transcript.hpp"

#include "proxy/rescue/passed_event.hpp"
#include "wire/json_scan.hpp"
#include "wire/json_text.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {

using Stage = OpenMessage::Stage;

namespace {

constexpr const char* kOther = "something other than text was sent";
constexpr const char* kUnknown = "its events cannot be followed";
constexpr std::size_t kMostOfFront = 64 * 1024;  // of a Response that repeats its request

}  // namespace

std::string ResponsesTranscript::keep(Value value) {
    std::string json;
    append_on_one_line(json, value.raw());
    kept_ += json.size();
    return json;
}

void ResponsesTranscript::forget() {
    Transcript::forget();
    items_ = {};
    message_ = {};
    forgot_ = true;
    keep_front_only();
}

/// The answer's name, by which it is known when it fails.
void ResponsesTranscript::keep_front_only() {
    if (response_.size() > kMostOfFront) response_ = {};
    kept_ = response_.size();
}

bool ResponsesTranscript::observe(const wire::SseEvent& event) {
    if (!dialects::is_object_text(event.data)) return false;
    began_ = true;
    note(Value::of(event.data));
    if (forgot_) keep_front_only();
    return true;
}

void ResponsesTranscript::note(Value data) {
    const auto [type, number, index, item, part] =
        data.pick({"type", "sequence_number", "output_index", "item", "part"});
    next_sequence_ = number.is_number() ? number.count() + 1 : next_sequence_ + 1;
    if (type.is("response.output_text.delta")) {
        note_text(data);
    } else if (type.is("response.created")) {
        response_ = keep(data.at("response"));
    } else if (type.is("response.output_item.added")) {
        note_item(item, index.count());
    } else if (type.is("response.output_item.done")) {
        note_item_done(item);
    } else if (type.is("response.content_part.added")) {
        note_part(part);
    } else if (type.is("response.output_text.done")) {
        if (message_.stage == Stage::part) message_.stage = Stage::said;
    } else if (type.is("response.content_part.done")) {
        if (message_.stage == Stage::none) return;  // of thoughts
        if (!part.is_object()) return obstruct(kUnknown);
        message_.stage = Stage::item;
        message_.parts.push_back(keep(part));
    } else if (type.is("response.reasoning_summary_text.delta") ||
               type.is("response.reasoning_text.delta")) {
        ++content_events_;
    } else if (type.is("response.output_text.annotation.added")) {
        obstruct(kOther);
    } else if (note_end(type)) {
        finish();
    }
}

bool ResponsesTranscript::note_end(Value type) {
    const bool failed = type.is("error") || type.is("response.failed");
    if (failed) obstruct("the stream has told an error");
    over_ = over_ || failed;
    return type.is("response.completed") || type.is("response.incomplete");
}

void ResponsesTranscript::note_item(Value item, std::uint64_t index) {
    if (!item.is_object()) return obstruct(kUnknown);
    const auto [type, id] = item.pick({"type", "id"});
    next_index_ = index + 1;
    if (type.is("message")) {
        message_ = {};
        message_.stage = Stage::item;
        message_.item = keep(item);
        message_.id = id.content();
        message_.index = index;
    } else if (type.is("reasoning")) {
        // Half of one cannot be sent back, and whoever goes on has other thoughts.
        thought_ = true;
        pause("thoughts were half told");
    } else {
        message_ = {};
        obstruct("a tool call has begun");
    }
}

std::string ResponsesTranscript::failed(std::string_view error) const {
    if (response_.empty()) return {};
    std::string out;
    dialects::Writer to(out);
    to.open('{');
    Value::of(response_).members([&](std::string_view key, Value value) {
        const bool of_the_end = key == "status" || key == "error" || key == "output";
        if (!of_the_end) to.key(dialects::escaped(key)).raw(value.raw());
    });
    to.key("status").text("failed").key("error").raw(error).key("output").open('[');
    for (const auto& item : items_) to.raw(item);
    if (message_.stage != Stage::none) write_open(to);
    to.close(']').close('}');
    return out;
}

// The message that is told: what the client has of it.
void ResponsesTranscript::write_open(dialects::Writer& to) const {
    to.open('{');
    Value::of(message_.item).members([&](std::string_view key, Value value) {
        if (key != "content" && key != "status") to.key(dialects::escaped(key)).raw(value.raw());
    });
    to.key("status").text("incomplete").key("content").open('[');
    for (const auto& part : message_.parts) to.raw(part);
    if (message_.stage != Stage::item) {
        const auto said = wire::encode_string(
            std::string_view(text_).substr(std::min(message_.from, text_.size())));
        to.open('{').key("type").text("output_text").key("text").raw(said);
        to.key("annotations").raw("[]").close('}');
    }
    to.close(']').close('}');
}

void ResponsesTranscript::note_item_done(Value item) {
    if (!item.is_object()) return obstruct(kUnknown);
    pause(nullptr);
    message_ = {};
    items_.push_back(keep(item));
}

void ResponsesTranscript::note_part(Value part) {
    if (message_.stage == Stage::none) return;  // of thoughts
    if (!part.at("type").is("output_text")) obstruct(kOther);
    message_.stage = Stage::part;
    message_.from = text_.size();
}

void ResponsesTranscript::note_text(Value data) {
    if (response_.empty() || message_.stage != Stage::part) return obstruct(kUnknown);
    ++content_events_;
    wire::append_exactly(text_, data.at("delta").content());
}

}  // namespace understudy::proxy::rescue
