#include "proxy/rescue/gemini/continuation.hpp"

#include "dialects/usage_text.hpp"
#include "proxy/rescue/passed_event.hpp"
#include "wire/json_text.hpp"

namespace understudy::proxy::rescue {

namespace {

bool says_something(dialects::Value candidate) {
    bool says = false;
    candidate.at("content").at("parts").elements([&](dialects::Value part) {
        says |= !is_thought(part) && (!is_text(part) || !part.at("text").empty());
    });
    return says;
}

}  // namespace

GeminiContinuation::GeminiContinuation(const GeminiTranscript& transcript,
                                       const ContinuationOptions& options)
    : first_(transcript), passage_(transcript, options.rung, options.asked_tokens) {}

bool GeminiContinuation::event(std::string_view data, std::string& out) {
    if (!dialects::is_object_text(data)) return false;
    chunk(Value::of(data), out);
    return true;
}

void GeminiContinuation::chunk(Value chunk, std::string& out) {
    Value candidate;
    chunk.at("candidates").elements([&](Value one) {
        if (!candidate.present()) candidate = one;
    });
    parts_.clear();
    bool finishes = false;
    if (state_ != State::finished) {
        Writer parts(parts_);
        bool goes_on = true;
        candidate.at("content").at("parts").elements(
            [&](Value one) { goes_on = goes_on && part(one, parts); });
        finishes = is_finished(candidate);
        if (!goes_on || (finishes && !text({}, true, parts))) {
            state_ = State::diverged;
            return;
        }
        if (passage_.open()) state_ = State::flowing;
        if (finishes) state_ = State::finished;
    }
    const bool over = state_ == State::finished && !finishes;
    if (over && says_something(candidate)) {
        state_ = State::lost;  // there is no place for it
        return;
    }
    const bool late_usage = state_ == State::finished && chunk.at("usageMetadata").is_object();
    if (!parts_.empty() || finishes || late_usage)
        write(chunk, finishes || !parts_.empty() ? candidate : Value(), parts_, out);
}

/// False: it is another answer.
bool GeminiContinuation::part(Value part, Writer& parts) {
    if (is_thought(part)) {
        without_thoughts_ = true;  // whoever broke off has shown his own, or text
        return true;
    }
    if (is_text(part)) return text(part.at("text"), false, parts);
    if (!text({}, true, parts)) return false;
    std::string json;
    append_on_one_line(json, part.raw());
    parts.raw(json);
    return true;
}

/// `last`: what is held is decided upon.
bool GeminiContinuation::text(Value content, bool last, Writer& parts) {
    wire::append_exactly(passage_.next(), content.content());
    text_.clear();
    passage_.pass(last, text_);
    if (text_.empty()) return !passage_.diverged();
    std::string json = R"({"text":")";
    wire::append_encoded(json, text_);
    parts.raw(json += "\"}");
    return true;
}

/// `candidate` absent: the chunk is there for its counts.
void GeminiContinuation::write(Value chunk, Value candidate, std::string_view parts,
                               std::string& out) {
    out += "data: ";
    Writer to(out);
    const auto copy = [&](std::string_view key, Value value) {
        to.key(dialects::escaped(key));
        append_on_one_line(out, value.raw());
    };
    to.open('{');
    if (candidate.present()) {
        to.key("candidates").open('[').open('{').key("content").open('{').key("parts").open('[');
        out += parts.empty() ? std::string_view(R"({"text":""})") : parts;
        to.close(']').key("role").text("model").close('}');
        candidate.members([&](std::string_view key, Value value) {
            if (key != "content") copy(key, value);
        });
        to.close('}').close(']');
    }
    const auto usage = chunk.at("usageMetadata");
    const auto read = usage.is_object() ? wire::parse_usage_metadata(usage.raw()) : std::nullopt;
    if (read) {
        to.key("usageMetadata");
        dialects::write_gemini_usage(passage_.truth_of(*read, without_thoughts_), to);
    }
    if (!first_.model().empty()) to.key("modelVersion").raw(first_.model());
    if (!first_.id().empty()) to.key("responseId").raw(first_.id());
    to.close('}');
    out += "\r\n\r\n";
}

}  // namespace understudy::proxy::rescue
