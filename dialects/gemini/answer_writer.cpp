#include "dialects/gemini/answer_writer.hpp"

#include "dialects/call_arguments.hpp"
#include "dialects/gemini/contents.hpp"
#include "dialects/gemini/error.hpp"
#include "dialects/halves.hpp"
#include "dialects/seals.hpp"
#include "dialects/usage_text.hpp"

#include <optional>
#include <string>
#include <vector>

namespace understudy::dialects::gemini {
namespace {

std::string_view finish_of(Stop stop) {
    switch (stop) {
        case Stop::length:
        case Stop::window:
            return "MAX_TOKENS";
        case Stop::filter:
            return "SAFETY";
        default:
            return "STOP";  // of calls, too
    }
}

class WriterBase : public AnswerWriter {
  public:
    WriterBase(const Told& told, const ClientTools& tools) : told_(told), tools_(tools) {}

    void start(std::string_view id, std::string_view model) override {
        model_ = model.empty() ? escaped(told_.asked_model) : std::string(model);
        id_ = id.empty() ? minted_id("", told_.seed, 0) : std::string(id);
    }
    void refusal(std::string_view content) override { text(content); }
    // A call is one object here: its arguments are gathered until all is told.
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view) override {
        if (number >= calls_.size()) calls_.resize(number + 1);
        auto& call = calls_[number];
        call.id = id.empty() ? minted_id("call_", told_.seed, number)
                             : legal_id(unescaped(id), kGoogleId);
        call.name = tools_.names.original(unescaped(name));
    }
    void arguments(std::size_t number, std::string_view content) override {
        if (number >= calls_.size()) return;
        calls_[number].arguments += content;
        gather(content.size());
    }
    void stop(Stop why, std::string_view) override { stop_ = why; }
    void usage(const wire::Usage& usage) override {
        if (usage_) {
            wire::merge_usage(*usage_, usage);
        } else {
            usage_ = usage;
        }
    }

  protected:
    struct Call {
        std::string id;
        std::string name;
        std::string arguments;
    };
    static void write_text(std::string_view content, bool thought, Writer& to) {
        to.open('{').key("text").content(content);
        if (thought) to.key("thought").boolean(true);
        to.close('}');
    }
    /// Whether any were written.
    bool write_calls(Writer& to) const;
    /// All that stands behind the parts of the last or only chunk.
    void write_end(Writer& to) const;

    Told told_;
    const ClientTools& tools_;
    std::string id_;     // the inside of a string
    std::string model_;  // likewise
    std::optional<wire::Usage> usage_;
    Stop stop_ = Stop::unsaid;
    std::vector<Call> calls_;
};

bool WriterBase::write_calls(Writer& to) const {
    bool any = false;
    for (const auto& call : calls_) {
        Block block(Block::Kind::call);
        auto said = call.arguments;
        mend_halves(said);
        block.arguments = said;
        block.arguments_escaped = true;
        auto arguments = arguments_object(block);
        mend_halves(arguments);  // those that the call itself writes as escapes
        // What was stopped in the middle of a call has made none.
        const bool half = arguments.starts_with(R"({"rawInvalidInput":)");
        const bool stopped = is_cut(stop_) || stop_ == Stop::filter;
        if (call.name.empty() || (half && stopped)) continue;
        to.open('{').key("functionCall").open('{').key("id").text(call.id);
        to.key("name").text(call.name).key("args").on_one_line(arguments).close('}');
        if (!any) to.key("thoughtSignature").text(kNoSeal);
        to.close('}');
        any = true;
    }
    return any;
}

void WriterBase::write_end(Writer& to) const {
    to.close(']').key("role").text("model").close('}');
    if (stop_ != Stop::unsaid) to.key("finishReason").text(finish_of(stop_));
    to.key("index").number(0).close('}').close(']');
    if (usage_) {
        to.key("usageMetadata");
        write_gemini_usage(*usage_, to);
    }
    to.key("modelVersion").content(model_).key("responseId").content(id_).close('}');
}

constexpr std::string_view kFront = R"({"candidates":[{"content":{"parts":[)";

/// A chunk for each piece; calls stand in the last one.
class StreamWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void start(std::string_view id, std::string_view model) override {
        WriterBase::start(id, model);
        // All that stands behind the part of every chunk but the last.
        back_ = R"(}],"role":"model"},"index":0}],"modelVersion":")" + model_ +
                R"(","responseId":")" + id_ + "\"}\r\n\r\n";
    }
    void text(std::string_view content) override { piece(content, false); }
    void thinking(std::string_view content) override {
        if (told_.wants_thinking) piece(content, true);
    }
    void seal(SealKind kind, std::string_view content, bool alone) override;
    void error(const wire::ErrorFacts& error) override {
        note_error();
        out().append("data: ").append(write_error(error, wire::cause_of(error))).append("\r\n\r\n");
    }
    void done() override;

  private:
    void piece(std::string_view content, bool thought);
    void write_piece(std::string_view content, bool thought);
    void let_go() {
        halves_.end([this](std::string_view said) { write_piece(said, of_thought_); });
    }

    std::string back_;
    Halves halves_;
    bool of_thought_ = false;  // what was told last
};

void StreamWriter::write_piece(std::string_view content, bool thought) {
    out().append("data: ").append(kFront).append("{\"text\":\"").append(content);
    out().append(thought ? "\",\"thought\":true" : "\"").append(back_);
}

void StreamWriter::piece(std::string_view content, bool thought) {
    if (thought != of_thought_) let_go();
    of_thought_ = thought;
    halves_.piece(content, [&](std::string_view said) { write_piece(said, thought); });
}

// Behind its thought, in a part that says nothing.
void StreamWriter::seal(SealKind kind, std::string_view content, bool alone) {
    const auto seal = sealed_for(wire::Dialect::gemini, kind, content, seal_of(kind, alone));
    if (seal.empty() || !told_.wants_thinking) return;
    let_go();
    of_thought_ = true;
    out().append("data: ").append(kFront).append(
        R"({"text":"","thought":true,"thoughtSignature":")");
    out().append(seal).append("\"").append(back_);
}

void StreamWriter::done() {
    let_go();
    out().append("data: ").append(kFront);
    Writer to(out());
    if (!write_calls(to)) write_text({}, false, to);
    write_end(to);
    out() += "\r\n\r\n";
}

/// One body when all is told.
class WholeWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void text(std::string_view content) override { text_ += content; }
    void thinking(std::string_view content) override {
        if (told_.wants_thinking) thoughts_.add(content);
    }
    void seal(SealKind kind, std::string_view content, bool alone) override {
        if (told_.wants_thinking)
            thoughts_.seal(sealed_for(wire::Dialect::gemini, kind, content, seal_of(kind, alone)),
                           alone);
    }
    void error(const wire::ErrorFacts& error) override {
        out() += write_error(error, wire::cause_of(error));
    }
    void done() override;

  private:
    std::string text_;
    Thoughts thoughts_;
};

void WholeWriter::done() {
    mend_halves(text_);
    out() += kFront;
    Writer to(out());
    for (auto& [text, seal, sealed] : thoughts_.all()) {
        if (text.empty() && seal.empty()) continue;
        mend_halves(text);
        to.open('{').key("text").content(text).key("thought").boolean(true);
        if (!seal.empty()) to.key("thoughtSignature").content(seal);
        to.close('}');
    }
    if (!text_.empty()) write_text(text_, false, to);
    if (!write_calls(to) && text_.empty()) write_text({}, false, to);
    write_end(to);
}

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools) {
    if (told.stream) return std::make_unique<StreamWriter>(told, tools);
    return std::make_unique<WholeWriter>(told, tools);
}

}  // namespace understudy::dialects::gemini
