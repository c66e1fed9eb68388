#include "dialects/gemini/objects.hpp"

#include <algorithm>

namespace understudy::dialects::gemini {
namespace {

/// A double keeps fifteen digits of a number whatever they are.
bool has_long_number(std::string_view text) {
    constexpr std::size_t kExact = 15;
    std::size_t digits = 0;
    return std::any_of(text.begin(), text.end(), [&](char c) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        return digits > kExact;
    });
}

/// Members that are no members of the result, but say what it is.
bool has_meaning(std::string_view object) {
    bool found = false;
    Value::of(object).members([&](std::string_view key, Value) {
        found = found || key == "output" || key == "error" || key == "result";
    });
    return found;
}

}  // namespace

std::string result_object(std::string_view content, bool is_error) {
    std::string out;
    if (!is_error && content.find('{') != std::string_view::npos) {
        auto text = unescaped(content);
        if (is_object_text(text) && !has_long_number(text) && !has_meaning(text)) return text;
    }
    Writer(out).open('{').key(is_error ? "error" : "output").content(content).close('}');
    return out;
}

}  // namespace understudy::dialects::gemini
