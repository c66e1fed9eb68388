#include "wire/member_names.hpp"

#include <array>

namespace understudy::wire {
namespace {

constexpr std::array<std::string_view, 5> kNames{"", "n", "model", "stream", "stream_options"};

bool reads_as(std::string_view key, std::string_view name) noexcept {
    constexpr std::string_view kLongS = "\xC5\xBF";
    for (const char expected : name) {
        if (key.empty()) return false;
        const char c = key.front();
        if (expected == 's' && key.starts_with(kLongS)) {
            key.remove_prefix(kLongS.size());
            continue;
        }
        if (c != expected && !(c >= 'A' && c <= 'Z' && (c | 0x20) == expected)) return false;
        key.remove_prefix(1);
    }
    return key.empty();
}

}  // namespace

Decisive decisive_member(std::string_view key) noexcept {
    // The usual spelling, and with it nearly all members that get here, at once.
    if (key == "model") return Decisive::model;
    if (key == "stream") return Decisive::stream;
    for (std::size_t i = 1; i < kNames.size(); ++i) {
        if (reads_as(key, kNames[i])) return static_cast<Decisive>(i);
    }
    return Decisive::none;
}

bool note_decisive(Decisive member, std::string_view key, RequestFacts& facts) noexcept {
    const auto name = kNames[static_cast<std::size_t>(member)];
    const unsigned bit = 1U << static_cast<unsigned>(member);
    if (((facts.decisive & bit) != 0 || key != name) && facts.ambiguous.empty()) {
        facts.ambiguous = name;
    }
    facts.decisive |= bit;
    return key == name;
}

}  // namespace understudy::wire
