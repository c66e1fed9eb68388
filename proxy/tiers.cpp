#include "proxy/tiers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace understudy::proxy {
namespace {

using Group = std::span<const RuntimeEntry*>;

// Where the entry stands that is drawn, each as likely as its weight says.
std::size_t draw(Group entries, double random) {
    std::uint64_t total = 0;
    for (const auto* entry : entries) total += entry->entry->weight;
    auto left = static_cast<std::uint64_t>(random * static_cast<double>(total));
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (left < entries[i]->entry->weight) return i;
        left -= entries[i]->entry->weight;
    }
    return entries.size() - 1;
}

void shuffle(Group group, const std::function<double()>& random) {
    for (std::size_t begin = 0; begin + 1 < group.size(); ++begin) {
        std::swap(group[begin], group[begin + draw(group.subspan(begin), random())]);
    }
}

void by_load(Group group, const GroupFacts& facts) {
    const auto load = [&](const RuntimeEntry* entry) {
        return static_cast<double>(facts.inflight(*entry)) / entry->entry->weight;
    };
    std::stable_sort(group.begin(), group.end(),
                     [&](const auto* a, const auto* b) { return load(a) < load(b); });
}

void by_latency(Group group, const GroupFacts& facts) {
    const auto rank = [&](const RuntimeEntry* entry) {
        return facts.latency(*entry).value_or(std::chrono::milliseconds(-1));
    };
    std::stable_sort(group.begin(), group.end(),
                     [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
}

// FNV-1a, and a last mix so that names that differ in their last letters land far apart.
std::uint64_t hash_of(std::string_view session, std::string_view member) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    const auto add = [&](std::string_view text) {
        for (const char c : text) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        }
    };
    add(session);
    add(std::string_view("\0", 1));
    add(member);
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdULL;
    return hash ^ (hash >> 33);
}

// Weighted rendezvous hashing: each session has its member, and when one is added or taken away
// only the sessions that belong to it move.
void stick(Group group, std::string_view session) {
    double best = -std::numeric_limits<double>::infinity();
    std::size_t place = 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
        const auto hash = hash_of(session, group[i]->entry->text);
        const double uniform = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;
        const double score = group[i]->entry->weight / -std::log(uniform);
        if (score > best) {
            best = score;
            place = i;
        }
    }
    std::rotate(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(place),
                group.begin() + static_cast<std::ptrdiff_t>(place) + 1);
}

void order(Group group, const GroupFacts& facts) {
    shuffle(group, facts.random);
    const auto& first = *group.front()->entry;
    if (first.order == config::GroupOrder::least_inflight) by_load(group, facts);
    if (first.order == config::GroupOrder::latency) by_latency(group, facts);
    if (first.sticky && !facts.session.empty()) stick(group, facts.session);
}

}  // namespace

void order_groups(std::span<const RuntimeEntry*> chain, const GroupFacts& facts) {
    for (std::size_t begin = 0; begin < chain.size();) {
        const auto tier = chain[begin]->entry->tier;
        std::size_t end = begin + 1;
        while (tier > 0 && end < chain.size() && chain[end]->entry->tier == tier) ++end;
        if (end > begin + 1) order(chain.subspan(begin, end - begin), facts);
        begin = end;
    }
}

}  // namespace understudy::proxy
