#include "dialects/messages/messages.hpp"
#include "dialects/messages/read_blocks.hpp"
#include "dialects/messages/request_kinds.hpp"
#include "dialects/object.hpp"
#include "dialects/tool_forms.hpp"

#include <span>

namespace understudy::dialects::messages {
namespace {

class Reader {
  public:
    Reader(Value body, Talk& talk) : body_(body), talk_(talk) {}
    std::optional<Problem> run();

  private:
    void member(std::string_view key, Value value);
    bool limits(std::string_view key, Value value);
    void message(Value one, std::size_t index);
    void content(Value value, const std::string& where, BlockPlace place,
                 std::vector<Block>& blocks) {
        if (auto problem = read_blocks(value, where, place, talk_, blocks)) {
            refuse(std::move(*problem));
        }
    }
    template <class Members>  // a Value or an Object
    bool right(const Members& object, std::span<const Expected> table, std::string_view where) {
        if (auto problem = check_kinds(object, table, where)) refuse(std::move(*problem));
        return !problem_;
    }
    void tool(Value value);
    void hosted(const std::string& type);
    void choice(Value value);
    void thinking(Value value);
    void output(Value value);
    void format(Value value, std::string_view where);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    const Object body_;
    Talk& talk_;
    std::optional<Problem> problem_;
};

std::optional<Problem> Reader::run() {
    if (!right(body_, kBody, {})) return problem_;
    body_.members([this](std::string_view key, Value value) { member(key, value); });
    if (!problem_ && !body_.at("messages").is_array()) {
        refuse(bad("messages is missing, or no list"));
    }
    if (auto problem = check_choice(talk_)) refuse(std::move(*problem));
    return problem_;
}

bool Reader::limits(std::string_view key, Value value) {
    if (key == "max_tokens" && value.is_number() && value.number() == 0) {
        refuse(unsupported("max_tokens: 0 asks for no answer, and no other API takes that"));
    } else if (key == "max_tokens") {
        if (auto problem = check_limit(key, value)) refuse(std::move(*problem));
        talk_.max_tokens = value;
    } else if (key == "temperature") {
        talk_.temperature = value;
    } else if (key == "top_p") {
        talk_.top_p = value;
    } else if (key == "top_k") {
        talk_.top_k = value;
    } else if (key == "stop_sequences") {
        value.elements([&](Value one) {
            if (!one.is_string()) return refuse(bad("stop_sequences: one of them is no text"));
            talk_.stop.push_back(one.content());
        });
    } else {
        return false;
    }
    return true;
}

void Reader::member(std::string_view key, Value value) {
    if (value.nothing() || key == "model" || limits(key, value)) return;
    if (key == "messages") {
        std::size_t index = 0;
        value.elements([&](Value one) { message(one, index++); });
        if (value.is_array() && index == 0) refuse(bad("messages is empty"));
    } else if (key == "system") {
        content(value, "system", BlockPlace::system, talk_.system);
        // A client's own line on what it is, which changes with every prompt: in front of
        // everything else it would empty a provider's cache each time.
        std::erase_if(talk_.system, [](const Block& block) {
            return block.content.starts_with("x-anthropic-billing-header:");
        });
    } else if (key == "stream") {
        talk_.stream = value.is_true();
    } else if (key == "tools") {
        value.elements([&](Value one) { tool(one); });
    } else if (key == "tool_choice") {
        choice(value);
    } else if (key == "thinking") {
        thinking(value);
    } else if (key == "output_config") {
        output(value);
    } else if (key == "output_format") {  // as the beta of it had it; the other one wins
        if (!body_.at("output_config").at("format").is_object()) format(value, key);
    } else if (key == "metadata") {
        if (!right(value, kMetadata, key)) return;
        value.members([this](std::string_view name, Value one) {
            if (name == "user_id") {
                talk_.user = one;
            } else if (!one.nothing()) {
                talk_.drop("metadata." + std::string(name));
            }
        });
    } else if (key == "mcp_servers" && value.is_array() && value.empty()) {
        return;
    } else if (key == "container" || key == "mcp_servers") {
        refuse(unsupported(std::string(key) + " is known to its own provider only"));
    } else {
        talk_.drop(key);
    }
}

void Reader::message(Value one, std::size_t index) {
    const std::string where = "messages[" + std::to_string(index) + "]";
    const auto role = one.at("role");
    Turn turn;
    if (role.is("assistant")) {
        turn.role = Role::assistant;
    } else if (role.is("system")) {
        turn.role = Role::system;
    } else if (!role.is("user")) {
        refuse(bad(where + ".role is none of user, assistant and system"));
        return;
    }
    const auto place = turn.role == Role::assistant ? BlockPlace::assistant
                       : turn.role == Role::system  ? BlockPlace::system
                                                    : BlockPlace::user;
    content(one.at("content"), where, place, turn.blocks);
    talk_.turns.push_back(std::move(turn));
}

// With the search for tools goes the need of it: all that could be found are declared.
void Reader::hosted(const std::string& type) {
    if (type.starts_with("tool_search_tool")) return talk_.drop("tools[]." + type);
    refuse(unsupported("the tool " + type + " is run by its own provider"));
}

void Reader::tool(Value value) {
    if (!right(value, kTool, "a tool")) return;
    const auto form = tool_form(value);
    if (form.hosted) return hosted(value.at("type").text());
    const auto& definition = form.definition;
    if (form.wrapped && !right(definition, kTool, "a tool.function")) return;
    const auto [name, description, strict] = definition.pick({"name", "description", "strict"});
    Tool tool;
    tool.name = name.text();
    tool.description = description.content();
    tool.schema = form.schema;
    tool.strict = strict.is_true();
    tool.cache = value.at("cache_control");
    if (tool.name.empty()) {
        refuse(bad("a tool has no name"));
        return;
    }
    name_lost_members(definition, talk_);
    talk_.tools.push_back(std::move(tool));
}

void Reader::choice(Value value) {
    if (!right(value, kChoice, "tool_choice")) return;
    ChoiceForm form;
    if (auto problem = read_choice_form(value, form)) return refuse(std::move(*problem));
    if (form.some) return refuse(unsupported("tool_choice of some tools"));
    auto& choice = talk_.choice;
    choice.kind = form.kind;
    if (form.one_at_a_time) choice.parallel = false;
    if (form.kind != Choice::Kind::named) return;
    choice.name = form.named.at("name").text();
    if (choice.name.empty()) refuse(bad("tool_choice.name is missing"));
}

void Reader::thinking(Value value) {
    if (!right(value, kThinking, "thinking")) return;
    auto& effort = talk_.effort;
    if (value.at("type").is("disabled")) {
        effort.word = "none";
        return;
    }
    effort.show = !value.at("display").is("omitted");
    if (const auto budget = value.at("budget_tokens"); !budget.nothing()) {
        if (auto problem = check_limit("thinking.budget_tokens", budget)) {
            refuse(std::move(*problem));
        }
        effort.budget = budget.count();
    } else if (effort.word.empty()) {
        effort.word = "medium";  // adaptive; output_config may say it better
    }
}

void Reader::output(Value value) {
    if (!right(value, kOutput, "output_config")) return;
    if (const auto effort = value.at("effort"); effort.is_string()) {
        if (talk_.effort.word != "none") talk_.effort.word = effort.text();
    }
    if (const auto said = value.at("format"); said.is_object())
        format(said, "output_config.format");
    value.members([this](std::string_view key, Value one) {
        if (key == "effort" || key == "format" || one.nothing()) return;
        talk_.drop("output_config." + std::string(key));
    });
}

void Reader::format(Value value, std::string_view where) {
    if (const auto type = value.at("type"); type.is_string() && !type.is("json_schema")) {
        return refuse(unsupported(std::string(where) + " of type " + type.text() +
                                  " is known to its own provider only"));
    }
    talk_.format.kind = Format::Kind::schema;
    talk_.format.schema = value.at("schema");
    talk_.format.strict = true;
    if (!talk_.format.schema.is_object()) {
        refuse(bad(std::string(where) + ".schema is missing"));
    }
}

}  // namespace

std::optional<Problem> read_request(Value body, Talk& talk) {
    return Reader(body, talk).run();
}

}  // namespace understudy::dialects::messages
