#include "wire/refused_member.hpp"

#include "wire/answer.hpp"

namespace understudy::wire {

namespace {
constexpr std::size_t kMaxLookedAt = 4096;  // of a body in an unknown shape
}

bool blames_member(std::string_view error_body, std::string_view member) {
    const auto facts = parse_error_body(error_body);
    if (facts.message.find(member) != std::string::npos) return true;
    if (facts.param.find(member) != std::string::npos) return true;
    return facts.message.empty() &&
           error_body.substr(0, kMaxLookedAt).find(member) != std::string_view::npos;
}

}  // namespace understudy::wire
