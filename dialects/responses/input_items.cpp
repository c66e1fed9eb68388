#include "dialects/responses/input_items.hpp"

#include "dialects/media_forms.hpp"

#include <iterator>
#include <unordered_map>

namespace understudy::dialects::responses {
namespace {

using Kind = Block::Kind;

class Reader {
  public:
    Reader(const ToolList& tools, Talk& talk) : tools_(tools), talk_(talk) {}
    std::optional<Problem> run(Value input);

  private:
    void item(Value value);
    void message(Value value);
    void content(Value value, std::string_view member, std::vector<Block>& blocks);
    void part(Value value, std::vector<Block>& blocks);
    void text(Value value, std::vector<Block>& blocks);
    void call(Value value, bool custom);
    void output(Value value);
    void reasoning(Value value);
    std::string joined(Value parts) const;
    void other(const std::string& type, Value value);
    void say(Role role, std::string text);
    void found(Value value);
    std::string names_of(Value tools, std::string_view space) const;
    std::vector<Block>& turn(Role role);
    std::string where() const { return "input[" + std::to_string(index_) + "]"; }
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    const ToolList& tools_;
    Talk& talk_;
    std::optional<Problem> problem_;
    std::unordered_map<std::string, std::string> names_;  // of calls, by id
    std::size_t index_ = 0;
    bool leading_ = true;  // only words of the system's so far
};

std::optional<Problem> Reader::run(Value input) {
    if (input.is_string()) {
        text(input, turn(Role::user));
    } else if (input.is_array()) {
        input.elements([this](Value value) {
            if (!problem_) item(value);
            ++index_;
        });
    } else {
        refuse(bad(input.nothing() ? "input is missing" : "input is neither text nor a list"));
    }
    return problem_;
}

std::vector<Block>& Reader::turn(Role role) {
    leading_ = false;
    talk_.turns.emplace_back().role = role;
    return talk_.turns.back().blocks;
}

void Reader::item(Value value) {
    if (!value.is_object()) return refuse(bad(where() + " is no object"));
    const auto type = value.at("type");
    if (type.nothing() || type.is("message")) return message(value);
    if (!type.is_string()) return refuse(bad(where() + ".type is no text"));
    if (type.is("function_call") || type.is("custom_tool_call")) {
        return call(value, type.is("custom_tool_call"));
    }
    if (type.is("function_call_output") || type.is("custom_tool_call_output")) return output(value);
    if (type.is("reasoning")) return reasoning(value);
    if (type.is("additional_tools")) return;  // were read before
    if (type.is("tool_search_output")) return found(value);
    // What a server of tools has, which its own provider had asked: said to nobody.
    if (type.is("mcp_list_tools")) return talk_.drop("input[].mcp_list_tools");
    other(type.text(), value);
}

void Reader::message(Value value) {
    const auto [role, phase, said] = value.pick({"role", "phase", "content"});
    const bool system = role.is("system") || role.is("developer");
    if (!phase.nothing()) talk_.drop("input[].phase");
    if (system && leading_) {
        content(said, ".content", talk_.system);
    } else if (system) {
        content(said, ".content", turn(Role::system));
    } else if (role.is("user")) {
        content(said, ".content", turn(Role::user));
    } else if (role.is("assistant")) {
        content(said, ".content", turn(Role::assistant));
    } else {
        refuse(bad(where() + ".role is none of user, assistant, system and developer"));
    }
}

void Reader::content(Value value, std::string_view member, std::vector<Block>& blocks) {
    if (value.nothing()) return;
    if (value.is_string()) {
        text(value, blocks);
    } else if (value.is_array()) {
        value.elements([&](Value one) { part(one, blocks); });
    } else {
        refuse(bad(where().append(member) + " is neither text nor a list of parts"));
    }
}

void Reader::text(Value value, std::vector<Block>& blocks) {
    if (!value.is_string()) return refuse(bad(where() + ": a part has no text"));
    if (value.empty()) return;
    blocks.emplace_back(Kind::text).content = value.content();
}

void Reader::part(Value value, std::vector<Block>& blocks) {
    const auto type = value.at("type");
    if (type.is("input_text") || type.is("output_text") || type.is("text")) {
        const auto notes = value.at("annotations");
        if (notes.is_array() && !notes.empty()) talk_.drop("input[].content[].annotations");
        const auto words = value.at("text");
        if (!type.is("output_text") || !words.nothing()) text(words, blocks);
    } else if (type.is("refusal")) {
        text(value.at("refusal"), blocks);
    } else if (is_media_part(type)) {
        auto problem = read_media_part(value, where(), "input[].content[]", talk_, blocks);
        if (problem) refuse(std::move(*problem));
    } else if (type.is_string()) {
        refuse(unsupported(where() + ": a part of type " + type.text() +
                           " is known to its own provider only"));
    } else {
        refuse(bad(where() + ": a part of the content has no type"));
    }
}

void Reader::call(Value value, bool custom) {
    Block block(Kind::call);
    block.custom = custom;
    block.id = value.at("call_id").text();
    if (block.id.empty()) return refuse(bad(where() + ".call_id is missing, or no text"));
    const auto name = value.at("name");
    if (!name.is_string() || name.empty()) {
        return refuse(bad(where() + ".name is missing, or no text"));
    }
    block.name = tools_.sent(value.at("namespace").text(), name.text());
    const auto* const member = custom ? "input" : "arguments";
    const auto arguments = value.at(member);
    if (!arguments.nothing() && !arguments.is_string()) {
        return refuse(bad(where() + "." + member + " is no text"));
    }
    block.arguments = arguments.content();
    block.arguments_escaped = true;
    names_[block.id] = block.name;
    turn(Role::assistant).push_back(std::move(block));
}

void Reader::output(Value value) {
    Block block(Kind::result);
    block.id = value.at("call_id").text();
    if (block.id.empty()) return refuse(bad(where() + ".call_id is missing, or no text"));
    if (const auto at = names_.find(block.id); at != names_.end()) block.name = at->second;
    content(value.at("output"), ".output", block.inner);
    turn(Role::user).push_back(std::move(block));
}

std::string Reader::joined(Value parts) const {
    std::string out;
    parts.elements([&](Value one) {
        const auto text = one.at("text").content();
        if (text.empty()) return;
        if (!out.empty()) out += "\\n\\n";
        out += text;
    });
    return out;
}

// Its id means something where it was made, and the seal says more: only that goes on.
void Reader::reasoning(Value value) {
    auto thoughts = joined(value.at("content"));
    if (thoughts.empty()) thoughts = joined(value.at("summary"));
    const auto seal = value.at("encrypted_content").content();
    if (thoughts.empty() && seal.empty()) return;
    Block block(thoughts.empty() ? Kind::sealed : Kind::thinking);
    if (thoughts.empty()) {
        block.content = seal;
    } else {
        block.content = talk_.keep(std::move(thoughts));
        block.seal = seal;
    }
    if (!seal.empty()) block.sealed_by = SealKind::openai;
    turn(Role::assistant).push_back(std::move(block));
}

void Reader::say(Role role, std::string text) {
    const auto kept = talk_.keep(std::move(text));
    turn(role).emplace_back(Kind::text).content = kept;
}

std::string Reader::names_of(Value tools, std::string_view space) const {
    std::string out;
    tools.elements([&](Value tool) {
        const auto name = tool.at("name").text();
        const bool group = tool.at("type").is("namespace");
        const auto said =
            group ? names_of(tool.at("tools"), name) : escaped(tools_.sent(space, name));
        if (name.empty() || said.empty()) return;
        out += (out.empty() ? "" : ", ") + said;
    });
    return out;
}

// The tools themselves were read before. That they were found is what the model waits for: without
// it the last words would be its own, and few models go on with those.
void Reader::found(Value value) {
    const auto names = names_of(value.at("tools"), {});
    say(Role::user, "(tool_search_output) " + (names.empty() ? "nothing was found" : names));
}

// What a provider's own tools did, in words: nobody else can read their items.
void Reader::other(const std::string& type, Value value) {
    if (type == "item_reference") {
        return refuse(unsupported(where() +
                                  " refers to what its provider keeps (clients that are " +
                                  "told `store: false` send the items themselves)"));
    }
    const bool picture = type.starts_with("computer_call");
    const bool result = type.ends_with("_call_output");
    if (picture || (!result && !type.ends_with("_call") && type != "compaction")) {
        return refuse(unsupported(where() + " is a " + type + ", known to its own provider only"));
    }
    talk_.drop("input[]." + type);
    if (type == "compaction") {
        return say(Role::user, "(What was said before was made short, and cannot be read here.)");
    }
    std::string text = "(" + escaped(type) + ")";
    for (const auto* name : {"name", "arguments", "action", "operation", "queries", "code",
                             "output", "outputs", "error"}) {
        const auto said = value.at(name);
        if (said.nothing()) continue;
        text += ' ';
        text += said.is_string() ? std::string(said.content()) : escaped(said.raw());
    }
    say(result ? Role::user : Role::assistant, std::move(text));
}

bool is_result(const Turn& turn) {
    return turn.role == Role::user && !turn.blocks.empty() &&
           turn.blocks.front().kind == Kind::result;
}

/// What was said while calls waited for their outputs comes behind those outputs: codex puts
/// notices there, and no other API takes them in that place.
void put_results_first(std::vector<Turn>& turns) {
    std::unordered_map<std::string, std::size_t> last_result;  // index by id
    for (std::size_t i = 0; i < turns.size(); ++i) {
        if (is_result(turns[i])) last_result[turns[i].blocks.front().id] = i;
    }
    std::vector<Turn> sorted;
    std::vector<Turn> held;
    std::size_t until = 0;  // one behind the last output that is waited for
    const auto give = [&] {
        std::move(held.begin(), held.end(), std::back_inserter(sorted));
        held.clear();
    };
    for (std::size_t i = 0; i < turns.size(); ++i) {
        if (i >= until) give();
        auto& turn = turns[i];
        if (turn.role == Role::assistant && !turn.blocks.empty()) {
            const auto at = last_result.find(turn.blocks.front().id);
            const bool call = turn.blocks.front().kind == Kind::call && at != last_result.end();
            if (call && at->second > i) until = std::max(until, at->second + 1);
        }
        const bool waits = i < until && turn.role != Role::assistant && !is_result(turn);
        (waits ? held : sorted).push_back(std::move(turn));
    }
    give();
    turns = std::move(sorted);
}

}  // namespace

void add_tools_of(Value input, ToolList& tools) {
    std::size_t index = 0;
    input.elements([&](Value item) {
        const auto type = item.at("type");
        if (type.is("additional_tools") || type.is("tool_search_output")) {
            tools.add(item.at("tools"), "input[" + std::to_string(index) + "].tools");
        }
        ++index;
    });
}

std::optional<Problem> read_input(Value input, const ToolList& tools, Talk& talk) {
    auto problem = Reader(tools, talk).run(input);
    if (problem) return problem;
    put_results_first(talk.turns);
    merge_turns(talk.turns);
    if (talk.turns.empty() && input.is_string()) return unsupported("there is nothing in input");
    if (talk.turns.empty() && talk.system.empty()) return bad("there is nothing in input");
    return std::nullopt;
}

}  // namespace understudy::dialects::responses
