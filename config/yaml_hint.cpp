#include "config/yaml_hint.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace understudy::config {
namespace {

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

std::string number(std::size_t index) {
    return std::to_string(index + 1);
}

// Where a value may begin: at the front, or behind a separator. Elsewhere ' and " are characters.
bool opens_value(std::string_view line, std::size_t at) {
    return at == 0 || std::string_view(" \t[{,:").find(line[at - 1]) != std::string_view::npos;
}

// Which quote is open behind the lines that were read.
class Quotes {
  public:
    /// The line without its comment, and with what is quoted left out.
    std::string read(std::string_view line) {
        std::string plain;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const char c = line[i];
            if (open_ == '"' && c == '\\') {
                ++i;
            } else if (open_ != '\0') {
                if (c == open_) open_ = '\0';
            } else if ((c == '"' || c == '\'') && opens_value(line, i)) {
                open_ = c;
                plain += 'q';  // a value stands here
            } else if (c == '#' && (i == 0 || line[i - 1] == ' ')) {
                break;
            } else {
                plain += c;
            }
        }
        return plain;
    }
    bool open() const { return open_ != '\0'; }

  private:
    char open_ = '\0';
};

bool leaves_quote_open(std::string_view line) {
    Quotes quotes;
    quotes.read(line);
    return quotes.open();
}

std::size_t indent_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

bool says_nothing(std::string_view line) {
    const std::size_t at = line.find_first_not_of(" \t\r");
    return at == std::string_view::npos || line[at] == '#' || line.starts_with("---");
}

// Whether deeper lines may follow: `key:` and `-`, a comment behind them or not.
bool opens_block(std::string_view line) {
    line = line.substr(0, line.find(" #"));
    const std::size_t last = line.find_last_not_of(" \t\r");
    return last != std::string_view::npos &&
           std::string_view(":-|>,[{").find(line[last]) != std::string_view::npos;
}

// The columns in which the members of the maps and lists open so far begin.
class Columns {
  public:
    /// What is wrong with this line's place; empty where it fits.
    std::string add(std::string_view line) {
        const std::size_t column = indent_of(line);
        const bool deeper = levels_.empty() || column > levels_.back();
        if (deeper && !levels_.empty() && !open_) {
            return " is indented further than the line above it, which already has its value";
        }
        while (!levels_.empty() && levels_.back() > column) levels_.pop_back();
        if (!deeper && (levels_.empty() || levels_.back() != column)) {
            return " begins in a column in which no line above it begins";
        }
        if (deeper) levels_.push_back(column);
        std::size_t at = column;
        while (at + 1 < line.size() && line[at] == '-' && line[at + 1] == ' ') {
            at = std::min(line.find_first_not_of(' ', at + 1), line.size());
            levels_.push_back(at);
        }
        open_ = opens_block(line);
        return {};
    }

  private:
    std::vector<std::size_t> levels_;
    bool open_ = true;
};

// NAME of a value `%NAME%`, which no YAML value may begin like; empty: there is none.
std::string windows_variable(std::string_view line) {
    for (std::size_t at = line.find('%'); at != std::string_view::npos;
         at = line.find('%', at + 1)) {
        const std::size_t end = line.find('%', at + 1);
        if (end == std::string_view::npos) break;
        const auto name = line.substr(at + 1, end - at - 1);
        const bool word = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_';
        });
        if (word && opens_value(line, at)) return std::string(name);
    }
    return {};
}

std::string quote_hint(const Lines& lines, std::size_t last) {
    for (std::size_t i = 0; i <= last; ++i) {
        if (!leaves_quote_open(lines[i])) continue;
        return "; line " + number(i) + " opens a quote that is not closed there";
    }
    return {};
}

std::string indent_hint(const Lines& lines, std::size_t last) {
    Columns columns;
    for (std::size_t i = 0; i <= last; ++i) {
        if (says_nothing(lines[i])) continue;
        const std::size_t at = lines[i].find_first_not_of(' ');
        if (lines[i][at] == '\t') {
            return "; line " + number(i) + " is indented with a tab; YAML wants spaces";
        }
        const std::string why = columns.add(lines[i]);
        if (why.empty()) continue;
        return "; line " + number(i) + why +
               ": the settings of one section begin in the same column";
    }
    return {};
}

// Whether a value begins here, and not in the middle of another.
bool begins_value(std::string_view plain, std::size_t at) {
    if (!opens_value(plain, at)) return false;
    const auto before = plain.substr(0, at).find_last_not_of(" \t");
    return before == std::string_view::npos ||
           std::string_view(":-[{,").find(plain[before]) != std::string_view::npos;
}

// Values that YAML reads as something else because of how they begin.
std::string beginning_hint(std::string_view line) {
    const std::string plain = Quotes().read(line);
    for (std::size_t i = 0; i < plain.size(); ++i) {
        if (!begins_value(plain, i)) continue;
        switch (plain[i]) {
            case '*':
                return "; what begins with * is an alias in YAML: a glob needs quotes, as in "
                       "model: \"*\"";
            case '@':
            case '`':
                return std::string("; a value cannot begin with ") + plain[i] +
                       " in YAML: put it in quotes";
            case '[': {
                const std::size_t close = plain.find("]:", i);
                if (close != std::string::npos && close + 2 < plain.size() &&
                    plain[close + 2] != ' ')
                    return "; an address in brackets needs quotes, as in \"[::1]:8080\"";
                break;
            }
            default:
                break;
        }
    }
    return {};
}

// `key: value: more`.
std::string colon_hint(std::string_view line) {
    const std::string plain = Quotes().read(line);
    const std::size_t key = plain.find(": ");
    if (key == std::string::npos || plain.find_first_of("{[") != std::string::npos) return {};
    if (plain.find(": ", key + 2) == std::string::npos) return {};
    return "; a value with a colon and a space in it needs quotes";
}

}  // namespace

std::string yaml_hint(std::string_view text, int line) {
    const Lines lines = split(text);
    if (lines.empty()) return {};
    std::size_t last = lines.size() - 1;
    if (line > 0) last = std::min(last, static_cast<std::size_t>(line) - 1);
    // `{ key: ${NAME} }` is the mistake that everybody makes once: the brace of the reference ends
    // the map.
    const std::size_t at = lines[last].find("${");
    const std::size_t flow = lines[last].find_first_of("{[");
    if (at != std::string_view::npos && flow != std::string_view::npos && flow < at) {
        return "; inside { } and [ ] a reference needs quotes: \"${NAME}\"";
    }
    if (const std::string name = windows_variable(lines[last]); !name.empty()) {
        return "; %" + name + "% is Windows' form of a reference: write ${" + name +
               "} to read the environment variable, in quotes inside { } and [ ]";
    }
    if (std::string hint = quote_hint(lines, last); !hint.empty()) return hint;
    if (std::string hint = beginning_hint(lines[last]); !hint.empty()) return hint;
    // The mistake may stand below the place that the parser names, which is where a section began.
    std::string hint = indent_hint(lines, lines.size() - 1);
    return hint.empty() ? colon_hint(lines[last]) : hint;
}

int unclosed_quote(std::string_view text) {
    Quotes quotes;
    int number = 0;
    int opened = 0;
    for (const std::string_view line : split(text)) {
        ++number;
        if (!quotes.open()) opened = number;
        quotes.read(line);
    }
    return quotes.open() ? opened : 0;
}

}  // namespace understudy::config
