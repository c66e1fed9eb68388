#include "dialects/messages/effort.hpp"

#include <algorithm>

namespace understudy::dialects::messages {

namespace {

constexpr std::uint64_t kLeastBudget = 1024;

std::uint64_t wished(const Effort& effort, std::uint64_t most) {
    if (effort.budget) return std::max(*effort.budget, kLeastBudget);
    const auto& word = effort.word;
    if (word == "minimal") return kLeastBudget;
    if (word == "low") return 4096;
    if (word == "medium") return 10'000;
    if (word == "high") return 24'000;
    return most;
}

}  // namespace

// A quarter is left for the answer.
std::uint64_t budget_of(const Effort& effort, std::uint64_t max_output) {
    const auto most = max_output - max_output / 4;
    return std::min(wished(effort, most), most);
}

std::string_view effort_of(const Effort& effort, const Gates& gates) {
    const auto& word = effort.word;
    if (word.empty()) {
        const auto budget = effort.budget.value_or(0);
        return budget < 2048 ? "low" : budget < 8192 ? "medium" : "high";
    }
    if (word == "minimal" || word == "none") return "low";
    if (word == "xhigh") return gates.xhigh ? "xhigh" : "max";
    return word;
}

}  // namespace understudy::dialects::messages
