#include "dialects/converse/request_writer.hpp"

#include "dialects/claude_forms.hpp"
#include "dialects/converse/block_writer.hpp"
#include "dialects/converse/gates.hpp"
#include "dialects/converse/thoughts.hpp"
#include "dialects/data_url.hpp"
#include "dialects/messages/gates.hpp"
#include "dialects/schema.hpp"
#include "dialects/turns.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace understudy::dialects::converse {
namespace {

using Kind = Block::Kind;

bool is_media(const Block& block) {
    return block.kind == Kind::media;
}

bool is_call(const Block& block) {
    return block.kind == Kind::call;
}

class RequestWriter {
  public:
    RequestWriter(Talk& talk, const Manner& manner, ToolNames& names, std::string& body)
        : talk_(talk),
          manner_(manner),
          gates_(gates_of(manner.model)),
          claude_(messages::gates_of(manner.model)),
          names_(names),
          to_(body),
          blocks_(gates_, names, body),
          thoughts_(talk, gates_, claude_, manner.max_output) {}

    std::optional<Problem> run();

  private:
    std::optional<Problem> check() const;
    std::optional<Problem> check_choice() const;
    std::optional<Problem> prepare();
    void leave_out();
    void leave_out_hints();
    void settle_tools();
    void put_words_beside_documents();
    void begin_with_user();
    void system();
    void turn(const Turn& turn);
    void tools();
    void tool(const Tool& tool);
    void choice();
    void limits();
    void sampling();
    void output();
    bool has_calls() const;

    Talk& talk_;
    const Manner& manner_;
    const Gates& gates_;
    const messages::Gates& claude_;
    ToolNames& names_;
    Writer to_;
    BlockWriter blocks_;
    Thoughts thoughts_;
};

// What cannot be said to this model.
std::optional<Problem> RequestWriter::check() const {
    if (talk_.answers > 1) return unsupported("n: it gives one answer at a time");
    if (talk_.logprobs) return unsupported("logprobs: it gives none");
    if (talk_.format.kind == Format::Kind::object) {
        return unsupported("response_format: json_object is not known there");
    }
    const bool structured = gates_.claude ? claude_.structured : gates_.structured;
    if (talk_.format.kind == Format::Kind::schema && !structured) {
        return unsupported("response_format: this model keeps to no schema");
    }
    const bool odd = std::any_of(talk_.system.begin(), talk_.system.end(),
                                 [](const Block& block) { return block.kind != Kind::text; });
    if (odd) return unsupported("its system prompt is text alone");
    return talk_.tools.empty() ? std::nullopt : check_choice();
}

std::optional<Problem> RequestWriter::check_choice() const {
    const auto& choice = talk_.choice;
    const bool forced = !gates_.claude || claude_.forced_tools;
    if (choice.kind == Choice::Kind::required && !(gates_.any_tool && forced)) {
        return unsupported("tool_choice: this model cannot be made to call a tool");
    }
    if (choice.kind == Choice::Kind::named && !(gates_.named_tool && forced)) {
        return unsupported("tool_choice: this model cannot be made to call one tool");
    }
    return std::nullopt;
}

// Thoughts that another provider's seal is on, or none, and what another one's own tools did. Of
// sealed ones the bytes are sent, so they have to be some.
void RequestWriter::leave_out() {
    for (auto& turn : talk_.turns) {
        const bool assistant = turn.role == Role::assistant;
        std::erase_if(turn.blocks, [&](const Block& block) {
            const bool own = gates_.claude && is_claudes(block) &&
                             (block.kind != Kind::sealed || from_base64(block.content));
            const bool thought = is_thought(block) && !own;
            const bool hosted = block.server_side || (assistant && block.kind == Kind::result);
            if (thought) talk_.drop("reasoning");
            if (hosted) talk_.drop("hosted tool calls");
            return thought || hosted;
        });
    }
}

// Harmless to lose.
void RequestWriter::leave_out_hints() {
    if (talk_.marks_cache() && !gates_.cache_points) talk_.drop("cache_control");
    if (talk_.cache_key.present()) talk_.drop("prompt_cache_key");
    if (talk_.user.present()) talk_.drop("user");
    if (wants_one_call(talk_)) talk_.drop("parallel_tool_calls");
    for (const auto& [name, value] : {std::pair<std::string_view, Value>{"seed", talk_.seed},
                                      {"presence_penalty", talk_.presence_penalty},
                                      {"frequency_penalty", talk_.frequency_penalty}}) {
        if (value.present()) talk_.drop(name);
    }
}

bool RequestWriter::has_calls() const {
    return std::any_of(talk_.turns.begin(), talk_.turns.end(), [](const Turn& turn) {
        return std::any_of(turn.blocks.begin(), turn.blocks.end(), is_call);
    });
}

// Calls in the history are refused where no tool is declared; and where none is to be called, there
// is no word for that: then none is declared, unless the history has some.
void RequestWriter::settle_tools() {
    const bool called = has_calls();
    if (talk_.choice.kind == Choice::Kind::none && !talk_.tools.empty()) {
        if (called) {
            talk_.drop("tool_choice");
        } else {
            talk_.tools.clear();
        }
    }
    if (!called || !talk_.tools.empty()) return;
    declare_called_tools(talk_);
    talk_.choice = {};
}

// A document is refused where nothing is said beside it.
void RequestWriter::put_words_beside_documents() {
    for (auto& turn : talk_.turns) {
        const auto document = [](const Block& block) {
            return is_media(block) && block.media.kind == Media::Kind::document;
        };
        const auto words = [](const Block& block) { return block.kind == Kind::text; };
        auto& blocks = turn.blocks;
        if (std::none_of(blocks.begin(), blocks.end(), document)) continue;
        if (std::any_of(blocks.begin(), blocks.end(), words)) continue;
        blocks.emplace_back(Kind::text).content = "(See the document.)";
    }
}

void RequestWriter::begin_with_user() {
    if (talk_.turns.front().role == Role::user) return;
    Turn first;
    first.blocks.emplace_back(Kind::text).content = "(The conversation goes on.)";
    talk_.turns.insert(talk_.turns.begin(), std::move(first));
}

std::optional<Problem> RequestWriter::prepare() {
    if (asks_nothing(talk_)) return unsupported("a user's message is empty");
    leave_out_hints();
    leave_out();
    std::erase_if(talk_.system, [](const Block& block) { return is_blank(block.content); });
    system_as_user(talk_);
    mend_turns(talk_);
    tell_calls_apart(talk_);
    if (talk_.turns.empty()) return unsupported("there is nothing in the messages");
    begin_with_user();
    put_words_beside_documents();
    if (talk_.turns.back().role == Role::assistant) {
        if (!gates_.claude || !claude_.prefill) {
            return unsupported("this model does not go on with a message of the assistant's");
        }
        auto& last = talk_.turns.back().blocks.back();
        if (last.kind == Kind::text) last.content = without_trailing_space(last.content);
    }
    settle_tools();
    return std::nullopt;
}

void RequestWriter::system() {
    if (talk_.system.empty()) return;
    to_.key("system").open('[');
    for (const auto& one : talk_.system) {
        blocks_.text(one.content);
        blocks_.cache(one.cache);
    }
    to_.close(']');
}

void RequestWriter::turn(const Turn& turn) {
    const bool assistant = turn.role == Role::assistant;
    to_.open('{').key("role").text(assistant ? "assistant" : "user").key("content").open('[');
    write_blocks(turn, [this](const Block& block) { blocks_.block(block); });
    to_.close(']').close('}');
}

void RequestWriter::tool(const Tool& tool) {
    to_.open('{').key("toolSpec").open('{').key("name").text(names_.sent(tool.name));
    if (!is_blank(tool.description)) to_.key("description").content(tool.description);
    to_.key("inputSchema").open('{').key("json");
    if (tool.custom) {
        to_.raw(R"({"type":"object","properties":{"input":{"type":"string"}},)"
                R"("required":["input"]})");
    } else {
        to_.raw(object_schema(tool.schema));
    }
    to_.close('}').close('}').close('}');
    if (tool.strict) talk_.drop("tools[].strict");
    blocks_.cache(tool.cache);
}

void RequestWriter::tools() {
    if (talk_.tools.empty()) return;
    to_.key("toolConfig").open('{').key("tools").open('[');
    for (const auto& one : talk_.tools) tool(one);
    to_.close(']');
    choice();
    to_.close('}');
}

void RequestWriter::choice() {
    switch (talk_.choice.kind) {
        case Choice::Kind::required:
            to_.key("toolChoice").raw(R"({"any":{}})");
            break;
        case Choice::Kind::named:
            to_.key("toolChoice").open('{').key("tool").open('{').key("name");
            to_.text(names_.sent(talk_.choice.name)).close('}').close('}');
            break;
        case Choice::Kind::automatic:
            to_.key("toolChoice").raw(R"({"auto":{}})");
            break;
        case Choice::Kind::unsaid:
        case Choice::Kind::none:
            break;
    }
}

void RequestWriter::limits() {
    if (talk_.max_tokens.is_number()) {
        auto most = talk_.max_tokens.count();
        // The budget is a part of what may be written.
        if (thoughts_.counted()) most += thoughts_.budget();
        if (manner_.max_output != 0 || gates_.claude) most = std::min(most, thoughts_.max_output());
        to_.key("maxTokens").number(std::max<std::uint64_t>(most, 1));
    }
    bool any = false;
    for (const auto sequence : talk_.stop) {
        if (is_blank(sequence)) {
            talk_.drop("stop");
            continue;
        }
        if (!any) to_.key("stopSequences").open('[');
        any = true;
        to_.content(sequence);
    }
    if (any) to_.close(']');
}

void RequestWriter::sampling() {
    const bool taken = !gates_.claude || (claude_.sampling && !thoughts_.wanted());
    for (const auto& [name, key, value] : {std::tuple<std::string_view, std::string_view, Value>{
                                               "temperature", "temperature", talk_.temperature},
                                           {"top_p", "topP", talk_.top_p}}) {
        if (!value.is_number()) continue;
        // Of the two Claude takes one only.
        const bool second = gates_.claude && name == "top_p" && talk_.temperature.is_number();
        if (!taken || second) {
            talk_.drop(name);
        } else if (value.number() > 1) {
            to_.key(key).raw("1");
        } else {
            to_.key(key).raw(value.raw());
        }
    }
}

// Where thoughts are told in words, and what the answer is to look like. A schema is text there.
void RequestWriter::output() {
    const bool worded = thoughts_.worded();
    const bool schema = talk_.format.kind == Format::Kind::schema;
    if (!worded && !schema) return;
    to_.key("outputConfig").open('{');
    if (worded) thoughts_.effort(to_);
    if (schema) {
        const auto& format = talk_.format;
        const auto text = gates_.claude ? anthropic_schema(format.schema, talk_)
                                        : std::string(format.schema.raw());
        to_.key("textFormat").open('{').key("type").text("json_schema").key("structure").open('{');
        to_.key("jsonSchema").open('{').key("schema").text(text);
        to_.key("name").text(format.name.empty() ? "output" : format.name);
        to_.close('}').close('}').close('}');
    }
    to_.close('}');
}

std::optional<Problem> RequestWriter::run() {
    if (auto problem = check()) return problem;
    if (auto problem = prepare()) return problem;
    to_.open('{');
    system();
    to_.key("messages").open('[');
    for (const auto& one : talk_.turns) turn(one);
    to_.close(']');
    tools();
    to_.key("inferenceConfig").open('{');
    limits();
    sampling();
    to_.close('}');
    thoughts_.own_fields(to_);
    output();
    to_.close('}');
    return blocks_.problem();
}

}  // namespace

std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body) {
    return RequestWriter(talk, manner, names, body).run();
}

}  // namespace understudy::dialects::converse
