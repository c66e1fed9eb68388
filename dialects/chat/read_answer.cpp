#include "dialects/chat/chat.hpp"
#include "wire/answer_walk.hpp"
#include "wire/error_member.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace understudy::dialects::chat {
namespace {

Stop stop_of(Value reason) {
    if (reason.is("length") || reason.is("max_tokens") || reason.is("model_length")) {
        return Stop::length;
    }
    if (reason.is("tool_calls") || reason.is("function_call")) return Stop::calls;
    return reason.is("content_filter") || reason.is("content-filter") ? Stop::filter : Stop::end;
}

/// One choice. What servers write differently is read alike: calls without index or id, whole calls
/// in one piece, arguments as an object, content in parts.
class Reader final : public AnswerReader {
  public:
    void event(Value chunk, std::string_view data, std::string_view name,
               AnswerSink& sink) override;
    void end(AnswerSink& sink) override;
    void whole(std::string_view body, AnswerSink& sink) override;

  private:
    void start(Value id, Value model, AnswerSink& sink);
    void delta(Value delta, AnswerSink& sink);
    void thoughts(Value delta, std::string_view key, Value value, AnswerSink& sink);
    void content(Value content, AnswerSink& sink);
    void call(Value call, AnswerSink& sink);
    void old_call(Value call, AnswerSink& sink);
    void arguments(std::size_t number, Value arguments, AnswerSink& sink);
    std::size_t number_of(Value call, AnswerSink& sink);
    void usage(Value counts, Value of_groq, AnswerSink& sink);
    void fail(Value reason, AnswerSink& sink);

    struct Call {
        std::string id;
        std::uint64_t index = 0;
    };
    bool started_ = false;
    bool over_ = false;
    bool ended_ = false;
    bool whole_ = false;  // the answer is told in one piece
    Stop stop_ = Stop::unsaid;
    std::vector<Call> calls_;
    std::optional<std::size_t> old_call_;  // the only one there is in the form before tools
    std::string made_;                     // memory that is used again
};

constexpr std::size_t kNoCall = static_cast<std::size_t>(-1);

void Reader::start(Value id, Value model, AnswerSink& sink) {
    if (started_) return;
    started_ = true;
    sink.start(id.content(), model.content());
}

void Reader::content(Value content, AnswerSink& sink) {
    if (content.is_string()) {
        if (content.empty()) return;
        steady(content);
        return sink.text(content.content());
    }
    if (!content.is_array()) return sink.text(content.said(made_));
    content.elements([&](Value part) {  // Mistral's
        if (part.at("type").is("thinking")) {
            part.at("thinking").elements([&](Value one) {
                const auto text = one.at("text");
                steady(text);
                sink.thinking(text.content());
            });
            return;
        }
        const auto text = part.is_object() ? part.at("text") : part;
        const auto said = text.said(made_);
        if (said.empty()) return;
        steady(text);
        sink.text(said);
    });
}

// The call that a piece belongs to; a new one is told of. kNoCall: nobody could run it.
std::size_t Reader::number_of(Value call, AnswerSink& sink) {
    const auto id = call.at("id");
    const auto said = id.is_string() ? id.text() : std::string();
    const auto index = call.at("index");
    const auto name = call.at("function").at("name");
    const bool names = name.is_string() && !name.empty();
    // In a whole answer each is one, whatever it is called.
    for (std::size_t i = whole_ ? 0 : calls_.size(); i-- > 0;) {
        const auto& known = calls_[i];
        const bool same_place =
            index.is_number() ? known.index == index.count(known.index) : i + 1 == calls_.size();
        // Another id, or a second name without one, begins another call at the same place.
        const bool other =
            said.empty() ? names && !index.is_number() : !known.id.empty() && known.id != said;
        if (same_place && !other) return i;
    }
    if (!names) {
        // Some announce a place first. Arguments for nobody are another matter.
        if (!call.at("function").at("arguments").said(made_).empty()) lose(kNameless);
        return kNoCall;
    }
    const auto number = calls_.size();
    calls_.push_back({said, index.count(number)});
    const auto seal = call.at("extra_content").at("google").at("thought_signature");
    sink.call(number, id.content(), name.content(), seal.content());
    return number;
}

void Reader::call(Value call, AnswerSink& sink) {
    const auto number = number_of(call, sink);
    if (number != kNoCall) arguments(number, call.at("function").at("arguments"), sink);
}

void Reader::arguments(std::size_t number, Value arguments, AnswerSink& sink) {
    const auto said = arguments.said(made_);
    if (said.empty()) return;
    steady(arguments);
    sink.arguments(number, said);
}

// `function_call`, which older servers still write.
void Reader::old_call(Value call, AnswerSink& sink) {
    const auto [name, said] = call.pick({"name", "arguments"});
    if (!old_call_) {
        if (!name.is_string() || name.empty()) {
            if (!said.said(made_).empty()) lose(kNameless);
            return;
        }
        old_call_ = calls_.size();
        calls_.push_back({{}, calls_.size()});
        sink.call(*old_call_, {}, name.content(), {});
    }
    arguments(*old_call_, said, sink);
}

// Some send it under both names, saying the same.
void Reader::thoughts(Value delta, std::string_view key, Value value, AnswerSink& sink) {
    const auto other = delta.at("reasoning_content");
    const bool twice = key == "reasoning" && other.is_string() && !other.empty();
    if (!value.is_string() || value.empty() || twice) return;
    steady(value);
    sink.thinking(value.content());
}

void Reader::delta(Value delta, AnswerSink& sink) {
    const auto of_thoughts = [](std::string_view key) {
        return key == "reasoning_content" || key == "reasoning";
    };
    // The members of a message have no order of their own: it was thought of before it was said.
    if (whole_) {
        delta.members([&](std::string_view key, Value value) {
            if (of_thoughts(key)) thoughts(delta, key, value, sink);
        });
    }
    delta.members([&](std::string_view key, Value value) {
        if (value.nothing()) return;
        if (key == "content") {
            content(value, sink);
        } else if (of_thoughts(key)) {
            if (!whole_) thoughts(delta, key, value, sink);
        } else if (key == "audio" || key == "images") {
            if (!value.empty()) leave_out(key == "audio" ? "audio" : "images");
        } else if (key == "refusal") {
            if (!value.is_string() || value.empty()) return;
            steady(value);
            sink.refusal(value.content());
        } else if (key == "tool_calls") {
            value.elements([&](Value one) { call(one, sink); });
        } else if (key == "function_call") {
            old_call(value, sink);
        }
    });
}

void Reader::usage(Value counts, Value of_groq, AnswerSink& sink) {
    if (!counts.present() && !of_groq.present()) return;
    for (const auto& told : {counts, of_groq.at("usage")}) {
        if (!told.is_object()) continue;
        if (const auto usage = wire::parse_usage(told.raw())) {
            sink.usage(*usage);
            return;
        }
    }
}

void Reader::event(Value chunk, std::string_view data, std::string_view name, AnswerSink& sink) {
    if (over_) return;
    if (data == "[DONE]") return end(sink);
    if (chunk.is_array()) {  // as errors come from Google's endpoint
        chunk.elements([&](Value one) {
            if (one.is_object()) event(one, one.raw(), name, sink);
        });
        return;
    }
    if (!chunk.is_object()) return;
    const auto members = chunk.pick({"error", "choices", "id", "model", "usage", "x_groq"});
    const auto& [error, choices, id, model, counts, of_groq] = members;
    if (name == "error" || (error.present() && wire::tells_error(error.raw()))) {
        over_ = true;
        return sink.error(wire::parse_error_body(data));
    }
    bool first = true;
    // An annotation in front, without a name of its own (Azure), does not begin the answer.
    if (!choices.empty() || !id.empty()) start(id, model, sink);
    choices.elements([&](Value choice) {
        const auto [index, change, reason] = choice.pick({"index", "delta", "finish_reason"});
        if (!std::exchange(first, false) || index.count() != 0) return;
        delta(change, sink);
        if (!reason.is_string() || reason.empty()) return;
        stop_ = stop_of(reason);
        ended_ = true;
        if (wire::is_error_finish(reason.content())) fail(reason, sink);
    });
    if (over_) return;
    usage(counts, of_groq, sink);
}

// Some servers have no other word for it.
void Reader::fail(Value reason, AnswerSink& sink) {
    over_ = true;
    wire::ErrorFacts error;
    error.message = "The upstream gave up: finish_reason " + reason.text() + ".";
    error.type = "server_error";
    sink.error(error);
}

void Reader::end(AnswerSink& sink) {
    if (over_ || !started_) return;
    over_ = true;
    sink.stop(stop_, {});
    sink.done();
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    whole_ = true;
    const auto answer = Value::standing(body);
    const auto members = answer.pick({"choices", "id", "model", "usage", "x_groq"});
    const auto& [choices, id, model, counts, of_groq] = members;
    start(id, model, sink);
    bool first = true;
    choices.elements([&](Value choice) {
        if (!std::exchange(first, false)) return;
        const auto [message, reason] = choice.pick({"message", "finish_reason"});
        delta(message, sink);
        if (reason.is_string() && !reason.empty()) stop_ = stop_of(reason);
    });
    usage(counts, of_groq, sink);
    end(sink);
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader() {
    return std::make_unique<Reader>();
}

}  // namespace understudy::dialects::chat
