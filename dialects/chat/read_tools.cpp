#include "dialects/chat/read_tools.hpp"

#include "dialects/chat/request_kinds.hpp"
#include "dialects/grammar.hpp"
#include "dialects/tool_forms.hpp"

#include <string>

namespace understudy::dialects::chat {
namespace {

std::string name_in(Value reference) {
    return reference_in(reference).at("name").text();
}

std::optional<Problem> read_tool(Value value, const std::string& where, Talk& talk) {
    if (auto problem = check_kinds(value, kTool, where)) return problem;
    const auto form = tool_form(value);
    if (form.hosted) {
        return unsupported("the tool " + value.at("type").text() + " is run by its own provider");
    }
    const auto& definition = form.definition;
    const auto inside = form.wrapped ? where + (form.custom ? ".custom" : ".function") : where;
    if (auto problem = check_kinds(definition, kFunction, inside)) return problem;
    const auto [name, description, strict, format, cache] =
        definition.pick({"name", "description", "strict", "format", "cache_control"});
    Tool tool;
    tool.custom = form.custom;
    tool.name = name.text();
    tool.description = description.content();
    tool.schema = form.schema;
    tool.strict = strict.is_true() || value.at("strict").is_true();
    if (tool.custom) {
        const auto grammar = format.at("grammar");
        describe_grammar(grammar.is_object() ? grammar : format, tool, talk,
                         "tools[].custom.format");
    }
    tool.cache = cache.nothing() ? value.at("cache_control") : cache;
    if (tool.name.empty()) return bad(where + " has no name");
    name_lost_members(definition, talk);
    talk.tools.push_back(std::move(tool));
    return std::nullopt;
}

// Some of the tools; what is named and not there allows nothing.
std::optional<Problem> read_allowed(Value tools, Choice& choice) {
    if (!tools.is_array()) return bad("tool_choice.allowed_tools.tools is no list");
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
    ChoiceForm form;
    if (auto problem = read_choice_form(value, form)) return problem;
    auto& choice = talk.choice;
    choice.kind = form.kind;
    if (form.one_at_a_time) choice.parallel = false;
    if (form.some) return read_allowed(form.allowed, choice);
    if (form.kind != Choice::Kind::named) return std::nullopt;
    choice.name = form.named.at("name").text();
    if (choice.name.empty()) return bad("tool_choice names no tool");
    return std::nullopt;
}

}  // namespace understudy::dialects::chat
