#include "proxy/tiers.hpp"

#include <cstdint>
#include <utility>

namespace understudy::proxy {
namespace {

// Where the entry stands that is drawn, each as likely as its weight says.
std::size_t draw(std::span<const RuntimeEntry*> entries, double random) {
    std::uint64_t total = 0;
    for (const auto* entry : entries) total += entry->entry->weight;
    auto left = static_cast<std::uint64_t>(random * static_cast<double>(total));
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (left < entries[i]->entry->weight) return i;
        left -= entries[i]->entry->weight;
    }
    return entries.size() - 1;
}

}  // namespace

void draw_order(std::span<const RuntimeEntry*> chain, const std::function<double()>& random) {
    for (std::size_t begin = 0; begin < chain.size();) {
        const auto tier = chain[begin]->entry->tier;
        std::size_t end = begin + 1;
        while (tier > 0 && end < chain.size() && chain[end]->entry->tier == tier) ++end;
        for (; begin + 1 < end; ++begin) {
            std::swap(chain[begin],
                      chain[begin + draw(chain.subspan(begin, end - begin), random())]);
        }
        begin = end;
    }
}

}  // namespace understudy::proxy
