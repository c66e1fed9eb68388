#include "wire/asked_for.hpp"

#include "wire/answer_traits.hpp"

#include <initializer_list>

namespace understudy::wire {
namespace {

using Json = nlohmann::json;

/// The first of several spellings that is there.
const Json* any_of(const Json& object, std::initializer_list<const char*> keys) {
    for (const char* const key : keys) {
        if (const auto* found = member_of(object, key)) return found;
    }
    return nullptr;
}

void add_tool(AskedFor& asked, const Json& tool, const Json* schema) {
    const auto name = text_of(tool, "name");
    if (!name.empty()) asked.tools.insert_or_assign(std::string(name), schema ? *schema : Json());
}

/// {"type": "json_schema", ...}: the schema stands at `schema`.
void take_format(AskedFor& asked, const Json& format, const Json* schema) {
    const auto type = text_of(format, "type");
    if (type == "json_object") asked.json = asked.object = true;
    if (type != "json_schema") return;
    asked.json = true;
    if (schema != nullptr) asked.schema = *schema;
}

void take_chat_tool(AskedFor& asked, const Json& tool) {
    const auto type = text_of(tool, "type");
    if (const auto* function = member_of(tool, "function")) {
        add_tool(asked, *function, member_of(*function, "parameters"));
    } else if (const auto* custom = member_of(tool, "custom")) {
        add_tool(asked, *custom, nullptr);
    } else if (!type.empty()) {
        asked.other_tools = true;
    }
}

void take_chat(AskedFor& asked, std::string_view key, const Json& value) {
    if (key == "response_format") {
        const auto* const wrapped = member_of(value, "json_schema");
        take_format(asked, value, wrapped ? member_of(*wrapped, "schema") : nullptr);
    } else if (key == "tools" && value.is_array()) {
        for (const auto& tool : value) take_chat_tool(asked, tool);
    } else if (key == "functions" && value.is_array()) {  // before there were tools
        for (const auto& function : value) {
            add_tool(asked, function, member_of(function, "parameters"));
        }
    }
}

void take_responses(AskedFor& asked, std::string_view key, const Json& value) {
    if (key == "text") {
        const auto* const format = member_of(value, "format");
        if (format != nullptr) take_format(asked, *format, member_of(*format, "schema"));
    } else if (key == "tools" && value.is_array()) {
        for (const auto& tool : value) {
            const auto type = text_of(tool, "type");
            if (type == "function" || type == "custom") {
                add_tool(asked, tool, member_of(tool, "parameters"));
            } else {
                asked.other_tools = true;  // a connector or a search may bring functions with it
            }
        }
    }
}

/// Anthropic's own tools have a name and no schema.
void take_messages(AskedFor& asked, std::string_view key, const Json& value) {
    if (key == "output_format") {
        take_format(asked, value, member_of(value, "schema"));
    } else if (key == "output_config") {
        const auto* const format = member_of(value, "format");
        if (format != nullptr) take_format(asked, *format, member_of(*format, "schema"));
    } else if (key == "tools" && value.is_array()) {
        for (const auto& tool : value) {
            add_tool(asked, tool, member_of(tool, "input_schema"));
            if (text_of(tool, "name").empty()) asked.other_tools = true;
        }
    }
}

void take_gemini_tool(AskedFor& asked, const Json& tool) {
    const auto* const functions = any_of(tool, {"functionDeclarations", "function_declarations"});
    if (functions == nullptr || !functions->is_array()) return;
    for (const auto& function : *functions) {
        add_tool(
            asked, function,
            any_of(function, {"parametersJsonSchema", "parameters_json_schema", "parameters"}));
    }
}

void take_gemini(AskedFor& asked, std::string_view key, const Json& value) {
    if (key == "tools" && value.is_array()) {
        for (const auto& tool : value) take_gemini_tool(asked, tool);
    } else if (key == "generationConfig" || key == "generation_config") {
        const auto* const type = any_of(value, {"responseMimeType", "response_mime_type"});
        if (type == nullptr || *type != "application/json") return;
        asked.json = true;
        const auto* const schema =
            any_of(value, {"responseJsonSchema", "_responseJsonSchema", "response_json_schema",
                           "responseSchema", "response_schema"});
        if (schema != nullptr) asked.schema = *schema;
    }
}

/// A schema is text there.
void take_converse(AskedFor& asked, std::string_view key, const Json& value) {
    if (key == "toolConfig") {
        const auto* const tools = member_of(value, "tools");
        if (tools == nullptr || !tools->is_array()) return;
        for (const auto& tool : *tools) {
            const auto* const spec = member_of(tool, "toolSpec");
            if (spec == nullptr) continue;
            const auto* const schema = member_of(*spec, "inputSchema");
            add_tool(asked, *spec, schema ? member_of(*schema, "json") : nullptr);
        }
    } else if (key == "outputConfig") {
        const auto* const format = member_of(value, "textFormat");
        if (format == nullptr || text_of(*format, "type") != "json_schema") return;
        asked.json = true;
        const auto* const structure = member_of(*format, "structure");
        const auto* const wrapped = structure ? member_of(*structure, "jsonSchema") : nullptr;
        if (wrapped == nullptr) return;
        auto schema = Json::parse(text_of(*wrapped, "schema"), nullptr, false);
        if (!schema.is_discarded()) asked.schema = std::move(schema);
    }
}

/// Whether the member matters at all: the conversation, which is most of a body, is not parsed.
bool is_read(std::string_view key) {
    return key == "response_format" || key == "tools" || key == "functions" || key == "text" ||
           key == "output_format" || key == "output_config" || key == "generationConfig" ||
           key == "generation_config" || key == "toolConfig" || key == "outputConfig";
}

}  // namespace

const Json* member_of(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

std::string_view text_of(const Json& object, const char* key) {
    const auto* const found = member_of(object, key);
    if (found == nullptr || !found->is_string()) return {};
    return found->get_ref<const std::string&>();
}

AskedFor asked_for(AnswerShape shape, std::string_view body, const RequestFacts& facts) {
    AskedFor asked;
    const auto dialect = traits_of(shape).dialect;
    for (const auto& member : facts.members) {
        const auto token = member.key.of(body);
        const auto key = token.substr(1, token.size() - 2);  // nobody escapes these
        if (!is_read(key)) continue;
        const auto value = Json::parse(member.value.of(body), nullptr, false);
        if (value.is_discarded()) continue;
        if (dialect == Dialect::responses) {
            take_responses(asked, key, value);
        } else if (dialect == Dialect::messages) {
            take_messages(asked, key, value);
        } else if (dialect == Dialect::gemini) {
            take_gemini(asked, key, value);
        } else if (dialect == Dialect::converse) {
            take_converse(asked, key, value);
        } else if (shape == AnswerShape::chat) {
            take_chat(asked, key, value);
        }
    }
    return asked;
}

}  // namespace understudy::wire
