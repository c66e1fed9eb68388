// How the demo's table stands on a terminal: as wide as it helps, and never wider than the screen.
// Pure, but for asking the terminal.
#pragma once

#include <cstddef>
#include <string>

namespace understudy::demo {

/// What fits everywhere, and what is taken where nobody says how wide the screen is.
inline constexpr std::size_t kNarrow = 60;
/// With room for tokens and cost of each request.
inline constexpr std::size_t kWide = 80;

/// Columns of the table's cells; 0: that one is left out.
struct Layout {
    std::size_t kind = 7;  // "stream "
    std::size_t model = 18;
    std::size_t primary = 15;
    std::size_t answer = 12;
    std::size_t time = 6;
    std::size_t tokens = 0;
    std::size_t cost = 0;
    bool wide = false;
};

/// The layout for a screen of so many columns.
Layout layout_for(std::size_t columns);

/// Columns of the screen: what `columns` ($COLUMNS) says, else what the terminal at standard output
/// says (0: none), else kNarrow.
std::size_t screen_columns(const char* columns, std::size_t terminal);

/// Left-aligned in `width` columns, with one blank at least in front of the next cell.
std::string cell(std::string text, std::size_t width);

}  // namespace understudy::demo
