#include "proxy/rescue/anchor.hpp"

#include "proxy/rescue/letters.hpp"
#include "wire/json_text.hpp"

namespace understudy::proxy::rescue {
namespace {

constexpr std::size_t kAnchorBytes = 60;
constexpr std::size_t kLeastAnchor = 12;

}  // namespace

std::string_view sendable(std::string_view text) noexcept {
    text.remove_suffix(wire::unfinished_bytes(text));
    text.remove_suffix(trailing_space(text));
    return text;
}

std::string_view anchor_of(std::string_view text) noexcept {
    text = sendable(text);
    if (text.size() <= kAnchorBytes) return text;
    const std::size_t from = text.size() - kAnchorBytes;
    const std::string_view tail = text.substr(from);
    const auto line = tail.rfind('\n');
    if (line != std::string_view::npos && tail.size() - line > kLeastAnchor)
        return tail.substr(line + 1);
    const auto word = tail.find_first_of(" \t");
    if (word != std::string_view::npos && tail.size() - word > kLeastAnchor)
        return tail.substr(word + 1);
    // One long word, or a script without spaces: from a whole character on.
    std::size_t at = from;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
    return text.substr(at);
}

}  // namespace understudy::proxy::rescue
