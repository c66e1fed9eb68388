#include "dialects/chat/chat.hpp"
#include "dialects/chat/error.hpp"
#include "dialects/halves.hpp"
#include "dialects/usage_text.hpp"

#include <map>
#include <vector>

namespace understudy::dialects::chat {
namespace {

/// `calls`: whether any were made; then that is how it ended, whatever the upstream said.
std::string_view finish_of(Stop stop, bool calls) {
    switch (stop) {
        case Stop::length:
        case Stop::window:
            return "length";
        case Stop::filter:
            return "content_filter";
        default:
            return calls ? "tool_calls" : "stop";
    }
}

class WriterBase : public AnswerWriter {
  public:
    WriterBase(const Told& told, const ClientTools& tools) : told_(told), tools_(tools) {}

    void usage(const wire::Usage& usage) override {
        if (usage_) {
            wire::merge_usage(*usage_, usage);
        } else {
            usage_ = usage;
        }
    }
    void stop(Stop why, std::string_view) override { stop_ = why; }

  protected:
    void remember(std::string_view id, std::string_view model) {
        const bool own = id.starts_with("chatcmpl-");
        id_ = id.empty() ? minted_id("chatcmpl-", told_.seed, 0)
                         : (own ? "" : "chatcmpl-") + std::string(id);
        model_ = model.empty() ? escaped(told_.asked_model) : std::string(model);
    }
    std::string call_id(std::size_t number, std::string_view id) const {
        return id.empty() ? minted_id("call_", told_.seed, number) : std::string(id);
    }
    std::string original(std::string_view name) const {
        const auto sent = unescaped(name);
        return std::string(tools_.names.original(sent));
    }
    bool is_custom(std::string_view name) const { return tools_.custom.contains(name); }
    Told told_;
    const ClientTools& tools_;
    std::string id_;
    std::string model_;  // the inside of a string
    std::optional<wire::Usage> usage_;
    Stop stop_ = Stop::unsaid;
};

void write_seal(std::string_view seal, Writer& to) {
    if (seal.empty()) return;
    to.key("extra_content").open('{').key("google").open('{');
    to.key("thought_signature").content(seal).close('}').close('}');
}

/// One chunk per piece.
class StreamWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void start(std::string_view id, std::string_view model) override {
        remember(id, model);
        // All of a chunk that is the same in every one of them.
        front_ = "data: {\"id\":\"" + id_ + R"(","object":"chat.completion.chunk","created":)" +
                 std::to_string(told_.created) + ",\"model\":\"" + model_ +
                 R"(","choices":[{"index":0,"delta":{)";
        out().append(front_).append(R"("role":"assistant","content":"")").append(kBack);
    }
    void text(std::string_view content) override { piece({kText, 0}, content); }
    void thinking(std::string_view content) override { piece({kThoughts, 0}, content); }
    void refusal(std::string_view content) override { piece({kRefusal, 0}, content); }
    void seal(SealKind, std::string_view, bool) override {}  // no member of a delta carries it

    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override {
        calls_ = true;
        let_go();
        give_whole();
        Held call{call_id(number, id), original(name), std::string(seal), {}};
        // Libraries append what they hear of an index that they do not know: behind a call that is
        // held all others wait for their turn.
        if (is_custom(call.name) || !held_.empty()) {
            held_[number] = std::move(call);
        } else {
            open_function(number, call);
        }
    }
    void arguments(std::size_t number, std::string_view content) override {
        if (const auto at = held_.find(number); at != held_.end()) {
            at->second.arguments += content;
            gather(content.size());
            return;
        }
        piece({kArguments, number}, content);
    }
    void error(const wire::ErrorFacts& error) override {
        note_error();
        out().append("data: ").append(write_error(error, wire::cause_of(error))).append("\n\n");
    }
    void done() override;

  private:
    static constexpr std::string_view kBack = "},\"finish_reason\":null}]}\n\n";

    /// The text that a piece belongs to: a member of the delta, or the arguments of a call.
    struct Place {
        std::string_view member;
        std::size_t call = 0;
        bool operator==(const Place&) const = default;
    };
    static constexpr std::string_view kText = "content", kThoughts = "reasoning_content",
                                      kRefusal = "refusal", kArguments = {};

    void piece(const Place& place, std::string_view content) {
        if (halves_.any() && place != place_) let_go();
        place_ = place;
        halves_.piece(content, [this](std::string_view said) { write_piece(said); });
    }
    void let_go() {
        halves_.end([this](std::string_view said) { write_piece(said); });
    }
    void write_piece(std::string_view content) {
        out() += front_;
        if (place_.member.empty()) {
            Writer to(out());
            open_call(to, place_.call).key("function").open('{').key("arguments").content(content);
            to.close('}').close('}').close(']');
        } else {
            out().append(1, '"').append(place_.member).append("\":\"").append(content) += '"';
        }
        out() += kBack;
    }
    static Writer& open_call(Writer& to, std::size_t number) {
        return to.key("tool_calls").open('[').open('{').key("index").number(number);
    }
    struct Held {
        std::string id;
        std::string name;
        std::string seal;
        std::string arguments;
    };
    void open_function(std::size_t number, const Held& call);
    void give(std::size_t number, const Held& call);
    void give_whole();
    void give_held();

    std::string front_;
    Place place_;  // of what was told last
    Halves halves_;
    // Calls of free text, whose end has to be known, and those behind them.
    std::map<std::size_t, Held> held_;
    bool calls_ = false;
};

void StreamWriter::open_function(std::size_t number, const Held& call) {
    out() += front_;
    Writer to(out());
    open_call(to, number).key("id").content(call.id).key("type").text("function");
    to.key("function").open('{').key("name").text(call.name).key("arguments").text("").close('}');
    write_seal(call.seal, to);
    to.close('}').close(']');
    out() += kBack;
}

void StreamWriter::give(std::size_t number, const Held& call) {
    if (!is_custom(call.name)) {
        open_function(number, call);
        piece({kArguments, number}, call.arguments);
        return let_go();
    }
    out() += front_;
    Writer to(out());
    open_call(to, number).key("id").content(call.id).key("type").text("custom");
    to.key("custom").open('{').key("name").text(call.name);
    to.key("input").content(custom_input(call.arguments)).close('}').close('}').close(']');
    out() += kBack;
}

// Another one begins: those in front that have all of their arguments need not wait.
void StreamWriter::give_whole() {
    while (!held_.empty() && is_object_text(unescaped(held_.begin()->second.arguments))) {
        give(held_.begin()->first, held_.begin()->second);
        held_.erase(held_.begin());
    }
}

void StreamWriter::give_held() {
    for (const auto& [number, call] : held_) give(number, call);
    held_.clear();
}

void StreamWriter::done() {
    let_go();
    give_held();
    out().append(front_).append("},\"finish_reason\":\"").append(finish_of(stop_, calls_));
    out() += "\"}]}\n\n";
    if (told_.include_usage && usage_) {
        // The same chunk with no choices.
        const auto choices = front_.find("\"choices\":[") + 11;
        out().append(front_, 0, choices).append("],\"usage\":");
        std::string usage;
        Writer to(usage);
        write_chat_usage(*usage_, to);
        out().append(usage).append("}\n\n");
    }
    out() += "data: [DONE]\n\n";
}

/// One body when all is told.
class WholeWriter final : public WriterBase {
  public:
    using WriterBase::WriterBase;

    void start(std::string_view id, std::string_view model) override { remember(id, model); }
    void text(std::string_view content) override {
        text_ += content;
        has_text_ = true;
    }
    void thinking(std::string_view content) override { thinking_ += content; }
    void refusal(std::string_view content) override { refusal_ += content; }
    void seal(SealKind, std::string_view, bool) override {}
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override {
        calls_.push_back({call_id(number, id), original(name), std::string(seal), {}});
    }
    void arguments(std::size_t number, std::string_view content) override {
        if (number < calls_.size()) calls_[number].arguments += content;
    }
    void error(const wire::ErrorFacts& error) override {
        out() += write_error(error, wire::cause_of(error));
    }
    void done() override;

  private:
    struct Call {
        std::string id;
        std::string name;
        std::string seal;
        std::string arguments;
    };
    void write_call(const Call& call, Writer& to) const;

    bool has_text_ = false;
    std::string text_, thinking_, refusal_;
    std::vector<Call> calls_;
};

void WholeWriter::write_call(const Call& call, Writer& to) const {
    to.open('{').key("id").content(call.id);
    if (is_custom(call.name)) {
        to.key("type").text("custom").key("custom").open('{').key("name").text(call.name);
        to.key("input").content(custom_input(call.arguments)).close('}').close('}');
        return;
    }
    to.key("type").text("function").key("function").open('{').key("name").text(call.name);
    to.key("arguments").content(call.arguments).close('}');
    write_seal(call.seal, to);
    to.close('}');
}

void WholeWriter::done() {
    for (auto* said : {&text_, &thinking_, &refusal_}) mend_halves(*said);
    for (auto& call : calls_) mend_halves(call.arguments);
    Writer to(out());
    to.open('{').key("id").content(id_).key("object").text("chat.completion");
    to.key("created").raw(std::to_string(told_.created)).key("model").content(model_);
    to.key("choices").open('[').open('{').key("index").number(0).key("message").open('{');
    to.key("role").text("assistant").key("content");
    if (has_text_) {
        to.content(text_);
    } else {
        to.null();
    }
    if (!thinking_.empty()) to.key("reasoning_content").content(thinking_);
    to.key("refusal");
    if (refusal_.empty()) {
        to.null();
    } else {
        to.content(refusal_);
    }
    if (!calls_.empty()) {
        to.key("tool_calls").open('[');
        for (const auto& call : calls_) write_call(call, to);
        to.close(']');
    }
    to.close('}').key("logprobs").null();
    to.key("finish_reason");
    if (stop_ == Stop::unsaid) {
        to.null();
    } else {
        to.text(finish_of(stop_, !calls_.empty()));
    }
    to.close('}').close(']');
    if (usage_) {
        to.key("usage");
        write_chat_usage(*usage_, to);
    }
    to.close('}');
}

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools) {
    if (told.stream) return std::make_unique<StreamWriter>(told, tools);
    return std::make_unique<WholeWriter>(told, tools);
}

}  // namespace understudy::dialects::chat
