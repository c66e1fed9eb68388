#include "dialects/responses/answer_reader.hpp"

#include "dialects/object.hpp"
#include "wire/error_member.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <tuple>
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

    /// What is read of a whole response, picked in one look: its output is most of the text.
    struct Response {
        explicit Response(Value response);
        Value id, model, status, error, output, usage, details;
    };
    void start(Value id, Value model, AnswerSink& sink);
    bool piece(std::string_view type, Value delta, Item& told, AnswerSink& sink);
    void announced(const Object& item, Item& told, AnswerSink& sink);
    void item(const Object& item, Item& told, AnswerSink& sink);
    void message(Value content, Item& told, AnswerSink& sink);
    void arguments(Value said, Item& told, AnswerSink& sink);
    Item& item_of(std::string_view id, std::uint64_t index, bool added);
    Item& listed(const Object& item);
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
    void reasoning(const Object& item, Item& told, AnswerSink& sink);
    void think(Value text, Item& told, AnswerSink& sink);
    void ended(const Response& response, bool streamed, AnswerSink& sink);
    void finish(const Response& response, bool streamed, AnswerSink& sink);
    void fail(const Response& response, AnswerSink& sink);

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
Reader::Item& Reader::listed(const Object& item) {
    const auto id = item.at("id");
    const auto call_id = item.at("call_id");
    const bool call = item.at("type").is("function_call");
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

Reader::Response::Response(Value response) {
    const auto members =
        response.pick({"id", "model", "status", "error", "output", "usage", "incomplete_details"});
    std::tie(id, model, status, error, output, usage, details) = std::tuple_cat(members);
}

void Reader::start(Value id, Value model, AnswerSink& sink) {
    if (std::exchange(started_, true)) return;
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

void Reader::announced(const Object& item, Item& told, AnswerSink& sink) {
    if (told.is_call || !item.at("type").is("function_call")) return;
    const auto id = item.at("call_id");
    const auto name = item.at("name");
    if (name.content().empty()) return lose(kNameless);
    told.is_call = true;
    told.call_id = id.content();
    told.call = calls_++;
    sink.call(told.call, id.content(), name.content(), {});
}

// Of a message that was told in pieces they may lack the end.
void Reader::message(Value content, Item& told, AnswerSink& sink) {
    std::size_t before = told.said.size();
    bool as_written = true;  // else with other escapes, and it is their meaning that counts
    if (before != 0) {
        std::string all;
        content.elements([&](Value part) {
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
    content.elements([&](Value part) {
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

void Reader::reasoning(const Object& item, Item& told, AnswerSink& sink) {
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
void Reader::item(const Object& item, Item& told, AnswerSink& sink) {
    if (!item.value().is_object() || std::exchange(told.over, true)) return;
    const auto type = item.at("type");
    if (type.is("message")) {
        message(item.at("content"), told, sink);
    } else if (type.is("reasoning")) {
        reasoning(item, told, sink);
    } else if (type.is("image_generation_call")) {
        leave_out("image_generation_call");
    } else if (type.is("function_call")) {
        announced(item, told, sink);
        if (told.is_call) arguments(item.at("arguments"), told, sink);
    }
}

void Reader::finish(const Response& response, bool streamed, AnswerSink& sink) {
    start(response.id, response.model, sink);
    response.output.elements([&](Value one) {
        const Object whole(one);
        item(whole, listed(whole), sink);
    });
    if (const auto usage = wire::parse_usage(response.usage.raw())) sink.usage(*usage);
    const auto reason = response.details.at("reason");
    const bool incomplete = response.status.is("incomplete") || reason.is_string();
    auto stop = calls_ != 0 ? Stop::calls : Stop::end;
    // Of an event its type says that it is over.
    if (!streamed && response.status.nothing()) stop = Stop::unsaid;
    if (incomplete) stop = reason.is("content_filter") ? Stop::filter : Stop::length;
    sink.stop(stop, {});
    over_ = true;
    sink.done();
}

void Reader::fail(const Response& response, AnswerSink& sink) {
    start(response.id, response.model, sink);
    over_ = true;
    wire::ErrorFacts facts;
    facts.message = response.error.at("message").text();
    facts.code = response.error.at("code").text();
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
    if (type == "completed" || type == "incomplete") return ended(Response(response), true, sink);
    if (type == "failed") return fail(Response(response), sink);
    const bool opens = type == "created" || type == "in_progress" || type == "queued";
    if (opens) {
        const auto [own, model] = response.pick({"id", "model"});
        return start(own, model, sink);
    }
    if (!index.is_number()) return;  // no part of the output
    start({}, {}, sink);
    const bool added = type == "output_item.added";
    const auto own_id = whole_item.present() ? whole_item.at("id") : id;
    auto& told = item_of(own_id.content(), index.count(), added);
    if (piece(type, delta, told, sink)) return;
    if (added) announced(Object(whole_item), told, sink);
    if (type == "output_item.done") item(Object(whole_item), told, sink);
}

void Reader::end(AnswerSink& sink) {
    if (std::exchange(over_, true) || !started_) return;
    wire::ErrorFacts error;
    error.message = "The answer broke off: it came to no end.";
    error.type = "api_error";
    sink.error(error);
}

void Reader::whole(std::string_view body, AnswerSink& sink) {
    ended(Response(Value::standing(body)), false, sink);
}

void Reader::ended(const Response& response, bool streamed, AnswerSink& sink) {
    const auto& status = response.status;
    const auto& error = response.error;
    if (status.is("failed") || (error.present() && wire::tells_error(error.raw())))
        return fail(response, sink);
    // Of one that goes on in the background, or was stopped there, this is not all.
    if (status.is("queued") || status.is("in_progress") || status.is("cancelled")) {
        return lose("its status says that it is not finished");
    }
    finish(response, streamed, sink);
}

}  // namespace

std::unique_ptr<AnswerReader> make_reader() {
    return std::make_unique<Reader>();
}

}  // namespace understudy::dialects::responses
