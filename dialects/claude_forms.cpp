#include "dialects/claude_forms.hpp"

namespace understudy::dialects {

std::optional<Problem> read_tool_use(Value value, const std::string& where,
                                     std::vector<Block>& blocks) {
    const auto [id, name, input, cache] = value.pick({"id", "name", "input", "cache_control"});
    if (!id.is_string() || name.content().empty())
        return bad(where + ": a tool_use has no id or no name");
    if (!input.nothing() && !input.is_object())
        return bad(where + ": the input of a tool_use is no object");
    auto& call = blocks.emplace_back(Block::Kind::call);
    call.id = id.text();
    call.name = name.text();
    call.arguments = input.is_object() ? input.raw() : std::string_view("{}");
    call.cache = cache;
    return std::nullopt;
}

}  // namespace understudy::dialects
