#include "dialects/gemini/answer_reader.hpp"

#include "dialects/gemini/finish.hpp"
#include "dialects/ids.hpp"
#include "wire/error_member.hpp"
#include "wire/unspecified.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace understudy::dialects::gemini {
namespace {

/// Appends a validated JSON value as the inside of a string: without white space between its
/// tokens, of which Google writes a lot.
void append_as_text(std::string& out, std::string_view json) {
    bool in_string = false;
    bool escape = false;
    for (const char c : json) {
        const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (space && !in_string) continue;
        if (c == '"' || c == '\\') out += '\\';
        out += c;
        if (c == '"' && !escape) in_string = !in_string;
        escape = c == '\\' && !escape;
    }
}

struct Part {
    Value text, call, seal;
    const char* media = nullptr;  // a picture or a sound
    bool thought = false;
};

Part part_of(Value value) {
    Part part;
    value.members([&](std::string_view key, Value member) {
        if (key == "text") {
            part.text = member;
        } else if (key == "thought") {
            part.thought = member.is_true();
        } else if (key == "functionCall") {
            part.call = member;
        } else if (key == "thoughtSignature") {
            part.seal = member;
        } else if (key == "inlineData" || key == "fileData") {
            part.media = key == "inlineData" ? "inlineData" : "fileData";
        }
    });
    return part;
}

class Reader : public AnswerReader {
  public:
    explicit Reader(std::string_view seed) : seed_(seed) {}

    void event(Value event, std::string_view data, std::string_view, AnswerSink& sink) override {
        read(event, data, sink);
    }
    void again(std::string_view, std::string_view counts) override {
        if (!counts.empty()) metadata_ = counts;  // those before were of the same kind
    }
    void end(AnswerSink& sink) override;
    void whole(std::string_view body, AnswerSink& sink) override;

  private:
    enum class Last : std::uint8_t { nothing, thought, text, call };

    void read(Value chunk, std::string_view data, AnswerSink& sink);
    void start(Value id, Value model, AnswerSink& sink);
    void candidate(Value value, AnswerSink& sink);
    void part(const Part& part, AnswerSink& sink);
    void call(Value call, Value seal, AnswerSink& sink);
    void feedback(Value value, AnswerSink& sink);
    void finish(Value reason, Value message, AnswerSink& sink);
    void tell_stop(AnswerSink& sink);
    void counted(std::string_view metadata);
    void read_counts();
    void tell_usage(AnswerSink& sink);
    void fail(const wire::ErrorFacts& error, AnswerSink& sink) {
        failed_ = true;
        sink.error(error);
    }

    bool started_ = false;
    bool failed_ = false;
    bool told_ = false;  // anything of the answer
    Last last_ = Last::nothing;
    std::size_t calls_ = 0;
    std::optional<Stop> stop_;
    std::string seed_;      // of ids
    std::string args_;      // memory that is used again
    std::string metadata_;  // usage as the last chunk said it, not read yet
    wire::Usage usage_;     // of those before
    bool has_usage_ = false;
};

// The members come in any order, and what comes first in the answer is not what is told first.
void Reader::read(Value chunk, std::string_view data, AnswerSink& sink) {
    if (failed_) return;
    if (chunk.is_array()) {  // as errors come from some of its endpoints
        chunk.elements([&](Value one) { read(one, one.raw(), sink); });
        return;
    }
    Value candidates, blocked, usage, error, id, model;
    chunk.members([&](std::string_view key, Value value) {
        if (key == "candidates") {
            candidates = value;
        } else if (key == "promptFeedback") {
            blocked = value;
        } else if (key == "usageMetadata") {
            usage = value;
        } else if (key == "error") {
            error = value;
        } else if (key == "responseId") {
            id = value;
        } else if (key == "modelVersion") {
            model = value;
        }
    });
    if (!chunk.is_object() || chunk.empty()) return;
    start(id, model, sink);
    if (error.present() && wire::tells_error(error.raw()))
        return fail(wire::parse_error_body(data), sink);
    bool first = true;
    candidates.elements([&](Value one) {
        if (first) candidate(one, sink);
        first = false;
    });
    if (failed_) return;
    feedback(blocked, sink);
    if (usage.is_object()) counted(usage.raw());
}

/// Whether two texts differ in their digits alone.
bool same_but_for_digits(std::string_view a, std::string_view b) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::size_t i = 0;
    std::size_t j = 0;
    for (;;) {
        while (i < a.size() && is_digit(a[i])) ++i;
        while (j < b.size() && is_digit(b[j])) ++j;
        if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
        if (a[i++] != b[j++]) return false;
    }
}

// Nearly every chunk repeats the counts, each time a little higher: one that says the same members
// takes the place of the one before, and is read when it is the last.
void Reader::counted(std::string_view metadata) {
    if (!same_but_for_digits(metadata_, metadata)) read_counts();
    metadata_ = metadata;
}

void Reader::read_counts() {
    if (metadata_.empty()) return;
    if (const auto counts = wire::parse_usage_metadata(metadata_)) {
        wire::merge_usage(usage_, *counts);
        has_usage_ = true;
    }
    metadata_.clear();
}

void Reader::tell_usage(AnswerSink& sink) {
    read_counts();
    if (has_usage_) sink.usage(usage_);
}

void Reader::start(Value id, Value model, AnswerSink& sink) {
    if (started_) return;
    started_ = true;
    seed_ += id.content();
    sink.start(id.content(), model.content());
}

void Reader::candidate(Value value, AnswerSink& sink) {
    Value content, reason, message;
    value.members([&](std::string_view key, Value member) {
        if (key == "content") {
            content = member;
        } else if (key == "finishReason") {
            reason = member;
        } else if (key == "finishMessage") {
            message = member;
        }
    });
    const auto calls = calls_;
    content.at("parts").elements([&](Value one) { part(part_of(one), sink); });
    if (reason.is_string() && !reason.empty() && !wire::is_unspecified(reason.content())) {
        finish(reason, message, sink);
    } else if (stop_ && calls_ != calls) {
        tell_stop(sink);  // the last word counts
    }
}

// A seal is no sign of a thought: a text may have one. It belongs to the thoughts in front of it,
// where there are any; else it stands for itself, behind its text.
void Reader::part(const Part& part, AnswerSink& sink) {
    if (part.call.is_object()) return call(part.call, part.seal, sink);
    if (!part.call.nothing()) return lose(kNameless);
    if (part.media != nullptr && !part.thought) leave_out(part.media);
    const bool sealed = part.seal.is_string() && !part.seal.empty();
    const auto words = part.text.said(args_);
    const bool text = !words.empty();
    told_ = told_ || text;
    if (text && part.thought) {
        steady(part.text);
        sink.thinking(words);
        last_ = Last::thought;
    }
    const bool of_thoughts = last_ == Last::thought;
    if (sealed && of_thoughts) {
        sink.seal(SealKind::gemini, part.seal.content(), false);
        last_ = Last::nothing;
    }
    if (text && !part.thought) {
        steady(part.text);
        sink.text(words);
        last_ = Last::text;
    }
    if (sealed && !of_thoughts) sink.seal(SealKind::gemini, part.seal.content(), true);
}

void Reader::call(Value call, Value seal, AnswerSink& sink) {
    Value id, name, args;
    call.members([&](std::string_view key, Value member) {
        if (key == "id") {
            id = member;
        } else if (key == "name") {
            name = member;
        } else if (key == "args") {
            args = member;
        }
    });
    if (name.content().empty()) {
        if (!args.nothing()) lose(kNameless);
        return;
    }
    args_.clear();
    if (args.is_string()) {
        args_ = args.content();  // JSON in a string, where JSON should be
    } else {
        append_as_text(args_, args.nothing() ? "{}" : args.raw());
    }
    const auto number = calls_++;
    told_ = true;
    last_ = Last::call;
    if (id.is_string() && !id.empty()) {
        sink.call(number, id.content(), name.content(), seal.content());
    } else {
        // Another answer's calls must not have the same.
        std::string seed = seed_;
        seed.append(1, '\n').append(name.content()).append(1, '\n').append(args_);
        sink.call(number, minted_id("call_", seed, number), name.content(), seal.content());
    }
    sink.arguments(number, args_);
}

// A prompt that was not let through: there is no candidate then.
void Reader::feedback(Value value, AnswerSink& sink) {
    const auto reason = value.at("blockReason");
    if (!reason.is_string() || reason.empty() || wire::is_unspecified(reason.content())) return;
    const auto message = value.at("blockReasonMessage");
    if (message.is_string() && !message.empty()) sink.refusal(message.content());
    stop_ = Stop::filter;
    tell_stop(sink);
}

void Reader::finish(Value reason, Value message, AnswerSink& sink) {
    const auto word = reason.content();
    if (is_in_vain(word) && !told_) {
        wire::ErrorFacts error;
        error.message = message.text();
        if (error.message.empty()) error.message = "The model came to no answer.";
        error.type = "api_error";
        error.code = word;
        return fail(error, sink);
    }
    stop_ = stop_of(word);
    tell_stop(sink);
}

// It says STOP of answers with calls too. What a filter has stopped is not to be run.
void Reader::tell_stop(AnswerSink& sink) {
    const bool run = calls_ != 0 && *stop_ != Stop::filter;
    sink.stop(run ? Stop::calls : *stop_, {});
}

void Reader::end(AnswerSink& sink) {
    if (failed_) return;
    if (!stop_) {
        start({}, {}, sink);
        wire::ErrorFacts error;
        error.message = "The answer broke off: it came to no finishReason.";
        error.type = "api_error";
        return fail(error, sink);
    }
    tell_usage(sink);
    sink.done();
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    read(Value::standing(body), body, sink);
    if (failed_) return;
    start({}, {}, sink);
    tell_usage(sink);
    sink.done();
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader(std::string_view seed) {
    return std::make_unique<Reader>(seed);
}

}  // namespace understudy::dialects::gemini
