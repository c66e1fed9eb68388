#include "proxy/rescue/wrapping.hpp"

#include "proxy/rescue/lead_in.hpp"
#include "proxy/rescue/letters.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy::rescue {
namespace {

struct Glyph {
    std::string_view opens;
    std::array<std::string_view, 2> closes;  // the second may be empty
};

constexpr std::string_view kTag = "<last_words>";
constexpr std::array kGlyphs{
    Glyph{kTag, {"</last_words>", {}}},
    Glyph{"\"", {"\"", {}}},
    Glyph{"'", {"'", {}}},
    Glyph{"`", {"`", {}}},
    Glyph{"*", {"*", {}}},
    Glyph{"\xE2\x80\x9C", {"\xE2\x80\x9D", {}}},
    Glyph{"\xE2\x80\x98", {"\xE2\x80\x99", {}}},
    Glyph{"\xC2\xAB", {"\xC2\xBB", {}}},
    Glyph{"\xE2\x80\x9E", {"\xE2\x80\x9C", "\xE2\x80\x9D"}},  // German; Polish
};
constexpr std::size_t kFence = 3;  // backticks
constexpr std::uint32_t kApostrophe = 0x2019;

const Glyph* glyph_at(std::string_view text) noexcept {
    const auto* const found = std::find_if(kGlyphs.begin(), kGlyphs.end(), [&](const Glyph& glyph) {
        return text.starts_with(glyph.opens);
    });
    return found == kGlyphs.end() ? nullptr : found;
}

const Glyph* glyph_before(std::string_view text) noexcept {
    const auto* const found = std::find_if(kGlyphs.begin(), kGlyphs.end(), [&](const Glyph& glyph) {
        return text.ends_with(glyph.opens);
    });
    return found == kGlyphs.end() ? nullptr : found;
}

bool is_letter(std::uint32_t code) noexcept {
    const auto letter = letter_of(code);
    return letter == Letter::word || letter == Letter::dense;
}

}  // namespace

Wrapper::Kind Wrapper::kind_of(std::string_view glyph, std::size_t count) noexcept {
    if (glyph == kTag) return Kind::tag;
    if (glyph == "`") return count >= kFence ? Kind::fence : Kind::run;
    if (glyph == "*") return Kind::run;
    return glyph == "\"" || glyph == "'" ? Kind::quote : Kind::pair;
}

Wrapper::Wrapper(std::string_view glyph, std::size_t count)
    : kind_(kind_of(glyph, count)),
      count_(count),
      opening_(character_at(glyph, 0).code),
      may_be_apostrophe_(glyph == "'" || glyph == "\xE2\x80\x98") {
    const Glyph* const known = glyph_at(glyph);
    for (const std::string_view one : known->closes) {
        if (one.empty()) continue;
        std::string closing;
        for (std::size_t i = 0; i < count; ++i) closing += one;
        closing_.push_back(std::move(closing));
        closers_.push_back(character_at(one, 0).code);
    }
}

void Wrapper::note(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Character next = character_at(text, at);
        note(next.code);
        at += next.bytes;
    }
}

void Wrapper::note(std::uint32_t code) noexcept {
    switch (kind_) {
        case Kind::quote:
        case Kind::pair:
            if (may_be_apostrophe_) return note_apostrophe(code);
            open_ += weight_of(code);
            return;
        case Kind::run:
            return note_run(code);
        case Kind::fence:
            return note_fence(code);
        case Kind::tag:
            return;
    }
}

int Wrapper::weight_of(std::uint32_t code) const noexcept {
    if (code == opening_) return 1;
    const bool closes = std::find(closers_.begin(), closers_.end(), code) != closers_.end();
    return kind_ == Kind::pair && closes ? -1 : 0;
}

/// The one of "don't" is no mark: letters stand on both sides of it.
void Wrapper::note_apostrophe(std::uint32_t code) noexcept {
    if (undecided_ != 0 && !is_letter(code)) open_ += undecided_;
    undecided_ = 0;
    const bool apostrophe = code == '\'' || code == kApostrophe;
    if (apostrophe && behind_letter_) {
        undecided_ = weight_of(code);
    } else {
        open_ += weight_of(code);
    }
    behind_letter_ = is_letter(code);
}

void Wrapper::note_run(std::uint32_t code) noexcept {
    if (code == opening_) {
        ++run_;
        return;
    }
    if (run_ == count_) ++open_;
    run_ = 0;
}

void Wrapper::note_fence(std::uint32_t code) noexcept {
    const bool mark = code == opening_ && line_begins_;
    const bool indented = code < 0x80 && is_space(static_cast<char>(code)) && run_ == 0;
    run_ = mark ? run_ + 1 : 0;
    if (run_ == kFence) ++open_;
    line_begins_ = code == '\n' || (line_begins_ && (indented || (mark && run_ < kFence)));
}

bool Wrapper::text_has_open() const noexcept {
    const auto open = open_ + undecided_ + (kind_ == Kind::run && run_ == count_ ? 1 : 0);
    return kind_ == Kind::pair ? open > 0 : open % 2 != 0;
}

std::size_t Wrapper::at_front(std::string_view text) const noexcept {
    for (const auto& closing : closing_) {
        if (text.starts_with(closing)) return closing.size();
    }
    return 0;
}

std::size_t Wrapper::at_end(std::string_view text) const noexcept {
    for (const auto& closing : closing_) {
        if (text.ends_with(closing)) return closing.size();
    }
    return 0;
}

bool Wrapper::may_become(std::string_view text) const noexcept {
    return std::any_of(closing_.begin(), closing_.end(), [text](std::string_view closing) {
        return text.size() < closing.size() && closing.starts_with(text);
    });
}

std::string_view marks_at_end(std::string_view introduction) noexcept {
    const auto text = introduction.substr(0, introduction.size() - trailing_space(introduction));
    std::size_t at = text.size();
    if (introduction.substr(at).find('\n') != std::string_view::npos) {
        // What stands on a line of its own opens a block, or it is the introduction's own.
        const auto line = at == 0 ? 0 : text.rfind('\n') + 1;  // without one: 0
        const auto fence = line + leading_space(introduction.substr(line));
        const bool opens = fence_line(introduction.substr(fence)) > 0;
        return introduction.substr(opens ? fence : introduction.size());
    }
    while (const Glyph* const glyph = glyph_before(text.substr(0, at))) at -= glyph->opens.size();
    return introduction.substr(at);
}

std::vector<Wrapper> opened_in(std::string_view skipped) {
    std::vector<Wrapper> opened;
    for (std::size_t at = 0; at < skipped.size();) {
        const auto rest = skipped.substr(at);
        const Glyph* const glyph = glyph_at(rest);
        if (glyph == nullptr) {
            ++at;
            continue;
        }
        const bool same = glyph->closes.front() == glyph->opens;
        std::size_t count = 1;
        while (same && rest.substr(count * glyph->opens.size()).starts_with(glyph->opens)) ++count;
        opened.emplace_back(glyph->opens, count);
        const auto line = fence_line(rest);
        at += line > 0 ? line : count * glyph->opens.size();
    }
    return opened;
}

std::size_t closing_from(std::string_view text, const std::vector<Wrapper>& wrappers) noexcept {
    std::size_t from = text.size();
    for (std::size_t at = 0; at < text.size();) {
        const auto rest = text.substr(at);
        std::size_t bytes = 0;
        for (const Wrapper& wrapper : wrappers) {
            bytes = std::max(bytes, wrapper.at_front(rest));
            if (wrapper.may_become(rest)) bytes = rest.size();
        }
        if (bytes > 0) {
            from = std::min(from, at);
        } else if (!is_space(text[at])) {
            from = text.size();
        }
        at += std::max<std::size_t>(bytes, 1);
    }
    return from;
}

std::string_view without_closing(std::string_view end, const std::vector<Wrapper>& wrappers) {
    std::string_view kept = end;
    for (const Wrapper& wrapper : wrappers) {  // what was opened first closes last
        const auto bare = kept.substr(0, kept.size() - trailing_space(kept));
        const auto closing = wrapper.at_end(bare);
        if (closing == 0) continue;
        const auto before = bare.substr(0, bare.size() - closing);
        Wrapper whole = wrapper;
        whole.note(before);
        if (!whole.text_has_open()) kept = before;
    }
    return kept;
}

}  // namespace understudy::proxy::rescue
