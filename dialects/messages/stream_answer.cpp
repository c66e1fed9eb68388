// An answer as the events of Anthropic's stream.
#include "dialects/halves.hpp"
#include "dialects/messages/answer_base.hpp"

#include <map>
#include <vector>

namespace understudy::dialects::messages {
namespace {

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
        const auto data = write_error(error, wire::cause_of(error));
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

}  // namespace

std::unique_ptr<AnswerWriter> make_stream_writer(const Told& told, const ClientTools& tools) {
    return std::make_unique<StreamWriter>(told, tools);
}

}  // namespace understudy::dialects::messages
