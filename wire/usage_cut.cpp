#include "wire/usage_cut.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

// Members that every chunk of a stream repeats (OpenAI's reference of the chat completion chunk;
// `provider` is OpenRouter's, `obfuscation` and `p` are padding that hides lengths): an event that
// has nothing else says nothing.
constexpr std::array<std::string_view, 10> kEnvelope{
    "id",           "object",   "created", "model",       "system_fingerprint",
    "service_tier", "provider", "choices", "obfuscation", "p"};

// Between the quotes, as written.
std::string_view name_of(const JsonMember& member, std::string_view data) {
    return member.key.of(data).substr(1, member.key.size() - 2);
}

bool says_something(const JsonMember& member, std::string_view data) {
    if (member.kind == JsonKind::null) return false;
    if (member.kind == JsonKind::array || member.kind == JsonKind::object) {
        const auto inside = member.value.of(data).substr(1, member.value.size() - 2);
        if (inside.find_first_not_of(" \t\r\n") == std::string_view::npos) return false;
    }
    // Written with escapes a name is none of these: then it is passed on, which loses nothing.
    const auto key = name_of(member, data);
    return std::find(kEnvelope.begin(), kEnvelope.end(), key) == kEnvelope.end();
}

}  // namespace

std::vector<Span> without_usage(std::string_view data) {
    std::vector<JsonMember> members;
    Span object;
    if (scan_object(data, members, object)) return {{0, data.size()}};
    std::vector<Span> kept;
    std::size_t from = 0;  // of what is passed on next
    bool found = false;
    bool rest = false;  // something is left that is worth an event
    bool any_kept = false;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (!key_equals(members[i].key.of(data), "usage")) {
            any_kept = true;
            rest = rest || says_something(members[i], data);
            continue;
        }
        // With the comma in front of it; the first member with the one behind it.
        found = true;
        const bool last = i + 1 == members.size();
        const std::size_t begin = any_kept ? members[i - 1].value.end : members[i].key.begin;
        const std::size_t end = any_kept || last ? members[i].value.end : members[i + 1].key.begin;
        if (begin > from) kept.push_back({from, begin});
        from = end;
    }
    if (found && !rest) return {};
    kept.push_back({from, data.size()});
    return kept;
}

Span null_usage(std::string_view data) {
    // A key's quotes stand nowhere inside a string, so what is found is a member. It is the one at
    // the top if there is no other.
    constexpr std::string_view usual = ",\"usage\":null";
    constexpr std::string_view name = "\"usage\"";
    const auto last = data.rfind(name);
    if (last == std::string_view::npos) return {};
    const bool only = last == 0 || data.rfind(name, last - 1) == std::string_view::npos;
    if (only && last > 0 && data.substr(last - 1).starts_with(usual)) {
        return {last - 1, last - 1 + usual.size()};
    }
    std::vector<JsonMember> members;
    Span object;
    if (scan_object(data, members, object)) return {};
    for (std::size_t i = members.size(); i-- > 0;) {
        const auto& member = members[i];
        if (member.kind != JsonKind::null || !key_equals(member.key.of(data), "usage")) continue;
        if (i > 0) return {members[i - 1].value.end, member.value.end};
        const bool alone = members.size() == 1;
        return {member.key.begin, alone ? member.value.end : members[1].key.begin};
    }
    return {};
}

}  // namespace understudy::wire
