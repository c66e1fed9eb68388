#include "dialects/halves.hpp"
#include "dialects/messages/answer_base.hpp"
#include "wire/error_names.hpp"

#include <vector>

namespace understudy::dialects::messages {
namespace {

/// The arguments of a call as the object that this API has: what is none is kept inside one.
std::string object_of(std::string_view arguments) {
    auto text = unescaped(arguments);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "{}";
    wire::JsonKind kind{};
    if (!wire::check_json(text, kind) && kind == wire::JsonKind::object) {
        mend_halves(text);
        return text;
    }
    std::string out;
    Writer(out).open('{').key("_raw").text(text).close('}');
    return out;
}

/// One body when all is told.
class WholeWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void start(std::string_view id, std::string_view model) override { remember(id, model); }
    void text(std::string_view content) override { text_ += content; }
    void thinking(std::string_view content) override { thought().text += content; }
    void refusal(std::string_view content) override { text_ += content; }
    void seal(SealKind kind, std::string_view content, bool alone) override {
        if (!content.empty()) put_seal(sealed_for(wire::Dialect::messages, kind, content), alone);
    }
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override {
        if (!seal.empty() && calls_.empty()) {
            const bool alone = thoughts_.empty() || !thoughts_.back().seal.empty();
            put_seal(sealed_for(wire::Dialect::messages, SealKind::gemini, seal, SealOf::call),
                     alone);
        }
        calls_.push_back(call_of(number, id, name));
    }
    void arguments(std::size_t number, std::string_view content) override {
        if (number < calls_.size()) calls_[number].arguments += content;
    }
    void error(const wire::ErrorFacts& error) override {
        out() += write_error(error, wire::cause_of(error));
    }
    void done() override;

  private:
    struct Thought {
        std::string text;
        std::string seal;     // what stands behind it belongs to the next one
        bool sealed = false;  // there is nothing but the seal
    };
    /// The one that goes on.
    Thought& thought() {
        const bool goes_on = !thoughts_.empty() && thoughts_.back().seal.empty();
        return goes_on ? thoughts_.back() : thoughts_.emplace_back();
    }
    void put_seal(std::string content, bool alone) {
        if (alone) {
            thoughts_.push_back({{}, std::move(content), true});
        } else {
            thought().seal = std::move(content);
        }
    }
    void write_thoughts(Writer& to);

    std::string text_;
    std::vector<Thought> thoughts_;
    std::vector<Call> calls_;
};

void WholeWriter::write_thoughts(Writer& to) {
    for (auto& thought : thoughts_) {
        mend_halves(thought.text);
        told_bytes_ += thought.text.size();
        to.open('{').key("type");
        if (thought.sealed) {
            to.text("redacted_thinking").key("data").content(thought.seal);
        } else {
            to.text("thinking").key("thinking").content(thought.text);
            to.key("signature").content(thought.seal);
        }
        to.close('}');
    }
}

void WholeWriter::done() {
    mend_halves(text_);
    for (auto& call : calls_) mend_halves(call.arguments);
    Writer to(out());
    to.open('{').key("id").content(id_).key("type").text("message").key("role").text("assistant");
    to.key("model").content(model_).key("content").open('[');
    if (shows_thinking()) write_thoughts(to);
    if (!text_.empty()) {
        to.open('{').key("type").text("text").key("text").content(text_).close('}');
    }
    for (const auto& call : calls_) {
        to.open('{').key("type").text("tool_use").key("id").text(call.id);
        to.key("name").text(call.name).key("input").raw(object_of(call.arguments)).close('}');
    }
    to.close(']');
    write_reason(to, !calls_.empty());
    to.key("usage");
    told_bytes_ += text_.size();
    for (const auto& call : calls_) told_bytes_ += call.arguments.size();
    write_usage(to);
    to.close('}');
}

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools) {
    if (told.stream) return make_stream_writer(told, tools);
    return std::make_unique<WholeWriter>(told, tools);
}

std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause,
                        std::string_view request_id) {
    std::string out;
    Writer to(out);
    to.open('{').key("type").text("error").key("error").open('{');
    to.key("type").text(cause.words().anthropic).key("message").text(error.message).close('}');
    if (!request_id.empty()) to.key("request_id").text(request_id);
    to.close('}');
    return out;
}

}  // namespace understudy::dialects::messages
