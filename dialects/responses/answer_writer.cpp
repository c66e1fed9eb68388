#include "dialects/responses/answer_writer.hpp"

#include "dialects/responses/error.hpp"
#include "dialects/responses/response_object.hpp"
#include "dialects/responses/tool_list.hpp"
#include "dialects/seals.hpp"

#include "wire/json_scan.hpp"

#include <vector>

namespace understudy::dialects::responses {
namespace {

using Kind = Item::Kind;
using State = Item::State;

class ResponseWriter final : public AnswerWriter {
  public:
    ResponseWriter(const Told& told, const ClientTools& tools, Value request)
        : stream_(told.stream),
          wants_thinking_(told.wants_thinking),
          asked_model_(escaped(told.asked_model)),
          minted_(told.seed),
          tools_(tools) {
        response_.created = told.created;
        response_.estimate.prompt = told.rough_prompt;
        response_.echo = echo_of(request);
    }

    std::uint64_t events() const override { return sequence_; }
    void start(std::string_view id, std::string_view model) override;
    void text(std::string_view content) override { piece(Kind::message, content); }
    void thinking(std::string_view content) override {
        if (wants_thinking_) piece(Kind::reasoning, content);
    }
    void refusal(std::string_view content) override { piece(Kind::refusal, content); }
    void seal(SealKind kind, std::string_view content, bool alone) override;
    void put_seal(std::string seal, bool alone);
    void call(std::size_t number, std::string_view id, std::string_view name,
              std::string_view seal) override;
    void arguments(std::size_t number, std::string_view content) override;
    void stop(Stop why, std::string_view) override { stop_ = why; }
    void usage(const wire::Usage& usage) override;
    void error(const wire::ErrorFacts& error) override;
    void done() override;

  private:
    void piece(Kind kind, std::string_view content);
    void add(Item item);
    void advance(bool to_the_end);
    void open(std::size_t index);
    void flush(std::size_t index, bool to_the_end);
    std::unique_ptr<Item::Delta> delta_of(Kind kind, std::size_t index) const;
    void close(std::size_t index);
    void settle(Item& item) const;
    Status status() const;
    Writer event(std::string_view type);
    Writer item_event(std::string_view type, std::size_t index);
    void end_event(Writer& to);
    void response_event(std::string_view type, Status status, const wire::ErrorFacts* error);

    const bool stream_;
    const bool wants_thinking_;
    const std::string asked_model_;
    const std::string minted_;  // the seed of ids that are this answer's alone
    const ClientTools& tools_;
    Response response_;
    std::string seed_;  // of ids
    std::vector<Item> items_;
    std::vector<std::size_t> calls_;  // indexes of items, by the number of the call
    std::size_t live_ = 0;            // the first item that is not over
    Stop stop_ = Stop::unsaid;
    bool started_ = false;
    bool over_ = false;
    std::uint64_t sequence_ = 0;
};

void ResponseWriter::start(std::string_view id, std::string_view model) {
    if (started_) return;
    started_ = true;
    response_.model = model.empty() ? asked_model_ : std::string(model);
    seed_ = id.empty() ? minted_ : std::string(id);
    const bool own = id.starts_with("resp_");
    response_.id = own ? std::string(id) : minted_id("resp_", seed_, 0);
    if (!stream_) return;
    response_event("response.created", Status::in_progress, nullptr);
    response_event("response.in_progress", Status::in_progress, nullptr);
}

void ResponseWriter::piece(Kind kind, std::string_view content) {
    if (content.empty() || over_) return;  // an item is opened by what is in it
    if (items_.empty() || items_.back().kind != kind || items_.back().sealed) {
        Item item;
        item.kind = kind;
        add(std::move(item));
    }
    items_.back().text += content;
    if (items_.back().state == State::open) flush(items_.size() - 1, false);
}

void ResponseWriter::seal(SealKind kind, std::string_view content, bool alone) {
    put_seal(content.empty()
                 ? std::string()
                 : sealed_for(wire::Dialect::responses, kind, content, seal_of(kind, alone)),
             alone);
}

void ResponseWriter::put_seal(std::string seal, bool alone) {
    if (over_ || !wants_thinking_) return;  // who asked for no thoughts gets no item for them
    const bool behind =
        !alone && !items_.empty() && items_.back().kind == Kind::reasoning && !items_.back().sealed;
    if (behind) {
        items_.back().seal = std::move(seal);
        items_.back().sealed = true;
    } else if (!seal.empty()) {
        Item item;
        item.kind = Kind::reasoning;
        item.sealed = true;
        item.seal = std::move(seal);
        add(std::move(item));
    }
}

void ResponseWriter::call(std::size_t number, std::string_view id, std::string_view name,
                          std::string_view seal) {
    if (over_) return;
    if (!seal.empty() && calls_.empty()) {
        put_seal(sealed_for(wire::Dialect::responses, SealKind::gemini, seal, SealOf::call), false);
    }
    Item item;
    item.kind = Kind::function_call;
    const auto sent = unescaped(name);
    const auto original = tools_.names.original(sent);
    if (tools_.custom.contains(original)) item.kind = Kind::custom_call;
    item.name = escaped(original);
    if (const auto tool = tools_.in_space.find(original); tool != tools_.in_space.end()) {
        item.name = escaped(client_name(tool->second));
        item.space = escaped(tool->second.space);
    }
    item.call_id = id.empty() ? minted_id("call_", minted_, number) : std::string(id);
    calls_.push_back(items_.size());
    add(std::move(item));
}

void ResponseWriter::arguments(std::size_t number, std::string_view content) {
    if (number >= calls_.size() || content.empty() || over_) return;
    auto& item = items_[calls_[number]];
    item.text += content;
    // What a custom tool gets is inside an object, which has to be whole before it can be read.
    const bool shown = item.kind == Kind::function_call && item.state == State::open;
    if (shown) flush(calls_[number], false);
}

void ResponseWriter::usage(const wire::Usage& usage) {
    if (response_.usage) {
        wire::merge_usage(*response_.usage, usage);
    } else {
        response_.usage = usage;
    }
}

void ResponseWriter::add(Item item) {
    item.id = minted_id(id_prefix_of(item.kind), seed_, items_.size());
    items_.push_back(std::move(item));
    if (stream_) advance(false);
}

// Closes what is over and opens what comes next, as far as that is known.
void ResponseWriter::advance(bool to_the_end) {
    for (; live_ < items_.size(); ++live_) {
        if (items_[live_].state == State::held) open(live_);
        const bool last = live_ + 1 == items_.size();
        if (!to_the_end && (last || items_[live_].is_call())) return;
        close(live_);
    }
}

void ResponseWriter::open(std::size_t index) {
    auto& item = items_[index];
    item.state = State::open;
    auto to = event("response.output_item.added");
    to.key("output_index").number(index).key("item");
    write_announced(item, to);
    end_event(to);
    if (item.has_part()) {
        const auto names = names_of(item.kind);
        auto part = item_event(names.opened, index);
        part.key(names.index).number(0).key("part");
        write_part(item, {}, part);
        end_event(part);
    }
    if (item.kind != Kind::custom_call) flush(index, false);
}

// Tells what was not told yet of its text.
void ResponseWriter::flush(std::size_t index, bool to_the_end) {
    auto& item = items_[index];
    const auto end = to_the_end ? item.text.size() : tellable(item.text);
    if (item.sent >= end) return;
    mend_halves(item.text, item.sent, end);
    if (!item.delta) item.delta = delta_of(item.kind, index);
    auto& text = out();
    text.append(item.delta->front).append(std::to_string(sequence_++)).append(item.delta->middle);
    text.append(item.text, item.sent, end - item.sent).append(item.delta->back);
    item.sent = end;
}

// An item has one name and one place: what its events of pieces repeat is put together once.
std::unique_ptr<Item::Delta> ResponseWriter::delta_of(Kind kind, std::size_t index) const {
    const auto names = names_of(kind);
    auto delta = std::make_unique<Item::Delta>();
    delta->front.append("event: ").append(names.delta).append("\ndata: {\"type\":\"");
    delta->front.append(names.delta).append("\",\"sequence_number\":");
    delta->middle.append(",\"item_id\":\"").append(items_[index].id);
    delta->middle.append("\",\"output_index\":").append(std::to_string(index));
    if (!names.index.empty()) delta->middle.append(",\"").append(names.index).append("\":0");
    delta->middle.append(",\"delta\":\"");
    delta->back = kind == Kind::message ? "\",\"logprobs\":[]}\n\n" : "\"}\n\n";
    return delta;
}

void ResponseWriter::close(std::size_t index) {
    auto& item = items_[index];
    if (item.cut && item.kind == Kind::custom_call) return;
    flush(index, true);
    if (item.cut) return;
    item.state = State::done;
    const auto names = names_of(item.kind);
    if (item.has_part() || item.is_call()) {
        auto to = item_event(names.done, index);
        if (!names.index.empty()) to.key(names.index).number(0);
        to.key(names.member).content(item.text);
        if (item.kind == Kind::message) to.key("logprobs").raw("[]");
        if (item.kind == Kind::function_call) to.key("name").content(item.name);
        end_event(to);
    }
    if (item.has_part()) {
        auto to = item_event(names.closed, index);
        to.key(names.index).number(0).key("part");
        write_part(item, item.text, to);
        end_event(to);
    }
    auto to = event("response.output_item.done");
    to.key("output_index").number(index).key("item");
    write_item(item, to);
    end_event(to);
}

// Calls as the client is to have them. One that ran out of tokens is not whole, and not to be run.
void ResponseWriter::settle(Item& item) const {
    if (!item.is_call()) return;
    const bool custom = item.kind == Kind::custom_call;
    if (item.text.empty() && !custom) item.text = "{}";
    const auto text = unescaped(item.text);
    wire::JsonKind kind{};
    const bool whole = !wire::check_json(text, kind);
    if (!whole && is_cut(stop_)) {
        item.cut = true;
    } else if (custom && whole) {
        if (const auto input = Value::of(text).at("input"); input.is_string()) {
            item.text = input.content();
        }
    }
}

Status ResponseWriter::status() const {
    if (is_cut(stop_)) return Status::out_of_tokens;
    if (stop_ == Stop::unsaid && !stream_) return Status::unsaid;
    if (stop_ != Stop::filter) return Status::completed;
    // A refusal in words is an answer.
    for (const auto& item : items_) {
        if (item.kind == Kind::refusal) return Status::completed;
    }
    return Status::filtered;
}

void ResponseWriter::done() {
    if (over_) return;
    start({}, {});
    over_ = true;
    const auto status = this->status();
    std::uint64_t bytes = 0;
    for (const auto& item : items_) bytes += item.text.size();
    response_.estimate = estimate(response_.estimate.prompt, bytes);
    for (auto& item : items_) {
        settle(item);
        mend_halves(item.text);
    }
    if (stream_) {
        advance(true);
        response_event("response." + std::string(status_word(status)), status, nullptr);
    } else {
        for (auto& item : items_) item.state = item.cut ? State::held : State::done;
        Writer to(out());
        write_response(response_, status, items_, nullptr, false, to);
    }
}

void ResponseWriter::error(const wire::ErrorFacts& error) {
    if (over_) return;
    note_error();
    start({}, {});
    over_ = true;
    for (auto& item : items_) mend_halves(item.text);
    if (!stream_) {
        Writer to(out());
        write_response(response_, Status::failed, items_, &error, false, to);
        return;
    }
    auto to = event("error");
    const auto cause = wire::cause_of(error);
    to.key("code").text(code_of(error, cause)).key("message").text(error.message);
    to.key("param").text_or_null(error.param).key("error");
    write_error_object(error, cause, to);
    end_event(to);
    response_event("response.failed", Status::failed, &error);
}

Writer ResponseWriter::event(std::string_view type) {
    auto& text = out();
    text.append("event: ").append(type).append("\ndata: ");
    Writer to(text);
    to.open('{').key("type").content(type).key("sequence_number").number(sequence_++);
    return to;
}

Writer ResponseWriter::item_event(std::string_view type, std::size_t index) {
    auto to = event(type);
    to.key("item_id").content(items_[index].id).key("output_index").number(index);
    return to;
}

void ResponseWriter::end_event(Writer& to) {
    to.close('}');
    out() += "\n\n";
}

void ResponseWriter::response_event(std::string_view type, Status status,
                                    const wire::ErrorFacts* error) {
    auto to = event(type);
    to.key("response");
    write_response(response_, status, items_, error, true, to);
    end_event(to);
}

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools,
                                          Value request) {
    return std::make_unique<ResponseWriter>(told, tools, request);
}

}  // namespace understudy::dialects::responses
