#include "dialects/grammar.hpp"

#include <string>
#include <utility>

namespace understudy::dialects {

void describe_grammar(Value grammar, Tool& tool, Talk& talk, std::string_view member) {
    const auto [syntax, definition] = grammar.pick({"syntax", "definition"});
    if (!definition.is_string()) return;
    talk.drop(member);
    std::string text(tool.description);
    if (!text.empty()) text += "\\n\\n";
    text += "The input follows this grammar";
    if (syntax.is_string()) text.append(" (").append(syntax.content()).append(1, ')');
    text.append(":\\n").append(definition.content());
    tool.description = talk.keep(std::move(text));
}

}  // namespace understudy::dialects
