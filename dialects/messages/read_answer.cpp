#include "dialects/messages/messages.hpp"
#include "wire/answer_walk.hpp"

#include <map>

namespace understudy::dialects::messages {
namespace {

Stop stop_of(Value reason) {
    if (reason.is("max_tokens")) return Stop::length;
    if (reason.is("model_context_window_exceeded")) return Stop::window;
    if (reason.is("stop_sequence")) return Stop::sequence;
    if (reason.is("tool_use")) return Stop::calls;
    if (reason.is("refusal")) return Stop::filter;
    return reason.is("pause_turn") ? Stop::pause : Stop::end;
}

class Reader final : public AnswerReader {
  public:
    void event(Value event, std::string_view data, std::string_view name,
               AnswerSink& sink) override;
    void end(AnswerSink& sink) override {
        if (started_ && !over_) sink.done();
        over_ = true;
    }
    void whole(std::string_view body, AnswerSink& sink) override;

  private:
    void start(Value message, AnswerSink& sink);
    void start(Value id, Value model, Value counts, AnswerSink& sink);
    void block(Value block, AnswerSink& sink);
    void begin_block(Value index, Value announced, AnswerSink& sink);
    void delta(Value index, Value delta, AnswerSink& sink);
    void end_block(Value index, AnswerSink& sink);
    void call(Value block, AnswerSink& sink);
    void whole_block(Value block, AnswerSink& sink);
    void stop(Value reason, Value sequence, AnswerSink& sink);
    void usage(Value usage, AnswerSink& sink);

    bool started_ = false;
    bool over_ = false;
    std::string id_;  // as the first message_start has it
    std::size_t calls_ = 0;
    /// Of the blocks that are calls: their number, and whether arguments came.
    struct Call {
        std::size_t number = 0;
        bool has_arguments = false;
    };
    std::map<std::uint64_t, Call> open_;
    std::uint64_t last_other_ = static_cast<std::uint64_t>(-1);  // the last block that is none
    std::string made_;                                           // memory that is used again
};

void Reader::usage(Value usage, AnswerSink& sink) {
    if (const auto counts = wire::parse_usage(usage.raw())) sink.usage(*counts);
}

void Reader::start(Value message, AnswerSink& sink) {
    const auto [id, model, counts, content] = message.pick({"id", "model", "usage", "content"});
    const auto said = id.content();
    if (started_) {  // some send it twice
        if (!said.empty() && !id_.empty() && said != id_)
            lose("another answer begins inside of it");
        return;
    }
    id_ = said;
    start(id, model, counts, sink);
    content.elements([&](Value one) { whole_block(one, sink); });  // what it begins with
}

void Reader::start(Value id, Value model, Value counts, AnswerSink& sink) {
    started_ = true;
    sink.start(id.content(), model.content());
    if (counts.is_object()) usage(counts, sink);
}

// A block as it is announced, or whole.
void Reader::block(Value block, AnswerSink& sink) {
    const auto [type, text, thinking, seal, data] =
        block.pick({"type", "text", "thinking", "signature", "data"});
    if (type.is("text")) {
        if (const auto said = text.said(made_); !said.empty()) sink.text(said);
    } else if (type.is("thinking")) {
        if (!thinking.empty()) sink.thinking(thinking.content());
        if (seal.is_string() && !seal.empty()) sink.seal(SealKind::claude, seal.content(), false);
    } else if (type.is("redacted_thinking")) {
        sink.seal(SealKind::claude, data.content(), true);
    }
}

void Reader::call(Value block, AnswerSink& sink) {
    const auto [id, name, input] = block.pick({"id", "name", "input"});
    if (name.content().empty()) return lose(kNameless);
    const auto number = calls_++;
    sink.call(number, id.content(), name.content(), {});
    const auto said = input.said(made_);
    sink.arguments(number, said.empty() ? "{}" : said);
}

void Reader::whole_block(Value block, AnswerSink& sink) {
    if (block.at("type").is("tool_use")) {
        call(block, sink);
    } else {
        this->block(block, sink);
    }
}

void Reader::begin_block(Value index, Value announced, AnswerSink& sink) {
    if (!announced.at("type").is("tool_use")) {
        last_other_ = index.count();
        return block(announced, sink);
    }
    const auto [id, name, input] = announced.pick({"id", "name", "input"});
    if (name.content().empty()) return lose(kNameless);
    const Call call{calls_++, false};
    sink.call(call.number, id.content(), name.content(), {});
    auto& open = open_[index.count()] = call;
    if (input.nothing() || input.empty()) return;
    sink.arguments(call.number, input.said(made_));
    open.has_arguments = true;
}

void Reader::delta(Value index, Value delta, AnswerSink& sink) {
    const auto [type, text, thinking, signature, piece] =
        delta.pick({"type", "text", "thinking", "signature", "partial_json"});
    if (type.is("text_delta")) {
        steady(text);
        sink.text(text.said(made_));
    } else if (type.is("thinking_delta")) {
        steady(thinking);
        sink.thinking(thinking.content());
    } else if (type.is("signature_delta")) {
        sink.seal(SealKind::claude, signature.content(), false);
    } else if (type.is("input_json_delta")) {
        const auto at = open_.find(index.count());
        // Of a call that the provider runs itself nobody was told. One that did not begin is lost.
        if (at == open_.end() && index.count() != last_other_) lose(kNameless);
        const auto said = piece.said(made_);
        if (at == open_.end() || said.empty()) return;
        at->second.has_arguments = true;
        steady(piece);
        sink.arguments(at->second.number, said);
    }
}

void Reader::end_block(Value index, AnswerSink& sink) {
    const auto at = open_.find(index.count());
    if (at == open_.end()) return;
    if (!at->second.has_arguments) sink.arguments(at->second.number, "{}");
    open_.erase(at);
}

void Reader::stop(Value reason, Value sequence, AnswerSink& sink) {
    if (!reason.is_string() || reason.empty()) return;
    if (wire::is_error_finish(reason.content())) {
        over_ = true;
        wire::ErrorFacts error;
        error.message = "The upstream gave up: stop_reason " + reason.text() + ".";
        error.type = "api_error";
        return sink.error(error);
    }
    sink.stop(stop_of(reason), sequence.content());
}

void Reader::event(Value event, std::string_view data, std::string_view name, AnswerSink& sink) {
    if (over_) return;
    const auto members =
        event.pick({"type", "index", "delta", "content_block", "message", "usage"});
    const auto& [type, index, change, block, message, counts] = members;
    const auto is = [&, type = type](std::string_view what) {
        return type.is_string() ? type.is(what) : name == what;
    };
    if (!started_ && (is("content_block_start") || is("content_block_delta"))) start({}, sink);
    if (is("content_block_delta")) {
        delta(index, change, sink);
    } else if (is("content_block_start")) {
        begin_block(index, block, sink);
    } else if (is("content_block_stop")) {
        end_block(index, sink);
    } else if (is("message_start")) {
        start(message, sink);
    } else if (is("message_delta")) {
        const auto [reason, sequence] = change.pick({"stop_reason", "stop_sequence"});
        stop(reason, sequence, sink);
        if (counts.is_object()) usage(counts, sink);
    } else if (is("message_stop")) {
        end(sink);
    } else if (is("error")) {
        over_ = true;
        sink.error(wire::parse_error_body(data));
    }
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    const auto members = Value::standing(body).pick(
        {"id", "model", "usage", "content", "stop_reason", "stop_sequence"});
    const auto& [id, model, counts, content, reason, sequence] = members;
    start(id, model, counts, sink);
    content.elements([&](Value one) { whole_block(one, sink); });
    stop(reason, sequence, sink);
    end(sink);
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader() {
    return std::make_unique<Reader>();
}

}  // namespace understudy::dialects::messages
