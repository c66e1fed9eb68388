#include "cmd/reconcile/csv.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace understudy::cmd::reconcile {

namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

char separator_of(std::string_view header) {
    constexpr std::array<char, 3> kSeparators{',', ';', '\t'};
    const auto count = [&](char c) { return std::count(header.begin(), header.end(), c); };
    return *std::max_element(kSeparators.begin(), kSeparators.end(),
                             [&](char a, char b) { return count(a) < count(b); });
}

/// Reads row by row.
class Reader {
  public:
    Reader(std::string_view text, char separator) : text_(text), separator_(separator) {}

    bool at_end() const { return at_ >= text_.size(); }
    /// False: a quote is not closed.
    bool row(CsvRow& out) {
        out.line = line_;
        for (;;) {
            std::string cell;
            if (!this->cell(cell)) return false;
            out.cells.push_back(std::move(cell));
            if (at_end()) return true;
            if (text_[at_++] == separator_) continue;
            if (text_[at_ - 1] == '\r' && !at_end() && text_[at_] == '\n') ++at_;
            ++line_;
            return true;
        }
    }

  private:
    bool ends_cell(char c) const { return c == separator_ || c == '\n' || c == '\r'; }

    bool cell(std::string& out) {
        if (!at_end() && text_[at_] == '"') {
            ++at_;
            if (!quoted(out)) return false;
        }
        // Behind a closing quote there should be nothing more; what there is belongs to the cell.
        while (!at_end() && !ends_cell(text_[at_])) out += text_[at_++];
        return true;
    }

    bool quoted(std::string& out) {
        for (; !at_end(); ++at_) {
            const char c = text_[at_];
            if (c == '\n') ++line_;
            if (c != '"') {
                out += c;
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
                out += text_[++at_];
            } else {
                ++at_;
                return true;
            }
        }
        return false;
    }

    std::string_view text_;
    char separator_;
    std::size_t at_ = 0, line_ = 1;
};

bool is_empty(const CsvRow& row) {
    return std::all_of(row.cells.begin(), row.cells.end(), [](const std::string& cell) {
        return cell.find_first_not_of(" \t") == std::string::npos;
    });
}

}  // namespace

std::string column_name(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const bool capital = c >= 'A' && c <= 'Z';
        if (letter) out += c;
        if (capital) out += static_cast<char>(c - 'A' + 'a');
        if (!letter && !capital && !out.empty() && out.back() != '_') out += '_';
    }
    while (!out.empty() && out.back() == '_') out.pop_back();
    return out;
}

Csv read_csv(std::string_view text) {
    Csv csv;
    if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
    while (!text.empty() && (text.front() == '\n' || text.front() == '\r')) text.remove_prefix(1);
    Reader reader(text, separator_of(text.substr(0, text.find_first_of("\r\n"))));
    while (!reader.at_end()) {
        CsvRow row;
        if (!reader.row(row)) {
            csv.error = "line " + std::to_string(row.line) + ": a quote is not closed";
            return csv;
        }
        if (is_empty(row)) continue;
        if (!csv.header.empty()) {
            csv.rows.push_back(std::move(row));
            continue;
        }
        for (const auto& cell : row.cells) csv.header.push_back(column_name(cell));
    }
    if (csv.header.empty()) csv.error = "line 1: there is no line with the names of the columns";
    return csv;
}

}  // namespace understudy::cmd::reconcile
