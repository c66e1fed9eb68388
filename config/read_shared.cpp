#include "config/preset_upstream.hpp"
#include "config/read.hpp"

namespace understudy::config {

std::optional<Value> read_name(const Section& section, std::string_view expected,
                               std::string& name) {
    auto value = section.require("name", expected);
    if (!value) return std::nullopt;
    const std::string* text = value->text("a name");
    if (text == nullptr) return std::nullopt;
    if (!is_plain_name(*text)) {
        value->problem(value->shown() +
                       " is not a name: use 1 to 64 letters, digits, dots, dashes and underscores");
        return std::nullopt;
    }
    name = *text;
    return value;
}

const std::string* read_credential(const Value& value, std::string_view if_empty) {
    const std::string* text = value.text("a key, best written as ${NAME}");
    if (text == nullptr) return nullptr;
    if (text->empty()) {
        value.problem(std::string(if_empty));
        return nullptr;
    }
    if (const auto why = key_problem(*text)) {
        value.problem((value.node().referenced ? "the value of " + value.shown() + " " : "") +
                      *why);
        return nullptr;
    }
    return text;
}

}  // namespace understudy::config
