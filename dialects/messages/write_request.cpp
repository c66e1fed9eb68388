#include "dialects/claude_forms.hpp"
#include "dialects/messages/block_writer.hpp"
#include "dialects/messages/effort.hpp"
#include "dialects/messages/gates.hpp"
#include "dialects/messages/messages.hpp"
#include "dialects/schema.hpp"
#include "dialects/turns.hpp"

#include <algorithm>

namespace understudy::dialects::messages {
namespace {

using Kind = Block::Kind;

class RequestWriter {
  public:
    RequestWriter(Talk& talk, std::string_view model, std::uint64_t max_output, ToolNames& names,
                  std::string& body)
        : talk_(talk),
          model_(model),
          gates_(gates_of(model)),
          max_output_(max_output != 0 ? max_output : gates_.max_output),
          names_(names),
          to_(body),
          blocks_(names, body) {}

    std::optional<Problem> run();

  private:
    std::optional<Problem> check();
    std::optional<Problem> prepare();
    void decide_thinking();
    void limits();
    void sampling();
    void thinking();
    void system();
    void turn(const Turn& turn);
    void tools();
    void choice();
    Talk& talk_;
    std::string_view model_;
    const Gates& gates_;
    std::uint64_t max_output_;
    ToolNames& names_;
    Writer to_;
    BlockWriter blocks_;
    bool thinks_ = false;
    std::uint64_t budget_ = 0;  // of models that are told a number
};

// What cannot be said to this model.
std::optional<Problem> RequestWriter::check() {
    if (talk_.answers > 1) return unsupported("n: it gives one answer at a time");
    if (talk_.logprobs) return unsupported("logprobs: it gives none");
    if (talk_.format.kind == Format::Kind::object) {
        return unsupported("response_format: json_object is not known there");
    }
    if (talk_.format.kind == Format::Kind::schema && !gates_.structured) {
        return unsupported("response_format: this model keeps to no schema");
    }
    const auto kind = talk_.choice.kind;
    const bool forced = kind == Choice::Kind::required || kind == Choice::Kind::named;
    if (forced && !talk_.tools.empty() && !gates_.forced_tools) {
        return unsupported("tool_choice: this model cannot be made to call a tool");
    }
    return std::nullopt;
}

std::optional<Problem> RequestWriter::prepare() {
    system_as_user(talk_);
    if (asks_nothing(talk_)) return unsupported("a user's message is empty");
    // Thoughts of others are none of this model's; without their seal not even its own are.
    for (auto& turn : talk_.turns) {
        std::erase_if(turn.blocks, [this](const Block& b) {
            const bool foreign = is_thought(b) && !is_claudes(b);
            if (foreign) talk_.drop("reasoning");
            return foreign;
        });
    }
    mend_turns(talk_);
    tell_calls_apart(talk_);
    if (talk_.turns.empty()) return unsupported("there is nothing in the messages");
    if (talk_.turns.front().role != Role::user) {
        Turn first;
        first.blocks.emplace_back(Kind::text);
        first.blocks.back().content = "(The conversation goes on.)";
        talk_.turns.insert(talk_.turns.begin(), std::move(first));
    }
    if (talk_.turns.back().role == Role::assistant) {
        if (!gates_.prefill) {
            return unsupported("this model does not go on with a message of the assistant's");
        }
        // It refuses one that ends in white space.
        auto& last = talk_.turns.back().blocks.back();
        if (last.kind == Kind::text) last.content = without_trailing_space(last.content);
    }
    if (talk_.tools.empty()) {
        declare_called_tools(talk_);
        if (!talk_.tools.empty()) talk_.choice = {Choice::Kind::none, {}, {}, {}};
    }
    return std::nullopt;
}

// Whether it is to think, and how much. With a forced call it cannot; nor, where it is told a
// number, when a turn with calls has lost its thoughts.
void RequestWriter::decide_thinking() {
    if (gates_.adaptive) {
        thinks_ = talk_.effort.said() && talk_.effort.word != "none";
        return;
    }
    if (!talk_.effort.said() || talk_.effort.word == "none") return;
    const auto kind = talk_.choice.kind;
    const bool forced = kind == Choice::Kind::required || kind == Choice::Kind::named;
    const bool prefill = talk_.turns.back().role == Role::assistant;
    if (!gates_.thinks || forced || prefill || calls_without_thought(talk_)) {
        talk_.drop("reasoning_effort");
        return;
    }
    thinks_ = true;
    budget_ = budget_of(talk_.effort, max_output_);
}

void RequestWriter::limits() {
    auto most = std::min(talk_.max_tokens.count(max_output_), max_output_);
    // The budget is a part of what may be written.
    if (budget_ != 0 && talk_.max_tokens.is_number()) most = std::min(most + budget_, max_output_);
    to_.key("max_tokens").number(most);
    if (talk_.stop.empty()) return;
    bool any = false;
    for (const auto& sequence : talk_.stop) {
        if (is_blank(sequence)) {
            talk_.drop("stop");  // it refuses one of white space
            continue;
        }
        if (!any) to_.key("stop_sequences").open('[');
        any = true;
        to_.content(sequence);
    }
    if (any) to_.close(']');
}

void RequestWriter::sampling() {
    const bool taken = gates_.sampling && !thinks_;
    for (const auto& [name, value] :
         {std::pair<std::string_view, Value>{"temperature", talk_.temperature},
          {"top_p", talk_.top_p},
          {"top_k", talk_.top_k}}) {
        if (!value.is_number()) continue;
        // Of the first two one only; its newer models take neither.
        const bool second = name == "top_p" && talk_.temperature.is_number();
        if (!taken || second) {
            talk_.drop(name);
        } else if (name == "temperature" && value.number() > 1) {
            to_.key(name).raw("1");
        } else {
            to_.key(name).raw(value.raw());
        }
    }
    for (const auto& [name, value] : {std::pair<std::string_view, Value>{"seed", talk_.seed},
                                      {"presence_penalty", talk_.presence_penalty},
                                      {"frequency_penalty", talk_.frequency_penalty}}) {
        if (value.present()) talk_.drop(name);
    }
}

void RequestWriter::thinking() {
    const bool schema = talk_.format.kind == Format::Kind::schema;
    if (!gates_.adaptive) {
        if (thinks_) {
            to_.key("thinking").open('{').key("type").text("enabled");
            to_.key("budget_tokens").number(budget_).close('}');
        }
    } else if (talk_.effort.word == "none") {
        if (!gates_.no_thinking.empty()) {
            to_.key("thinking").open('{').key("type").text(gates_.no_thinking).close('}');
        }
        if (!gates_.can_rest()) talk_.drop("reasoning_effort");
    } else if (thinks_) {
        to_.key("thinking").open('{').key("type").text("adaptive");
        to_.key("display").text("summarized").close('}');
    }
    // Where it cannot be told not to think, it is told to think little.
    const bool effort = gates_.adaptive && talk_.effort.said() &&
                        (talk_.effort.word != "none" || gates_.no_thinking.empty());
    if (!effort && !schema) return;
    to_.key("output_config").open('{');
    if (effort) {
        const auto word = effort_of(talk_.effort, gates_);
        to_.key("effort").text(word);
        const bool other = !talk_.effort.word.empty() && word != talk_.effort.word;
        if (other) talk_.drop("reasoning_effort");
    }
    if (schema) {
        to_.key("format").open('{').key("type").text("json_schema");
        to_.key("schema").raw(anthropic_schema(talk_.format.schema, talk_)).close('}');
    }
    to_.close('}');
}

void RequestWriter::system() {
    std::erase_if(talk_.system,
                  [](const Block& b) { return b.kind != Kind::text || is_blank(b.content); });
    if (talk_.system.empty()) return;
    to_.key("system").open('[');
    for (const auto& one : talk_.system) blocks_.text(one);
    to_.close(']');
}

void RequestWriter::turn(const Turn& turn) {
    const bool assistant = turn.role == Role::assistant;
    to_.open('{').key("role").text(assistant ? "assistant" : "user").key("content").open('[');
    write_blocks(turn, [this](const Block& block) { blocks_.block(block); });
    to_.close(']').close('}');
}

void RequestWriter::tools() {
    if (talk_.tools.empty()) return;
    to_.key("tools").open('[');
    for (const auto& tool : talk_.tools) {
        to_.open('{').key("name").text(names_.sent(tool.name));
        if (!tool.description.empty()) to_.key("description").content(tool.description);
        if (tool.custom) {
            to_.key("input_schema");
            to_.raw(R"({"type":"object","properties":{"input":{"type":"string"}},)"
                    R"("required":["input"]})");
        } else if (tool.strict && gates_.structured) {
            const auto schema = object_schema(tool.schema);
            to_.key("input_schema").raw(anthropic_schema(Value::of(schema), talk_));
            to_.key("strict").boolean(true);
        } else {
            if (tool.strict) talk_.drop("tools[].strict");
            to_.key("input_schema").raw(object_schema(tool.schema));
        }
        blocks_.cache(tool.cache);
        to_.close('}');
    }
    to_.close(']');
}

void RequestWriter::choice() {
    using ChoiceKind = Choice::Kind;
    if (talk_.tools.empty()) return;
    const auto& choice = talk_.choice;
    const bool one_by_one = choice.parallel && !*choice.parallel;
    if (choice.kind == ChoiceKind::unsaid && !one_by_one) return;
    to_.key("tool_choice").open('{').key("type");
    switch (choice.kind) {
        case ChoiceKind::required:
            to_.text("any");
            break;
        case ChoiceKind::named:
            to_.text("tool").key("name").text(names_.sent(choice.name));
            break;
        case ChoiceKind::none:
            to_.text("none");
            break;
        default:
            to_.text("auto");
            break;
    }
    if (one_by_one && choice.kind != ChoiceKind::none) {
        to_.key("disable_parallel_tool_use").boolean(true);
    }
    to_.close('}');
}

std::optional<Problem> RequestWriter::run() {
    if (auto problem = check()) return problem;
    if (auto problem = prepare()) return problem;
    decide_thinking();
    to_.open('{').key("model").text(model_);
    limits();
    system();
    to_.key("messages").open('[');
    for (const auto& one : talk_.turns) turn(one);
    to_.close(']');
    tools();
    choice();
    sampling();
    thinking();
    if (talk_.user.is_string()) {
        to_.key("metadata").open('{').key("user_id").content(talk_.user.content()).close('}');
    }
    if (talk_.cache_key.present()) talk_.drop("prompt_cache_key");
    if (talk_.stream) to_.key("stream").boolean(true);
    to_.close('}');
    return blocks_.problem();
}

}  // namespace

std::optional<Problem> write_request(Talk& talk, std::string_view model, std::uint64_t max_output,
                                     ToolNames& names, std::string& body) {
    return RequestWriter(talk, model, max_output, names, body).run();
}

}  // namespace understudy::dialects::messages
