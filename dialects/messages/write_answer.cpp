#include "dialects/halves.hpp"
#include "dialects/messages/messages.hpp"
#include "dialects/seals.hpp"
#include "dialects/usage_text.hpp"
#include "wire/error_names.hpp"

#include <map>
#include <utility>
#include <vector>

namespace understudy::dialects::messages {
namespace {

std::string_view reason_of(Stop stop, bool calls) {
    switch (stop) {
        case Stop::length:
            return "max_tokens";
        case Stop::filter:
            return "refusal";
        case Stop::sequence:
            return calls ? "tool_use" : "stop_sequence";
        case Stop::pause:
            return "pause_turn";
        default:
            return calls ? "tool_use" : "end_turn";
    }
}

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

class WriterBase : public AnswerWriter {
  public:
    WriterBase(const Told& told, const ClientTools& tools) : told_(told), tools_(tools) {}

    void usage(const wire::Usage& usage) override {
        if (has_usage_) {
            wire::merge_usage(usage_, usage);
        } else {
            usage_ = usage;
        }
        has_usage_ = true;
    }
    void stop(Stop why, std::string_view sequence) override {
        stop_ = why;
        sequence_ = sequence;
    }

  protected:
    struct Call {
        std::string id;
        std::string name;
        std::string arguments;
    };
    void remember(std::string_view id, std::string_view model) {
        id_ = id.starts_with("msg_") ? std::string(id) : "msg_" + std::string(id);
        model_ = model.empty() ? escaped(told_.asked_model) : std::string(model);
    }
    Call call_of(std::size_t number, std::string_view id, std::string_view name) const {
        const auto sent = unescaped(name);
        auto legal =
            id.empty() ? minted_id("toolu_", id_, number) : legal_id(unescaped(id), kAnthropicId);
        return {std::move(legal), std::string(tools_.names.original(sent)), {}};
    }
    void write_reason(Writer& to, bool calls) const {
        const auto reason = stop_ == Stop::unsaid ? std::string_view() : reason_of(stop_, calls);
        to.key("stop_reason");
        if (reason.empty()) {
            to.null();
        } else {
            to.text(reason);
        }
        to.key("stop_sequence");
        if (reason == "stop_sequence" && !sequence_.empty()) {
            to.content(sequence_);
        } else {
            to.null();
        }
    }
    /// Clients of this API insist on numbers, and some go by them.
    void write_usage(Writer& to) const {
        write_messages_usage(has_usage_ ? usage_ : estimate(told_.rough_prompt, told_bytes_), to);
    }
    /// Thoughts are shown to those who asked for them only: the rest would send them back unread.
    bool shows_thinking() const { return told_.wants_thinking; }

    Told told_;
    const ClientTools& tools_;
    std::string id_;
    std::string model_;  // the inside of a string
    wire::Usage usage_;
    bool has_usage_ = false;
    std::uint64_t told_bytes_ = 0;
    Stop stop_ = Stop::unsaid;
    std::string sequence_;
};

/// One block open at a time; calls that begin while another one is open are held and given whole.
class StreamWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void start(std::string_view id, std::string_view model) override;
    void text(std::string_view content) override { words(Open::text, content); }
    void thinking(std::string_view content) override {
        if (shows_thinking()) words(Open::thinking, content);
    }
    void refusal(std::string_view content) override { text(content); }
    void seal(SealKind kind, std::string_view content, bool alone) override;
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override;
    void arguments(std::size_t number, std::string_view content) override;
    void error(const wire::ErrorFacts& error) override {
        note_error();
        const auto data = write_error(error, 0);
        out().append("event: error\ndata: ").append(data).append("\n\n");
    }
    void done() override;

  private:
    enum class Open : std::uint8_t { none, text, thinking, call };

    Writer begin(std::string_view type) {
        out().append("event: ").append(type).append("\ndata: {\"type\":\"").append(type);
        out() += '"';
        return Writer(out());
    }
    void finish_event() { out() += "}\n\n"; }
    void words(Open what, std::string_view content);
    bool has_to_wait() const {
        return !waiting_.empty() || (open_ == Open::call && !call_is_whole());
    }
    void put_seal(const std::string& content, bool alone);
    void write_seal(std::string_view seal);
    void write_sealed(std::string_view data);
    bool call_is_whole() const { return is_object_text(unescaped(live_arguments_)); }
    void open(Open what);
    void close();
    void open_call(const Call& call);
    /// A piece of the block that is open.
    void delta(std::string_view content) {
        told_bytes_ += content.size();
        halves_.piece(content, [this](std::string_view said) { write_delta(said); });
    }
    void write_delta(std::string_view content);

    Open open_ = Open::none;
    Halves halves_;              // of the text of that block
    std::uint64_t index_ = 0;    // of the block that is open, or of the next one
    std::size_t live_call_ = 0;  // of the call that is open
    std::string live_arguments_;
    /// What came behind the beginning of a call and before its end: it stands behind it.
    struct Waiting {
        Open what;
        std::string content;
        std::string seal = {};  // of thoughts, which end with it
        bool sealed = false;    // `content` is thoughts that only their issuer can read
        bool over() const { return sealed || !seal.empty(); }
    };
    void tell(const Waiting& waiting);
    std::vector<Waiting> waiting_;
    std::map<std::size_t, Call> held_;
    bool calls_ = false;
};

void StreamWriter::start(std::string_view id, std::string_view model) {
    remember(id, model);
    Writer to = begin("message_start");
    to.key("message").open('{').key("id").content(id_).key("type").text("message");
    to.key("role").text("assistant").key("model").content(model_);
    to.key("content").raw("[]").key("stop_reason").null().key("stop_sequence").null();
    to.key("usage");
    write_usage(to);
    to.close('}');
    finish_event();
}

void StreamWriter::words(Open what, std::string_view content) {
    if (content.empty()) return;
    if (!has_to_wait()) {
        open(what);
        return delta(content);
    }
    const bool goes_on =
        !waiting_.empty() && waiting_.back().what == what && !waiting_.back().over();
    if (!goes_on) waiting_.push_back({what, {}});
    waiting_.back().content += content;
    gather(content.size());
}

void StreamWriter::open(Open what) {
    if (open_ == what) return;
    close();
    open_ = what;
    Writer to = begin("content_block_start");
    to.key("index").number(index_).key("content_block").open('{').key("type");
    if (what == Open::text) {
        to.text("text").key("text").text("");
    } else {
        to.text("thinking").key("thinking").text("").key("signature").text("");
    }
    to.close('}');
    finish_event();
}

void StreamWriter::write_delta(std::string_view content) {
    std::string_view names = R"(text_delta","text":")";
    if (open_ == Open::thinking) names = R"(thinking_delta","thinking":")";
    if (open_ == Open::call) names = R"(input_json_delta","partial_json":")";
    out().append("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
    out().append(std::to_string(index_)).append(R"(,"delta":{"type":")").append(names);
    out().append(content).append("\"}}\n\n");
}

void StreamWriter::close() {
    if (open_ == Open::none) return;
    halves_.end([this](std::string_view said) { write_delta(said); });
    begin("content_block_stop").key("index").number(index_++);
    finish_event();
    open_ = Open::none;
}

void StreamWriter::open_call(const Call& call) {
    close();
    open_ = Open::call;
    Writer to = begin("content_block_start");
    to.key("index").number(index_).key("content_block").open('{').key("type").text("tool_use");
    to.key("id").text(call.id).key("name").text(call.name).key("input").raw("{}").close('}');
    finish_event();
}

// Claude's are this API's own, wherever it was asked; those of others are marked as theirs.
void StreamWriter::seal(SealKind kind, std::string_view content, bool alone) {
    if (!content.empty()) put_seal(sealed_for(wire::Dialect::messages, kind, content), alone);
}

void StreamWriter::put_seal(const std::string& content, bool alone) {
    if (content.empty() || !shows_thinking()) return;
    if (!has_to_wait()) return alone ? write_sealed(content) : write_seal(content);
    gather(content.size());
    if (alone) return waiting_.push_back({Open::thinking, content, {}, true});
    const bool goes_on =
        !waiting_.empty() && waiting_.back().what == Open::thinking && !waiting_.back().over();
    if (!goes_on) waiting_.push_back({Open::thinking, {}});
    waiting_.back().seal = content;
}

// Of the thoughts in front, which may be without a word. They end with it.
void StreamWriter::write_seal(std::string_view seal) {
    open(Open::thinking);
    halves_.end([this](std::string_view said) { write_delta(said); });
    Writer to = begin("content_block_delta");
    to.key("index").number(index_).key("delta").open('{').key("type").text("signature_delta");
    to.key("signature").content(seal).close('}');
    finish_event();
    close();
}

void StreamWriter::write_sealed(std::string_view data) {
    close();
    Writer to = begin("content_block_start");
    to.key("index").number(index_).key("content_block").open('{');
    to.key("type").text("redacted_thinking").key("data").content(data).close('}');
    finish_event();
    begin("content_block_stop").key("index").number(index_++);
    finish_event();
}

void StreamWriter::tell(const Waiting& waiting) {
    if (waiting.sealed) return write_sealed(waiting.content);
    if (!waiting.content.empty()) {
        open(waiting.what);
        delta(waiting.content);
    }
    if (!waiting.seal.empty()) write_seal(waiting.seal);
}

// Google's seal on a call goes with the thoughts before it, or by itself.
void StreamWriter::call(std::size_t number, std::string_view id, std::string_view name,
                        std::string_view seal) {
    if (!seal.empty() && !calls_) {
        put_seal(sealed_for(wire::Dialect::messages, SealKind::gemini, seal, SealOf::call),
                 open_ != Open::thinking);
    }
    calls_ = true;
    auto call = call_of(number, id, name);
    if (open_ == Open::call) {
        held_[number] = std::move(call);
        return;
    }
    open_call(call);
    live_call_ = number;
    live_arguments_.clear();
}

void StreamWriter::arguments(std::size_t number, std::string_view content) {
    if (const auto at = held_.find(number); at != held_.end()) {
        at->second.arguments += content;
        gather(content.size());
    } else if (open_ == Open::call && live_call_ == number) {
        if (content.empty()) return;
        live_arguments_ += content;
        gather(content.size());
        delta(content);
    } else if (!is_blank(content)) {
        lose("it goes on with a call that had come to its end");
    }
}

void StreamWriter::done() {
    close();
    for (const auto& one : waiting_) tell(one);
    close();
    for (const auto& [number, call] : held_) {
        open_call(call);
        delta(call.arguments);
        close();
    }
    Writer to = begin("message_delta");
    to.key("delta").open('{');
    write_reason(to, calls_);
    to.close('}').key("usage");
    write_usage(to);
    finish_event();
    begin("message_stop");
    finish_event();
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
    void error(const wire::ErrorFacts& error) override { out() += write_error(error, 0); }
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
    if (told.stream) return std::make_unique<StreamWriter>(told, tools);
    return std::make_unique<WholeWriter>(told, tools);
}

std::string write_error(const wire::ErrorFacts& error, unsigned status) {
    std::string out;
    Writer to(out);
    to.open('{').key("type").text("error").key("error").open('{');
    to.key("type")
        .text(wire::anthropic_error_type(status))
        .key("message")
        .text(error.message)
        .close('}')
        .close('}');
    return out;
}

}  // namespace understudy::dialects::messages
