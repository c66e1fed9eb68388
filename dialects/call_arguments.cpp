#include "dialects/call_arguments.hpp"

namespace understudy::dialects {

std::string arguments_object(const Block& call) {
    std::string text(call.arguments);
    if (call.arguments_escaped) text = unescaped(call.arguments);
    std::string out;
    if (call.custom) {
        Writer(out).open('{').key("input").text(text).close('}');
        return out;
    }
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
    if (blank || text == "null" || text == "\"\"") return "{}";
    if (is_object_text(text)) return text;
    Writer(out).open('{').key("rawInvalidInput").text(text).close('}');
    return out;
}

}  // namespace understudy::dialects
