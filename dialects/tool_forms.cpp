#include "dialects/tool_forms.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace understudy::dialects {
namespace {

/// A choice that names no tool, in a word.
std::optional<Choice::Kind> kind_of(Value word) {
    using Kind = Choice::Kind;
    if (word.is("auto")) return Kind::automatic;
    if (word.is("required") || word.is("any")) return Kind::required;
    if (word.is("none")) return Kind::none;
    return word.is("") ? std::optional(Kind::unsaid) : std::nullopt;
}

}  // namespace

ToolForm tool_form(Value tool) {
    const auto [type, function, custom, parameters, input, input_camel] =
        tool.pick({"type", "function", "custom", "parameters", "input_schema", "inputSchema"});
    ToolForm form;
    form.named_type = type.is_string();
    form.custom = type.is("custom");
    const bool function_type = type.nothing() || type.is("") || type.is("function");
    form.hosted = !form.custom && !function_type;
    const auto wrapped = form.custom ? custom : function;
    form.wrapped = !form.hosted && !wrapped.nothing();
    form.definition = form.wrapped ? wrapped : tool;
    form.schema = parameters;
    if (form.wrapped) {
        const auto [own, theirs] = wrapped.pick({"parameters", "input_schema"});
        form.schema = own.nothing() ? theirs : own;
    } else if (form.schema.nothing()) {
        form.schema = input.nothing() ? input_camel : input;
    }
    // In Anthropic's API all tools of the client's are called custom, and have a schema.
    if (form.custom && !form.schema.nothing()) form.custom = false;
    return form;
}

void name_lost_members(Value definition, Talk& talk) {
    constexpr std::array<std::string_view, 11> kRead{
        "type",       "name",         "description", "function", "custom",       "strict",
        "parameters", "input_schema", "inputSchema", "format",   "cache_control"};
    definition.members([&](std::string_view key, Value value) {
        const bool read = std::find(kRead.begin(), kRead.end(), key) != kRead.end();
        if (!read && !value.nothing()) talk.drop("tools[]." + std::string(key));
    });
}

Value reference_in(Value named) {
    const auto [type, function, custom] = named.pick({"type", "function", "custom"});
    const auto inner = type.is("custom") ? custom : function;
    return inner.is_object() ? inner : named;
}

std::optional<Problem> read_choice_form(Value choice, ChoiceForm& form) {
    using Kind = Choice::Kind;
    const auto [type, function, name, one_by_one] =
        choice.pick({"type", "function", "name", "disable_parallel_tool_use"});
    form.one_at_a_time = one_by_one.is_true();
    const bool untyped = type.nothing() && (function.is_object() || name.is_string());
    if (const auto kind = kind_of(type.is_string() ? type : choice)) {
        form.kind = *kind;
    } else if (untyped || type.is("function") || type.is("tool") || type.is("custom")) {
        form.kind = Kind::named;
        form.named = reference_in(choice);
    } else if (type.is("allowed_tools")) {
        const auto inner = choice.at("allowed_tools");
        const auto [mode, tools] = (inner.is_object() ? inner : choice).pick({"mode", "tools"});
        form.kind = mode.is("required") ? Kind::required : Kind::automatic;
        form.allowed = tools;
        form.some = true;
    } else if (type.is_string()) {
        return unsupported("tool_choice of type " + type.text() +
                           " is known to its own provider only");
    } else {
        return bad("tool_choice is none that is known");
    }
    return std::nullopt;
}

}  // namespace understudy::dialects
