#include "dialects/converse/answer_reader.hpp"

#include "dialects/converse/gates.hpp"
#include "wire/usage_converse.hpp"

#include <map>
#include <utility>

namespace understudy::dialects::converse {
namespace {

Stop stop_of(Value reason) {
    if (reason.is("max_tokens")) return Stop::length;
    if (reason.is("model_context_window_exceeded")) return Stop::window;
    if (reason.is("stop_sequence")) return Stop::sequence;
    if (reason.is("tool_use")) return Stop::calls;
    const bool filter = reason.is("content_filtered") || reason.is("guardrail_intervened");
    return filter ? Stop::filter : Stop::end;
}

/// The model came to no answer: where nothing was said before it, that is an error.
bool is_in_vain(Value reason) {
    return reason.is("malformed_model_output") || reason.is("malformed_tool_use");
}

class Reader final : public AnswerReader {
  public:
    Reader(std::string id, SealKind seals) : id_(std::move(id)), seals_(seals) {}

    void event(Value event, std::string_view data, std::string_view name,
               AnswerSink& sink) override;
    void end(AnswerSink& sink) override;
    void whole(std::string_view body, AnswerSink& sink) override;

  private:
    struct Call {
        std::size_t number = 0;
        bool has_arguments = false;
    };
    void start(AnswerSink& sink) {
        if (!std::exchange(started_, true)) sink.start(id_, {});
    }
    std::size_t call(Value call, AnswerSink& sink);
    void begin_block(Value event, AnswerSink& sink);
    void delta(Value event, AnswerSink& sink);
    void end_block(Value event, AnswerSink& sink);
    void block(Value block, AnswerSink& sink);
    void reasoning(Value value, AnswerSink& sink);
    void text(Value value, AnswerSink& sink);
    void stop(Value reason, AnswerSink& sink);
    void usage(Value counts, AnswerSink& sink) {
        if (const auto usage = wire::parse_converse_usage(counts.raw())) sink.usage(*usage);
    }
    void fail(std::string message, std::string_view type, AnswerSink& sink);

    static constexpr auto kNoCall = static_cast<std::size_t>(-1);

    std::string id_;
    SealKind seals_;
    bool started_ = false;
    bool over_ = false;
    bool told_ = false;     // anything of the answer
    bool stopped_ = false;  // and how it ended
    std::size_t calls_ = 0;
    std::map<std::uint64_t, Call> open_;  // by the index of their block
    std::string made_;                    // memory that is used again
};

void Reader::fail(std::string message, std::string_view type, AnswerSink& sink) {
    over_ = true;
    wire::ErrorFacts error;
    error.message = std::move(message);
    error.type = type;
    sink.error(error);
}

void Reader::text(Value value, AnswerSink& sink) {
    const auto said = value.said(made_);
    if (said.empty()) return;
    told_ = true;
    steady(value);
    sink.text(said);
}

// In a stream each member comes by itself; in a whole answer the first two stand together.
void Reader::reasoning(Value value, AnswerSink& sink) {
    const auto both = value.at("reasoningText");
    const auto from = both.is_object() ? both : value;
    if (const auto thought = from.at("text").said(made_); !thought.empty()) {
        told_ = true;
        steady(from.at("text"));
        sink.thinking(thought);
    }
    const auto seal = from.at("signature");
    if (seal.is_string() && !seal.empty()) sink.seal(seals_, seal.content(), false);
    const auto sealed = value.at("redactedContent");
    if (sealed.is_string() && !sealed.empty()) sink.seal(seals_, sealed.content(), true);
}

// The number of a call that was told; kNoCall: nobody could run it.
std::size_t Reader::call(Value call, AnswerSink& sink) {
    const auto [id, name] = call.pick({"toolUseId", "name"});
    if (name.content().empty()) {
        lose(kNameless);
        return kNoCall;
    }
    told_ = true;
    sink.call(calls_, id.content(), name.content(), {});
    return calls_++;
}

void Reader::begin_block(Value event, AnswerSink& sink) {
    const auto announced = event.at("start").at("toolUse");
    if (announced.nothing()) return;
    const auto number = call(announced, sink);
    if (number == kNoCall) return;
    auto& open = open_[event.at("contentBlockIndex").count()] = {number, false};
    const auto input = announced.at("input");  // comes in pieces, of which this may be the first
    if (input.nothing() || input.empty()) return;
    open.has_arguments = true;
    sink.arguments(number, input.said(made_));
}

void Reader::delta(Value event, AnswerSink& sink) {
    const auto delta = event.at("delta");
    text(delta.at("text"), sink);
    if (const auto thoughts = delta.at("reasoningContent"); thoughts.is_object()) {
        reasoning(thoughts, sink);
    }
    const auto input = delta.at("toolUse").at("input");
    const auto piece = input.said(made_);
    if (piece.empty()) return;
    const auto at = open_.find(event.at("contentBlockIndex").count());
    if (at == open_.end()) return lose(kNameless);
    at->second.has_arguments = true;
    steady(input);
    sink.arguments(at->second.number, piece);
}

void Reader::end_block(Value event, AnswerSink& sink) {
    const auto at = open_.find(event.at("contentBlockIndex").count());
    if (at == open_.end()) return;
    if (!at->second.has_arguments) sink.arguments(at->second.number, "{}");
    open_.erase(at);
}

void Reader::stop(Value reason, AnswerSink& sink) {
    if (!reason.is_string()) return;
    if (is_in_vain(reason) && !told_) {
        return fail("The model came to no answer: " + reason.text() + ".", "api_error", sink);
    }
    stopped_ = true;
    // What a filter has stopped is not to be run.
    const auto why = stop_of(reason);
    sink.stop(calls_ != 0 && why == Stop::end ? Stop::calls : why, {});
}

void Reader::event(Value event, std::string_view, std::string_view name, AnswerSink& sink) {
    if (over_) return;
    if (name == "contentBlockDelta") {
        start(sink);
        delta(event, sink);
    } else if (name == "contentBlockStart") {
        start(sink);
        begin_block(event, sink);
    } else if (name == "contentBlockStop") {
        end_block(event, sink);
    } else if (name == "messageStart") {
        start(sink);
    } else if (name == "messageStop") {
        start(sink);
        stop(event.at("stopReason"), sink);
    } else if (name == "metadata") {
        usage(event.at("usage"), sink);
    } else if (name == "error") {
        start(sink);
        const auto type = event.at("__type").text();
        auto message = event.at("message").text();
        if (message.empty())
            message = "The upstream gave up" + (type.empty() ? "" : ": " + type) + ".";
        fail(std::move(message), type, sink);
    }
}

// The counts come behind the end.
void Reader::end(AnswerSink& sink) {
    if (std::exchange(over_, true) || !started_) return;
    if (!stopped_)
        return fail("The answer broke off: it came to no stopReason.", "api_error", sink);
    sink.done();
}

void Reader::block(Value block, AnswerSink& sink) {
    text(block.at("text"), sink);
    if (const auto thoughts = block.at("reasoningContent"); thoughts.is_object()) {
        reasoning(thoughts, sink);
    }
    // What answers quote from documents.
    block.at("citationsContent").at("content").elements([&](Value one) {
        text(one.at("text"), sink);
    });
    const auto tool = block.at("toolUse");
    if (tool.nothing()) return;
    const auto number = call(tool, sink);
    if (number == kNoCall) return;
    const auto input = tool.at("input").said(made_);
    sink.arguments(number, input.empty() ? "{}" : input);
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    const auto answer = Value::of(body);
    start(sink);
    answer.at("output").at("message").at("content").elements([&](Value one) { block(one, sink); });
    usage(answer.at("usage"), sink);
    stop(answer.at("stopReason"), sink);
    stopped_ = true;
    end(sink);
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader(std::string id, std::string_view model) {
    const auto seals = gates_of(model).claude ? SealKind::claude : SealKind::none;
    return std::make_unique<Reader>(std::move(id), seals);
}

}  // namespace understudy::dialects::converse
