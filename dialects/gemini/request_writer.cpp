#include "dialects/gemini/request_writer.hpp"

#include "dialects/gemini/config.hpp"
#include "dialects/gemini/contents.hpp"
#include "dialects/gemini/gates.hpp"
#include "dialects/schema.hpp"
#include "dialects/turns.hpp"

#include <algorithm>
#include <iterator>

namespace understudy::dialects::gemini {
namespace {

using Kind = Block::Kind;

// https://ai.google.dev/api/generate-content#GenerationConfig
constexpr std::size_t kMostStops = 5;

/// Whether a schema without properties describes arguments in some other way.
bool says_more(Value schema) {
    const auto [ref, patterns, more] =
        schema.pick({"$ref", "patternProperties", "additionalProperties"});
    return ref.present() || patterns.present() || more.is_true() || more.is_object();
}

/// Whether a document's name is lost: there is a place for it beside text alone.
bool loses_title(const Block& block) {
    const auto& media = block.media;
    return block.kind == Kind::media && media.kind == Media::Kind::document &&
           media.source != Media::Source::text && !media.title.empty();
}

class RequestWriter {
  public:
    RequestWriter(Talk& talk, const Manner& manner, ToolNames& names, std::string& body)
        : talk_(talk), manner_(manner), gates_(gates_of(manner.model)), names_(names), to_(body) {}

    std::optional<Problem> run();

  private:
    std::optional<Problem> check() const;
    void leave_out();
    void leave_out_hints();
    void begin_with_user();
    void system();
    void tools();
    void tool(const Tool& tool);
    void choice();

    Talk& talk_;
    const Manner& manner_;
    const Gates& gates_;
    ToolNames& names_;
    Writer to_;
};

// What cannot be said to this model.
std::optional<Problem> RequestWriter::check() const {
    if (talk_.answers > 1) return unsupported("n: one answer is asked of it at a time");
    if (talk_.logprobs) return unsupported("logprobs: they are not read from it");
    const bool tools = !talk_.tools.empty();
    if (tools && talk_.format.kind != Format::Kind::text && !gates_.formatted_calls) {
        return unsupported("response_format: this model takes none beside tools");
    }
    if (talk_.stop.size() > kMostStops) return unsupported("stop: it takes five sequences");
    const bool odd = std::any_of(talk_.system.begin(), talk_.system.end(),
                                 [](const Block& block) { return block.kind != Kind::text; });
    if (odd) return unsupported("its system instruction is text alone");
    return std::nullopt;
}

// Thoughts that this provider cannot read, and what another one's own tools did.
void RequestWriter::leave_out() {
    const auto is_foreign = [this](const Block& block) {
        if (block.kind == Kind::thinking || block.kind == Kind::sealed) {
            const auto seal = block.kind == Kind::thinking ? block.seal : block.content;
            if (block.sealed_by == SealKind::gemini && !seal.empty()) return false;
            talk_.drop("reasoning");
            return true;
        }
        return false;
    };
    for (auto& turn : talk_.turns) {
        std::erase_if(turn.blocks, is_foreign);
        const bool assistant = turn.role == Role::assistant;
        const auto is_hosted = [&](const Block& block) {
            const bool hosted = block.server_side || (assistant && block.kind == Kind::result);
            if (hosted) talk_.drop("hosted tool calls");
            return hosted;
        };
        std::erase_if(turn.blocks, is_hosted);
    }
}

// Harmless to lose.
void RequestWriter::leave_out_hints() {
    if (talk_.marks_cache()) talk_.drop("cache_control");
    if (talk_.cache_key.present()) talk_.drop("prompt_cache_key");
    if (talk_.user.present()) talk_.drop("user");
    if (wants_one_call(talk_)) talk_.drop("parallel_tool_calls");
    for (const auto& turn : talk_.turns) {
        for (const auto& block : turn.blocks) {
            const bool inside = std::any_of(block.inner.begin(), block.inner.end(), loses_title);
            if (inside || loses_title(block)) talk_.drop("title");
        }
    }
}

// A model's turn with calls has to stand behind one of the user's.
void RequestWriter::begin_with_user() {
    const auto user = [](const Turn& turn) { return turn.role == Role::user; };
    if (!user(talk_.turns.front())) {
        Turn first;
        first.blocks.emplace_back(Kind::text);
        first.blocks.back().content = "(The conversation goes on.)";
        talk_.turns.insert(talk_.turns.begin(), std::move(first));
    }
    if (gates_.instructions) return;
    auto& blocks = talk_.turns.front().blocks;
    blocks.insert(blocks.begin(), std::make_move_iterator(talk_.system.begin()),
                  std::make_move_iterator(talk_.system.end()));
    talk_.system.clear();
}

void RequestWriter::system() {
    if (talk_.system.empty()) return;
    to_.key("systemInstruction").open('{').key("parts").open('[');
    for (const auto& one : talk_.system) {
        to_.open('{').key("text").content(one.content).close('}');
    }
    to_.close(']').close('}');
}

void RequestWriter::tool(const Tool& tool) {
    to_.open('{').key("name").text(sent_name(names_, tool.name));
    if (!tool.description.empty()) to_.key("description").content(tool.description);
    if (tool.custom) {
        to_.key("parametersJsonSchema");
        to_.raw(R"({"type":"object","properties":{"input":{"type":"string"}},)"
                R"("required":["input"]})");
    } else {
        const auto schema = object_schema(tool.schema);
        const auto properties = Value::of(schema).at("properties");
        // It refuses an object of nothing; a tool without parameters says none.
        if (!properties.empty()) {
            to_.key("parametersJsonSchema").raw(schema);
        } else if (says_more(tool.schema)) {
            talk_.drop("tools[].parameters");
        }
    }
    to_.close('}');
}

void RequestWriter::tools() {
    if (talk_.tools.empty()) return;
    to_.key("tools").open('[').open('{').key("functionDeclarations").open('[');
    for (const auto& one : talk_.tools) tool(one);
    to_.close(']').close('}').close(']');
}

void RequestWriter::choice() {
    using ChoiceKind = Choice::Kind;
    if (talk_.tools.empty()) return;
    const auto& choice = talk_.choice;
    const bool strict = std::any_of(talk_.tools.begin(), talk_.tools.end(),
                                    [](const Tool& tool) { return tool.strict; });
    if (choice.kind == ChoiceKind::unsaid && !strict) return;
    to_.key("toolConfig").open('{').key("functionCallingConfig").open('{').key("mode");
    switch (choice.kind) {
        case ChoiceKind::required:
            to_.text("ANY");
            break;
        case ChoiceKind::named:
            to_.text("ANY").key("allowedFunctionNames").open('[');
            to_.text(sent_name(names_, choice.name)).close(']');
            break;
        case ChoiceKind::none:
            to_.text("NONE");
            break;
        case ChoiceKind::unsaid:
        case ChoiceKind::automatic:
            to_.text(strict ? "VALIDATED" : "AUTO");
            break;
    }
    to_.close('}').close('}');
}

std::optional<Problem> RequestWriter::run() {
    if (auto problem = check()) return problem;
    if (asks_nothing(talk_)) return unsupported("a user's message is empty");
    leave_out_hints();
    leave_out();
    std::erase_if(talk_.system, [](const Block& block) { return is_blank(block.content); });
    system_as_user(talk_);
    mend_turns(talk_);
    if (talk_.turns.empty()) return unsupported("there is nothing in the messages");
    begin_with_user();
    to_.open('{');
    system();
    to_.key("contents").open('[');
    Contents contents(manner_, gates_, names_, to_);
    for (const auto& one : talk_.turns) contents.turn(one);
    to_.close(']');
    tools();
    choice();
    const auto config = generation_config(talk_, manner_, gates_);
    if (!config.empty()) to_.key("generationConfig").raw(config);
    to_.close('}');
    return std::move(contents).problem();
}

}  // namespace

std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body) {
    return RequestWriter(talk, manner, names, body).run();
}

std::string sent_name(ToolNames& names, std::string_view name) {
    auto sent = names.sent(name);
    const char first = sent.front();
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    if (letter || first == '_') return sent;
    sent = names.sent("_" + std::string(name));
    names.remember(sent, name);
    return sent;
}

}  // namespace understudy::dialects::gemini
