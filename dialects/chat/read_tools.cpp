#include "dialects/chat/read_tools.hpp"

#include "dialects/chat/request_kinds.hpp"
#include "dialects/grammar.hpp"

#include <string>

namespace understudy::dialects::chat {
namespace {

/// The name of the tool that a choice is about, of either sort; some say it as /responses does.
std::string name_in(Value choice) {
    const auto inner = choice.at(choice.at("type").is("custom") ? "custom" : "function");
    return (inner.nothing() ? choice : inner).at("name").text();
}

/// A choice that names no tool, in a word.
std::optional<Choice::Kind> kind_of(Value word) {
    using Kind = Choice::Kind;
    if (word.is("auto")) return Kind::automatic;
    if (word.is("required") || word.is("any")) return Kind::required;
    if (word.is("none")) return Kind::none;
    return word.is("") ? std::optional(Kind::unsaid) : std::nullopt;
}

std::optional<Problem> read_tool(Value value, const std::string& where, Talk& talk) {
    if (auto problem = check_kinds(value, kTool, where)) return problem;
    const auto type = value.at("type");
    Tool tool;
    tool.custom = type.is("custom");
    if (!tool.custom && !type.nothing() && !type.is("function")) {
        return unsupported("the tool " + type.text() + " is run by its own provider");
    }
    const auto function = value.at(tool.custom ? "custom" : "function");
    if (auto problem = check_kinds(function, kFunction, where + ".function")) return problem;
    tool.name = function.at("name").text();
    tool.description = function.at("description").content();
    tool.schema = function.at("parameters");
    tool.strict = function.at("strict").is_true();
    if (tool.custom) {
        const auto grammar = function.at("format").at("grammar");
        describe_grammar(grammar, tool, talk, "tools[].custom.format");
    }
    tool.cache = value.at("cache_control");
    if (tool.name.empty()) return bad(where + " has no name");
    talk.tools.push_back(std::move(tool));
    return std::nullopt;
}

// Some of the tools; what is named and not there allows nothing.
std::optional<Problem> read_allowed(Value value, Choice& choice) {
    const auto [mode, tools] = value.pick({"mode", "tools"});
    if (!tools.is_array()) return bad("tool_choice.allowed_tools.tools is no list");
    choice.kind = mode.is("required") ? Choice::Kind::required : Choice::Kind::automatic;
    bool named = true;
    tools.elements([&](Value one) {
        choice.allowed.push_back(name_in(one));
        named = named && !choice.allowed.back().empty();
    });
    if (!named) return bad("tool_choice.allowed_tools: one of them names no tool");
    if (choice.allowed.empty()) return bad("tool_choice.allowed_tools.tools is empty");
    return std::nullopt;
}

}  // namespace

std::optional<Problem> read_tools(Value list, Talk& talk) {
    std::optional<Problem> problem;
    std::size_t index = 0;
    list.elements([&](Value one) {
        if (!problem) problem = read_tool(one, "tools[" + std::to_string(index++) + "]", talk);
    });
    return problem;
}

std::optional<Problem> read_choice(Value value, Talk& talk) {
    using Kind = Choice::Kind;
    auto& choice = talk.choice;
    const auto type = value.at("type");
    const bool named = type.nothing() && value.at("function").is_object();
    if (const auto kind = kind_of(type.is_string() ? type : value)) {
        choice.kind = *kind;
    } else if (named || type.is("function") || type.is("custom")) {
        choice.kind = Kind::named;
        choice.name = name_in(value);
        if (choice.name.empty()) return bad("tool_choice names no tool");
    } else if (type.is("allowed_tools")) {
        return read_allowed(value.at("allowed_tools"), choice);
    } else if (type.is_string()) {
        return unsupported("tool_choice of type " + type.text() +
                           " is known to its own provider only");
    } else {
        return bad("tool_choice is none that is known");
    }
    return std::nullopt;
}

}  // namespace understudy::dialects::chat
