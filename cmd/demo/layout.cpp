#include "cmd/demo/layout.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace understudy::demo {

Layout layout_for(std::size_t columns) {
    Layout layout;
    if (columns < kWide) return layout;
    layout.primary = 19;
    layout.tokens = 7;
    layout.cost = 9;
    layout.wide = true;
    return layout;
}

std::size_t screen_columns(const char* columns, std::size_t terminal) {
    const std::string_view text = columns == nullptr ? "" : columns;
    std::size_t said = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), said);
    if (ec == std::errc{} && end == text.data() + text.size() && said > 0) return said;
    return terminal > 0 ? terminal : kNarrow;
}

std::string cell(std::string text, std::size_t width) {
    const std::size_t longest = width > 0 ? width - 1 : 0;
    if (text.size() > longest) text.resize(longest);
    text.resize(width, ' ');
    return text;
}

}  // namespace understudy::demo
