#include "dialects/responses/answer_reader.hpp"

#include "wire/error_member.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

namespace understudy::dialects::responses {
namespace {

class Reader final : public AnswerReader {
  public:
    void event(Value event, std::string_view data, std::string_view name,
               AnswerSink& sink) override;
    void again(std::string_view piece, std::string_view) override {
        if (last_ != nullptr) say(piece, *last_);
    }
    void end(AnswerSink& sink) override;
    void whole(std::string_view body, AnswerSink& sink) override;

  private:
    /// What was told of an item of the output.
    struct Item {
        std::string id, call_id;
        std::uint64_t index = 0;
        std::string said;  // its text, or the arguments of its call
        bool thinking = false;
        bool is_call = false;
        bool over = false;
        bool listed = false;  // it has been found in the whole output
        std::size_t call = 0;
    };

    void start(Value response, AnswerSink& sink);
    bool piece(std::string_view type, Value delta, Item& told, AnswerSink& sink);
    void announced(Value item, Item& told, AnswerSink& sink);
    void item(Value item, Item& told, AnswerSink& sink);
    void message(Value item, Item& told, AnswerSink& sink);
    void arguments(Value said, Item& told, AnswerSink& sink);
    Item& item_of(std::string_view id, std::uint64_t index, bool added);
    Item& listed(Value item);
    void say(std::string_view text, Item& told) {
        told.said += text;
        gather(text.size());
    }
    /// The piece that is all of an event, said.
    void note(Value piece, std::string_view text, Item& told) {
        say(text, told);
        last_ = &told;
        steady(piece);
    }
    void reasoning(Value item, Item& told, AnswerSink& sink);
    void think(Value text, Item& told, AnswerSink& sink);
    void ended(Value response, AnswerSink& sink);
    void finish(Value response, AnswerSink& sink);
    void fail(Value response, AnswerSink& sink);

    bool started_ = false;
    bool over_ = false;
    std::size_t calls_ = 0;
    std::deque<Item> items_;  // as they began
    Item* last_ = nullptr;    // to which the last piece was added
    std::string made_;        // memory that is used again
};

// Most servers number the items of an output, and give each an id. Some say 0 of all of them, or
// count from 1; with others the id of an item is another one in each event.
Reader::Item& Reader::item_of(std::string_view id, std::uint64_t index, bool added) {
    if (!id.empty()) {
        for (auto i = items_.size(); i-- > 0;) {
            if (items_[i].id == id) return items_[i];
        }
    }
    if (!added || id.empty()) {
        for (auto i = items_.size(); i-- > 0;) {
            if (items_[i].index == index && !items_[i].over) return items_[i];
        }
    }
    auto& item = items_.emplace_back();
    item.id = id;
    item.index = index;
    return item;
}

// What was told of an item of the whole output: by its ids, else by the order.
Reader::Item& Reader::listed(Value item) {
    const auto [type, id, call_id] = item.pick({"type", "id", "call_id"});
    const bool call = type.is("function_call");
    const auto same = [&](const Item& one) {
        return (!one.id.empty() && one.id == id.content()) ||
               (!one.call_id.empty() && one.call_id == call_id.content());
    };
    Item* next = nullptr;
    for (auto& one : items_) {
        if (one.listed) continue;
        if (same(one)) {
            one.listed = true;
            return one;
        }
        if (next == nullptr && one.is_call == call) next = &one;
    }
    if (next == nullptr) next = &items_.emplace_back();
    next->listed = true;
    return *next;
}

void Reader::start(Value response, AnswerSink& sink) {
    if (std::exchange(started_, true)) return;
    const auto [id, model] = response.pick({"id", "model"});
    sink.start(id.content(), model.content());
}

void Reader::think(Value text, Item& told, AnswerSink& sink) {
    if (!text.is_string() || text.empty()) return;
    told.thinking = true;
    sink.thinking(text.content());
}

// Whether the event was a piece of an item.
bool Reader::piece(std::string_view type, Value delta, Item& told, AnswerSink& sink) {
    if (type == "output_text.delta") {
        const auto said = delta.said(made_);
        if (said.empty()) return true;
        note(delta, said, told);
        sink.text(said);
    } else if (type == "refusal.delta") {
        const auto said = delta.said(made_);
        if (said.empty()) return true;
        note(delta, said, told);
        sink.refusal(said);
    } else if (type == "reasoning_summary_text.delta" || type == "reasoning_text.delta") {
        last_ = nullptr;
        steady(delta);
        think(delta, told, sink);
    } else if (type == "reasoning_summary_part.added") {
        if (told.thinking) sink.thinking("\\n\\n");
    } else if (type == "function_call_arguments.delta") {
        const auto said = delta.said(made_);
        if (!told.is_call || said.empty()) return true;
        note(delta, said, told);
        sink.arguments(told.call, said);
    } else {
        return false;
    }
    return true;
}

void Reader::announced(Value item, Item& told, AnswerSink& sink) {
    const auto [type, id, name] = item.pick({"type", "call_id", "name"});
    if (told.is_call || !type.is("function_call")) return;
    if (name.content().empty()) return lose(kNameless);
    told.is_call = true;
    told.call_id = id.content();
    told.call = calls_++;
    sink.call(told.call, id.content(), name.content(), {});
}

// Of a message that was told in pieces they may lack the end.
void Reader::message(Value item, Item& told, AnswerSink& sink) {
    std::size_t before = told.said.size();
    bool as_written = true;  // else with other escapes, and it is their meaning that counts
    if (before != 0) {
        std::string all;
        item.at("content").elements([&](Value part) {
            const auto [refusal, words] = part.pick({"refusal", "text"});
            all += (words.present() ? words : refusal).said(made_);
        });
        as_written = all.starts_with(told.said);
        if (!as_written) {
            const auto known = unescaped(told.said);
            if (!unescaped(all).starts_with(known)) return;  // in other words
            before = known.size();
        }
    }
    item.at("content").elements([&](Value part) {
        const auto [type, refusal, words] = part.pick({"type", "refusal", "text"});
        const bool refused = type.is("refusal");
        auto text = (refused ? refusal : words).said(made_);
        std::string meant, rest;
        if (!as_written) text = meant = unescaped(text);
        const auto known = std::min(before, text.size());
        before -= known;
        text.remove_prefix(known);
        if (text.empty()) return;
        if (!as_written) text = rest = escaped(text);
        refused ? sink.refusal(text) : sink.text(text);
    });
}

void Reader::arguments(Value value, Item& told, AnswerSink& sink) {
    const auto whole = value.said(made_);
    if (whole.starts_with(told.said)) {
        const auto rest = whole.substr(told.said.size());
        if (!rest.empty()) sink.arguments(told.call, rest);
        if (whole.empty()) sink.arguments(told.call, "{}");
        return;
    }
    const auto known = unescaped(told.said);
    if (const auto meant = unescaped(whole); meant.starts_with(known)) {
        const auto rest = escaped(std::string_view(meant).substr(known.size()));
        if (!rest.empty()) sink.arguments(told.call, rest);
    } else if (!whole.empty() && !is_object_text(known)) {
        lose("the pieces of a call and the call are not the same");
    }
}

void Reader::reasoning(Value item, Item& told, AnswerSink& sink) {
    if (!told.thinking) {
        for (const auto* list : {"summary", "content"}) {
            item.at(list).elements([&](Value part) {
                if (told.thinking && !part.at("text").empty()) sink.thinking("\\n\\n");
                think(part.at("text"), told, sink);
            });
            if (told.thinking) break;  // both say the same
        }
    }
    const auto seal = item.at("encrypted_content");
    if (seal.is_string() && !seal.empty()) {
        sink.seal(SealKind::openai, seal.content(), !told.thinking);
    }
}

// An item that is whole: what was not told of it yet.
void Reader::item(Value item, Item& told, AnswerSink& sink) {
    if (!item.is_object() || std::exchange(told.over, true)) return;
    const auto type = item.at("type");
    if (type.is("message")) {
        message(item, told, sink);
    } else if (type.is("reasoning")) {
        reasoning(item, told, sink);
    } else if (type.is("function_call")) {
        announced(item, told, sink);
        if (told.is_call) arguments(item.at("arguments"), told, sink);
    }
}

void Reader::finish(Value response, AnswerSink& sink) {
    start(response, sink);
    const auto members = response.pick({"output", "usage", "incomplete_details", "status"});
    const auto& [output, counts, details, status] = members;
    output.elements([&](Value one) { item(one, listed(one), sink); });
    if (const auto usage = wire::parse_usage(counts.raw())) sink.usage(*usage);
    const auto reason = details.at("reason");
    const bool incomplete = status.is("incomplete") || reason.is_string();
    auto stop = calls_ != 0 ? Stop::calls : Stop::end;
    if (incomplete) stop = reason.is("content_filter") ? Stop::filter : Stop::length;
    sink.stop(stop, {});
    over_ = true;
    sink.done();
}

void Reader::fail(Value response, AnswerSink& sink) {
    start(response, sink);
    over_ = true;
    const auto error = response.at("error");
    wire::ErrorFacts facts;
    facts.message = error.at("message").text();
    facts.code = error.at("code").text();
    facts.type = "server_error";
    if (facts.message.empty()) facts.message = "The upstream gave up and said nothing of why.";
    sink.error(facts);
}

void Reader::event(Value event, std::string_view data, std::string_view name, AnswerSink& sink) {
    if (over_) return;
    const auto members =
        event.pick({"type", "output_index", "item_id", "delta", "item", "response"});
    const auto& [said, index, id, delta, whole_item, response] = members;
    auto type = said.is_string() ? said.content() : name;
    constexpr std::string_view kPrefix = "response.";
    if (type.starts_with(kPrefix)) type.remove_prefix(kPrefix.size());
    if (type == "error") {
        over_ = true;
        sink.error(wire::parse_error_body(data));
        return;
    }
    if (type == "completed" || type == "incomplete") return ended(response, sink);
    if (type == "failed") return fail(response, sink);
    const bool opens = type == "created" || type == "in_progress" || type == "queued";
    if (opens) return start(response, sink);
    if (!index.is_number()) return;  // no part of the output
    start({}, sink);
    const bool added = type == "output_item.added";
    const auto own_id = whole_item.present() ? whole_item.at("id") : id;
    auto& told = item_of(own_id.content(), index.count(), added);
    if (piece(type, delta, told, sink)) return;
    if (added) announced(whole_item, told, sink);
    if (type == "output_item.done") item(whole_item, told, sink);
}

void Reader::end(AnswerSink& sink) {
    if (std::exchange(over_, true) || !started_) return;
    wire::ErrorFacts error;
    error.message = "The answer broke off: it came to no end.";
    error.type = "api_error";
    sink.error(error);
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    ended(Value::standing(body), sink);
}

void Reader::ended(Value response, AnswerSink& sink) {
    const auto [status, error] = response.pick({"status", "error"});
    if (status.is("failed") || (error.present() && wire::tells_error(error.raw())))
        return fail(response, sink);
    // Of one that goes on in the background, or was stopped there, this is not all.
    if (status.is("queued") || status.is("in_progress") || status.is("cancelled")) {
        return lose("its status says that it is not finished");
    }
    finish(response, sink);
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader() {
    return std::make_unique<Reader>();
}

}  // namespace understudy::dialects::responses
