#include "dialects/gemini/finish.hpp"

#include <algorithm>
#include <array>

namespace understudy::dialects::gemini {
namespace {

constexpr std::array<std::string_view, 12> kFilters{"SAFETY",
                                                    "RECITATION",
                                                    "BLOCKLIST",
                                                    "PROHIBITED_CONTENT",
                                                    "SPII",
                                                    "IMAGE_SAFETY",
                                                    "IMAGE_PROHIBITED_CONTENT",
                                                    "IMAGE_RECITATION",
                                                    "LANGUAGE",
                                                    "MODEL_ARMOR",
                                                    "ESCALATION",
                                                    "PUP_LIMITED_DISABLED"};

constexpr std::array<std::string_view, 5> kInVain{"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE",
                                                  "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
                                                  "MISSING_THOUGHT_SIGNATURE"};

bool among(const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Stop stop_of(std::string_view reason) {
    // The second one: there is more to say than fits into one answer of theirs.
    if (reason == "MAX_TOKENS" || reason == "CONTINUATION") return Stop::length;
    return among(kFilters, reason) ? Stop::filter : Stop::end;
}

bool is_in_vain(std::string_view reason) {
    return among(kInVain, reason);
}

}  // namespace understudy::dialects::gemini
