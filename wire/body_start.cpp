#include "wire/body_start.hpp"

#include <array>

namespace understudy::wire {
namespace {

// The fields of the WHATWG's event stream format, and `error`, which llama.cpp sent in 2024.
constexpr std::array<std::string_view, 5> kFields{"data:", "event:", "id:", "retry:", "error:"};

}  // namespace

BodyStart body_start(std::string_view text) noexcept {
    constexpr std::string_view bom = "\xEF\xBB\xBF";
    if (text.starts_with(bom)) {
        text.remove_prefix(bom.size());
    } else if (bom.starts_with(text)) {
        return BodyStart::need_more;  // the empty text as well
    }
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return BodyStart::need_more;
    text.remove_prefix(first);
    switch (text.front()) {
        case '{':
            return BodyStart::json;
        case '[':
            return BodyStart::list;
        case '<':
            return BodyStart::page;
        case ':':
            return BodyStart::events;
        default:
            break;
    }
    bool may_become_one = false;
    for (const auto field : kFields) {
        if (text.starts_with(field)) return BodyStart::events;
        may_become_one = may_become_one || field.starts_with(text);
    }
    return may_become_one ? BodyStart::need_more : BodyStart::other;
}

}  // namespace understudy::wire
