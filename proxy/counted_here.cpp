#include "proxy/counted_here.hpp"

#include "wire/answer_traits.hpp"
#include "wire/request_content.hpp"

#include <algorithm>
#include <string_view>

namespace understudy::proxy {

std::optional<std::string> counted_here(const Inbound& request, const Plan& plan) {
    const auto shape = request.endpoint.shape;
    std::string_view name;
    if (shape == wire::AnswerShape::messages_count) name = "input_tokens";
    if (shape == wire::AnswerShape::gemini_count) name = "totalTokens";
    if (name.empty()) return std::nullopt;
    const auto& served_by = wire::traits_of(shape).served_by;
    const bool somebody = std::any_of(
        plan.chain.begin(), plan.chain.end(),
        [&](const RuntimeEntry* entry) { return served_by.contains(entry->upstream->dialect); });
    if (somebody) return std::nullopt;
    // No prompt has none, and clients divide by it.
    const auto tokens =
        std::max<std::uint64_t>(1, wire::read_content(request.body, request.facts).prompt_tokens);
    std::string body = "{\"";
    return body.append(name).append("\":").append(std::to_string(tokens)).append(1, '}');
}

}  // namespace understudy::proxy
