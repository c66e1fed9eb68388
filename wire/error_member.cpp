#include "wire/error_member.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

/// Words for an error that there is none of, in lower case. Beside answers that are good:
/// {"code":"0","message":"success"} as the APIs of Alibaba, Baidu and MiniMax have it,
/// {"code":200,"message":"OK"} of gateways that put their own status into the body.
constexpr std::array<std::string_view, 9> kAllIsWell{
    "0", "ok", "success", "succeeded", "successful", "none", "null", "no error", "no_error"};

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool is_success_status(std::string_view number) noexcept {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return number.size() == 3 && number[0] == '2' &&
           std::all_of(number.begin(), number.end(), is_digit);
}

bool says_all_is_well(std::string_view word) noexcept {
    if (is_success_status(word)) return true;
    return std::any_of(kAllIsWell.begin(), kAllIsWell.end(), [&](std::string_view known) {
        return std::equal(word.begin(), word.end(), known.begin(), known.end(),
                          [](char a, char b) { return lower(a) == b; });
    });
}

bool says_something(const JsonValue& value) noexcept {
    if (!value.truthy()) return false;
    if (value.kind == JsonKind::number) return !is_success_status(value.raw);
    return value.kind != JsonKind::string || !says_all_is_well(value.string_content());
}

}  // namespace

bool walk_error(JsonCursor& in, bool& something) {
    JsonKind kind = JsonKind::null;
    if (!in.peek(kind)) return false;
    if (kind == JsonKind::object) {
        return in.each_member([&](std::string_view) { return walk_error(in, something); });
    }
    if (kind == JsonKind::array) {
        return in.each_element([&] { return walk_error(in, something); });
    }
    JsonValue value;
    if (!in.take(value)) return false;
    something |= says_something(value);
    return true;
}

bool tells_error(std::string_view value) {
    JsonCursor in(value);
    in.skip_preamble();
    bool something = false;
    return !walk_error(in, something) || !in.finish() || something;
}

}  // namespace understudy::wire
