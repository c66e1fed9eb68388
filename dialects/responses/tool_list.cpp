#include "dialects/responses/tool_list.hpp"

#include "dialects/grammar.hpp"
#include "dialects/tool_forms.hpp"

#include <set>

namespace understudy::dialects::responses {
namespace {

std::string prefix_of(std::string_view space) {
    return space.empty() ? std::string() : std::string(space) + "__";
}

std::string key_of(std::string_view space, std::string_view name) {
    return std::string(space).append(1, '\n').append(name);
}

/// Those without which a conversation can go on: codex declares the first two in every request.
bool may_be_dropped(std::string_view type) {
    return type == "tool_search" || type == "local_shell" || type.starts_with("web_search");
}

}  // namespace

std::string_view client_name(const Tool& tool) {
    std::string_view name = tool.name;
    const auto prefix = prefix_of(tool.space);
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    return name;
}

void ToolList::add(Value list, const std::string& where, const std::string& space) {
    if (list.nothing()) return;
    if (!list.is_array()) return refuse(bad(where + " is no list"));
    std::size_t index = 0;
    list.elements(
        [&](Value tool) { one(tool, where + "[" + std::to_string(index++) + "]", space); });
}

void ToolList::one(Value value, const std::string& where, const std::string& space) {
    const auto form = tool_form(value);
    const auto type = value.at("type");
    // Without a type it is one by what else it says.
    if (!form.named_type && (!type.nothing() || (!form.wrapped && form.schema.nothing()))) {
        return refuse(bad(where + ".type is missing, or no text"));
    }
    if (type.is("namespace")) return group(value, where);
    if (form.hosted) return hosted(type.text());
    const auto [name, description, format, strict] =
        form.definition.pick({"name", "description", "format", "strict"});
    Tool tool;
    tool.custom = form.custom;
    tool.name = name.text();
    tool.space = space;
    if (tool.name.empty()) return refuse(bad(where + ".name is missing, or no text"));
    if (!description.nothing() && !description.is_string()) {
        return refuse(bad(where + ".description is no text"));
    }
    tool.description = description.content();
    if (tool.custom) {
        const auto grammar = format.at("grammar");
        describe_grammar(grammar.is_object() ? grammar : format, tool, talk_, "tools[].format");
    } else {
        tool.schema = form.schema;
        if (!tool.schema.nothing() && !tool.schema.is_object()) {
            return refuse(bad(where + ".parameters is no object"));
        }
        tool.strict = strict.is_true();
    }
    name_lost_members(form.definition, talk_);
    put(std::move(tool));
}

void ToolList::group(Value value, const std::string& where) {
    const auto name = value.at("name");
    if (!name.is_string() || name.empty()) {
        return refuse(bad(where + ".name is missing, or no text"));
    }
    if (!value.at("description").nothing()) talk_.drop("tools[].namespace.description");
    add(value.at("tools"), where + ".tools", name.text());
}

void ToolList::hosted(const std::string& type) {
    // Codex declares it beside its own; where it stands alone, pictures are what is wanted.
    const bool aside = type == "image_generation";
    if (aside) needs_others_ = type;
    if (!aside && !may_be_dropped(type)) {
        return refuse(unsupported("the tool " + type + " is run by its own provider"));
    }
    lost_ = true;
    talk_.drop("tools[]." + type);
}

// Declared again, the later one counts.
void ToolList::put(Tool tool) {
    const auto key = key_of(tool.space, tool.name);
    const auto [at, fresh] = index_.try_emplace(key, talk_.tools.size());
    if (fresh) {
        talk_.tools.push_back(std::move(tool));
    } else {
        talk_.tools[at->second] = std::move(tool);
    }
}

void ToolList::name_all() {
    if (!needs_others_.empty() && talk_.tools.empty()) {
        return refuse(unsupported("the tool " + needs_others_ + " is run by its own provider"));
    }
    std::map<std::string_view, std::size_t> users;
    for (const auto& tool : talk_.tools) ++users[tool.name];
    std::vector<std::string> sent;
    std::set<std::string_view> taken;
    sent.reserve(talk_.tools.size());
    for (const auto& tool : talk_.tools) {
        const auto prefix = prefix_of(tool.space);
        // One that looks as if it had its group's name in front would lose it on the way back.
        const bool plain =
            prefix.empty() || (users[tool.name] == 1 && !tool.name.starts_with(prefix));
        sent.push_back(plain ? tool.name : prefix + tool.name);
        if (!taken.insert(sent.back()).second) {
            return refuse(bad("two tools have the name " + sent.back()));
        }
        const auto [at, fresh] = by_name_.try_emplace(tool.name, sent.back());
        if (!fresh) at->second.clear();
    }
    for (std::size_t i = 0; i < sent.size(); ++i) talk_.tools[i].name = std::move(sent[i]);
}

std::string ToolList::sent(std::string_view space, std::string_view name) const {
    const auto at = index_.find(key_of(space, name));
    if (at != index_.end()) return talk_.tools[at->second].name;
    if (!space.empty()) return prefix_of(space).append(name);
    // Some clients do not say the group again.
    const auto only = by_name_.find(name);
    return only == by_name_.end() || only->second.empty() ? std::string(name) : only->second;
}

std::optional<std::string> ToolList::chosen(Value choice) const {
    auto name = sent(choice.at("namespace").text(), reference_in(choice).at("name").text());
    if (talk_.tool(name) == nullptr) return std::nullopt;
    return name;
}

void ToolList::keep_allowed(Value tools) {
    if (!tools.is_array()) return refuse(bad("tool_choice.tools is no list"));
    std::set<std::string, std::less<>> allowed;
    tools.elements([&](Value one) {
        if (auto name = chosen(one)) allowed.insert(std::move(*name));
    });
    std::erase_if(talk_.tools, [&](const Tool& tool) { return !allowed.contains(tool.name); });
    index_.clear();  // of places that are others now
}

void ToolList::choose(Value value) {
    using Kind = Choice::Kind;
    auto& choice = talk_.choice;
    ChoiceForm form;
    if (!value.nothing()) {
        if (auto problem = read_choice_form(value, form)) return refuse(std::move(*problem));
    }
    choice.kind = form.kind;
    if (form.one_at_a_time) choice.parallel = false;
    if (form.some) {
        keep_allowed(form.allowed);
    } else if (form.kind == Kind::named) {
        const auto name = chosen(value);
        if (!name) return refuse(bad("tool_choice names a tool that is not in tools"));
        choice.name = *name;
    }
    if (!talk_.tools.empty()) return;
    if (choice.kind == Kind::required) {
        return refuse(lost_ ? unsupported("tool_choice asks for tools that their own provider runs")
                            : bad("tool_choice asks for a call, but there is no tool"));
    }
    choice = {};
}

}  // namespace understudy::dialects::responses
