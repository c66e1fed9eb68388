#include "proxy/rescue/overlap.hpp"

#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/lead_in.hpp"
#include "proxy/rescue/letters.hpp"

#include <algorithm>
#include <vector>

namespace understudy::proxy::rescue {
namespace {

constexpr std::size_t kNoAccidentBytes = 40;
constexpr std::size_t kNoAccidentWords = 5;
constexpr std::size_t kTellingBytes = 10;  // of the last words, to be known at the front
constexpr std::size_t kLeastQuoted = 12;   // of the last words, to be known behind an introduction
constexpr std::size_t kLeastWord = 3;      // bytes of a word that says something by itself
constexpr std::size_t kHeadBytes = 200;    // in which an introduction has to end

/// A text with every run of white space as one space, and where each byte of it ends in the text.
struct Flat {
    std::string text;
    std::vector<std::size_t> end;

    explicit Flat(std::string_view from, std::size_t base = 0) {
        text.reserve(from.size());
        end.reserve(from.size());
        for (std::size_t i = 0; i < from.size(); ++i) {
            const bool space = is_space(from[i]);
            if (space && !text.empty() && text.back() == ' ') {
                end.back() = base + i + 1;
                continue;
            }
            text += space ? ' ' : from[i];
            end.push_back(base + i + 1);
        }
    }
};

std::string_view tail_of(std::string_view sent) noexcept {
    std::size_t from = sent.size() - std::min(sent.size(), kTailBytes);
    while (from < sent.size() && (static_cast<unsigned char>(sent[from]) & 0xC0U) == 0x80U) ++from;
    return sent.substr(from);
}

bool ends_before(std::string_view sent, std::size_t end, std::string_view part) noexcept {
    return sent.substr(0, end).find(part) != std::string_view::npos;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

/// Same text; the first letter may have become a capital.
bool same_start(std::string_view text, std::string_view part) noexcept {
    const std::size_t common = std::min(text.size(), part.size());
    if (common == 0) return true;
    const bool may_fold = part.size() >= kLeastQuoted;
    const bool first = text[0] == part[0] || (may_fold && lower(text[0]) == lower(part[0]));
    return first && text.substr(1, common - 1) == part.substr(1, common - 1);
}

/// One comparison: what was sent, flat, against a head from some start on.
struct Match {
    std::size_t bytes = 0;   // of the head, with what stands before the start
    std::size_t length = 0;  // of what matched, flat
    bool pending = false;    // a longer one may be on its way
    std::string_view marks;  // that stand before it
};

/// Whether a match of one word, or of none, is the beginning of something else: "the" of "then",
/// the first dot of an ellipsis.
bool is_chance(std::string_view sent, std::string_view part, std::string_view behind) {
    const auto next = letter_of(character_at(behind, 0).code);
    if (count_words(part) == 0) return !behind.empty() && behind.front() == part.back();
    const bool one_word = first_word(part).size() == part.size();
    if (!one_word || next != Letter::word) return false;
    return is_known_word(sent.substr(0, sent.size() - part.size()), part);
}

/// Whether it says something that the last words come again in `part`: an apology may also begin
/// with "It" or "I can". What is long does, and a word that is neither common nor stands in the
/// text elsewhere.
bool is_telling(std::string_view sent, std::string_view part) {
    if (part.size() >= kTellingBytes) return true;
    const auto before = sent.substr(0, sent.size() - part.size());
    for (std::size_t at = 0; at < part.size(); at += character_at(part, at).bytes) {
        const auto rest = part.substr(at);
        const Character here = character_at(rest, 0);
        const bool dense = letter_of(here.code) == Letter::dense;
        const auto word = dense ? rest.substr(0, here.bytes) : first_word(rest);
        if (word.size() < kLeastWord || !begins_word(part, at)) continue;
        if (!is_known_word(before, lowered(word)) && !has_word(before, word)) return true;
    }
    return false;
}

Match match_from(std::string_view sent, const Flat& tail, std::string_view head, std::size_t start,
                 bool last) {
    Match match;
    const Flat flat(head.substr(start), start);
    if (flat.text.empty()) {
        match.pending = !last;
        return match;
    }
    for (std::size_t p = 0; p < tail.text.size(); ++p) {
        const bool whole_tail = sent.size() > kTailBytes && p == 0;  // may be half a word
        if (whole_tail || !begins_word(tail.text, p)) continue;
        const auto part = std::string_view(tail.text).substr(p);
        if (!same_start(flat.text, part)) continue;
        if (flat.text.size() < part.size()) {
            match.pending |= !last;
            continue;
        }
        const std::size_t end = flat.end[part.size() - 1];
        // What follows says whether it is one.
        if (end == head.size() && !last) match.pending = true;
        if (is_chance(sent, part, head.substr(end))) continue;
        if (p > 0 && !is_telling(sent, part)) continue;  // at 0 it is all that was sent
        match.bytes = end;
        match.length = part.size();
        break;  // the longest comes first
    }
    return match;
}

/// Whether what stands before `at` announces something: a colon, a quote, a mark.
bool is_announced(std::string_view text, std::size_t at) {
    while (at > 0 && text[at - 1] == ' ') --at;
    const auto before = character_before(text, at).code;
    return std::u32string_view(U":\"'`>*\u201C\u2018\u00AB\u2014").find(before) !=
           std::u32string_view::npos;
}

/// The last words, quoted behind an introduction.
Match match_quoted(const Flat& tail, std::string_view head, bool last) {
    Match match;
    const std::string_view told = tail.text;
    if (told.size() < kLeastQuoted) return match;
    const Flat flat(head);
    const std::string_view least = told.substr(told.size() - kLeastQuoted);
    const auto found = std::string_view(flat.text).find(least);
    if (found == std::string_view::npos) return match;
    // As far back as it is the same; there something has to announce it.
    std::size_t length = kLeastQuoted;
    std::size_t begin = found;
    while (begin > 0 && length < told.size() &&
           flat.text[begin - 1] == told[told.size() - length - 1]) {
        --begin;
        ++length;
    }
    const bool lined = begin > 0 && head[flat.end[begin - 1] - 1] == '\n';
    while (begin < found && flat.text[begin] == ' ') ++begin;
    if (!lined && !is_announced(flat.text, begin)) return match;
    match.bytes = flat.end[found + kLeastQuoted - 1];
    match.length = length;
    match.marks = marks_at_end(head.substr(0, begin > 0 ? flat.end[begin - 1] : 0));
    match.pending = match.bytes == head.size() && !last;
    return match;
}

/// Leaves out what closes, right behind the repetition, what was opened in front of it: only that
/// was put in marks. Not a mark that closes what the client's own text has open. False: what comes
/// next may make it one.
bool close_wrappers(std::string_view sent, std::string_view head, Overlap& overlap) {
    auto& open = overlap.wrappers;
    while (!open.empty()) {
        const auto rest = head.substr(overlap.bytes);
        Wrapper inner = open.back();
        if (inner.may_become(rest)) return false;
        const auto closing = inner.at_front(rest);
        if (closing == 0) break;
        inner.note(sent);
        if (inner.text_has_open()) break;
        overlap.bytes += closing;
        open.pop_back();
    }
    return true;
}

}  // namespace

bool repeats_itself(std::string_view text) {
    // The longest proper border (Knuth, Morris, Pratt) tells the smallest period.
    std::vector<std::size_t> border(text.size() + 1, 0);
    for (std::size_t i = 1, k = 0; i < text.size(); ++i) {
        while (k > 0 && text[i] != text[k]) k = border[k];
        if (text[i] == text[k]) ++k;
        border[i + 1] = k;
    }
    return text.size() - border[text.size()] <= text.size() / 2;
}

Overlap accidental_overlap(std::string_view sent, std::string_view head) {
    Overlap overlap;
    overlap.settled = true;
    const auto tail = tail_of(sent);
    for (std::size_t p = 0; p + kNoAccidentBytes <= tail.size(); ++p) {
        const auto part = tail.substr(p);
        if (part.substr(0, head.size()) != head.substr(0, part.size())) continue;
        const std::size_t at = sent.size() - part.size();
        if (!begins_word(sent, at) || count_words(part) < kNoAccidentWords) continue;
        if (repeats_itself(part) || ends_before(sent, at + part.size() - 1, part)) continue;
        if (head.size() < part.size()) {
            overlap.settled = false;
            continue;
        }
        overlap.bytes = part.size();
        overlap.repeated = true;
        break;
    }
    return overlap;
}

Overlap instructed_overlap(std::string_view sent, std::string_view head, bool last) {
    const Flat tail(tail_of(sent));
    Match best;
    bool pending = false;
    for (const std::size_t lead : lead_ins(sent, head)) {
        const Match match = match_from(sent, tail, head, lead, last);
        pending |= match.pending;
        if (match.length <= best.length) continue;
        best = match;
        best.marks = head.substr(0, lead);
    }
    // One word may also be the beginning of an introduction.
    if (best.length < kTellingBytes) {
        pending |= head.size() < kHeadBytes && !last;
        const Match later = match_quoted(tail, head, last);
        if (later.length > best.length) {
            best = later;
            pending = later.pending;
        }
    }
    Overlap overlap;
    overlap.bytes = best.bytes;
    overlap.repeated = best.length > 0;
    overlap.wrappers = opened_in(best.marks);
    pending |= !close_wrappers(sent, head, overlap);
    overlap.settled = last || !pending;
    return overlap;
}

}  // namespace understudy::proxy::rescue
