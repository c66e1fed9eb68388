#include "dialects/gemini/proto_json.hpp"

namespace understudy::dialects::gemini {

std::string_view camel(std::string_view name, std::string& memory) {
    if (name.find('_', 1) == std::string_view::npos) return name;
    memory.clear();
    bool raise = false;
    for (const char c : name) {
        if (c == '_' && !memory.empty()) {
            raise = true;
            continue;
        }
        memory += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
        raise = false;
    }
    return memory;
}

Value member_of(Value object, std::string_view name) {
    Value found;
    members_of(object, [&](std::string_view key, Value value) {
        if (key == name) found = value;
    });
    return found;
}

Value enum_of(Value value, std::span<const std::string_view> names) {
    if (!value.is_number()) return value;
    const auto place = value.count(names.size());
    return place < names.size() ? Value(JsonKind::string, names[place]) : value;
}

Value number_of(Value value) {
    if (value.is_number()) return value;
    if (!value.is_string()) return {};
    // "inf" and the like are numbers for a protocol buffer, and for nobody else.
    wire::JsonKind kind{};
    const bool number = !wire::check_json(value.content(), kind) && kind == JsonKind::number;
    return number ? Value::of(value.content()) : Value();
}

}  // namespace understudy::dialects::gemini
