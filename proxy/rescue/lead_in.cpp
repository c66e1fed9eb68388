#include "proxy/rescue/lead_in.hpp"

#include "proxy/rescue/letters.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy::rescue {
namespace {

constexpr std::string_view kMark = "<last_words>";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::array<std::string_view, 7> kQuotes{
    "\"", "'", "`", "\xE2\x80\x9C", "\xE2\x80\x98", "\xC2\xAB", "\xE2\x80\x9E"};
constexpr std::size_t kMostLeadIns = 6;

// The commonest words of English: one that is cut off there is whole far more often than not.
constexpr std::array<std::string_view, 40> kCommon{
    "a",    "an",   "and", "are", "as",   "at",   "be",   "but",  "by",    "can",
    "for",  "from", "had", "has", "have", "he",   "if",   "in",   "is",    "it",
    "its",  "not",  "of",  "on",  "or",   "she",  "that", "the",  "their", "then",
    "they", "this", "to",  "was", "we",   "were", "will", "with", "which", "you"};

std::size_t any_of_front(const auto& list, std::string_view text) noexcept {
    for (const std::string_view item : list) {
        if (text.starts_with(item)) return item.size();
    }
    return 0;
}

/// The next thing at the front that is not text proper.
std::size_t next_lead_in(std::string_view rest, bool in_block) noexcept {
    if (const auto space = leading_space(rest)) return space;
    if (const auto dots = ellipsis(rest)) return dots;
    if (const auto fence = in_block ? fence_line(rest) : 0) return fence;
    return rest.starts_with(kMark) ? kMark.size() : any_of_front(kQuotes, rest);
}

/// Calls on_line for each line, the last one included, which may have no end.
template <class OnLine>
void each_line(std::string_view text, OnLine&& on_line) {
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        on_line(text.substr(at, end - at));
        at = end + 1;
    }
}

}  // namespace

std::vector<std::size_t> lead_ins(std::string_view sent, std::string_view head) {
    std::vector<std::size_t> found{0};
    const bool in_block = ends_in_block(sent);
    while (found.size() < kMostLeadIns) {
        const auto bytes = next_lead_in(head.substr(found.back()), in_block);
        if (bytes == 0) break;
        found.push_back(found.back() + bytes);
    }
    return found;
}

std::size_t ellipsis(std::string_view text) noexcept {
    if (text.starts_with(kEllipsis)) return kEllipsis.size();
    const auto dots = std::min(text.find_first_not_of('.'), text.size());
    return dots >= 3 ? dots : 0;
}

std::size_t fence_line(std::string_view text) noexcept {
    if (!text.starts_with("```")) return 0;
    const auto end = text.find('\n');
    return end == std::string_view::npos ? 0 : end + 1;
}

bool ends_in_block(std::string_view text) noexcept {
    bool inside = false;
    each_line(text, [&](std::string_view line) {
        line.remove_prefix(leading_space(line));
        if (line.starts_with("```")) inside = !inside;
    });
    return inside;
}

bool is_known_word(std::string_view text, std::string_view word) noexcept {
    return std::find(kCommon.begin(), kCommon.end(), word) != kCommon.end() || has_word(text, word);
}

}  // namespace understudy::proxy::rescue
