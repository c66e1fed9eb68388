// What stands between what was sent and what comes behind it.
#include "proxy/rescue/letters.hpp"
#include "proxy/rescue/overlap.hpp"
#include "wire/json_text.hpp"

#include <algorithm>

namespace understudy::proxy::rescue {
namespace {

std::size_t line_breaks(std::string_view space) noexcept {
    return static_cast<std::size_t>(std::count(space.begin(), space.end(), '\n'));
}

/// White space that was sent, and that which the continuation begins with, become one.
Joint join_space(std::string_view sent, std::string_view rest) {
    Joint joint;
    const auto space = sent.substr(sent.size() - trailing_space(sent));
    if (space.empty()) return joint;
    const auto again = rest.substr(0, leading_space(rest));
    if (again.starts_with(space)) {
        joint.skip = space.size();
        return joint;
    }
    joint.skip = again.size();
    const auto breaks = line_breaks(space);
    if (breaks > 0 && line_breaks(again) == 0) {
        // How far the line stands in, less what was sent of that; one space is no indentation.
        const auto in = space.substr(space.rfind('\n') + 1);
        if (again.size() > std::max<std::size_t>(in.size(), 1)) joint.skip = in.size();
        return joint;
    }
    if (line_breaks(again) <= breaks) return joint;
    joint.glue.assign(line_breaks(again) - breaks, '\n');
    joint.glue += again.substr(again.rfind('\n') + 1);  // how far the next line stands in
    return joint;
}

}  // namespace

Joint finish_character(std::string_view sent, std::string_view rest) {
    Joint joint;
    const auto begun = sent.substr(sent.size() - wire::unfinished_bytes(sent));
    const auto high = wire::high_half_at_end(sent);
    if (high == 0) {
        if (rest.starts_with(begun)) joint.skip = begun.size();
        return joint;
    }
    const Character next = character_at(rest, 0);
    if (next.bytes != 4 || 0xD800 + ((next.code - 0x10000) >> 10) != high) return joint;
    const std::uint32_t low = 0xDC00 + ((next.code - 0x10000) & 0x3FFU);
    joint.skip = next.bytes;
    joint.glue = {'\xED', static_cast<char>(0x80U | ((low >> 6) & 0x3FU)),
                  static_cast<char>(0x80U | (low & 0x3FU))};
    return joint;
}

Joint join_exactly(std::string_view sent, std::string_view rest) {
    const auto unfinished = wire::unfinished_bytes(sent);
    if (unfinished == 0) return join_space(sent, rest);
    // White space in front of the character has not been seen by the upstream either.
    const auto before = sent.substr(0, sent.size() - unfinished);
    const auto space = before.substr(before.size() - trailing_space(before));
    if (!rest.starts_with(space)) return {};
    Joint joint = finish_character(sent, rest.substr(space.size()));
    joint.skip += space.size();
    return joint;
}

}  // namespace understudy::proxy::rescue
