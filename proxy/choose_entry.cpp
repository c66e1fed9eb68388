#include "proxy/choose_entry.hpp"

namespace understudy::proxy {

using Kind = upstreams::Availability::Kind;

Choice choose_entry(std::span<const upstreams::Availability> chain, std::size_t from,
                    bool untried) {
    Choice choice;
    for (std::size_t i = from; i < chain.size(); ++i) {
        if (!chain[i].usable()) continue;
        choice.entry = i;
        return choice;
    }
    for (std::size_t i = from; i < chain.size(); ++i) {
        if (chain[i].kind == Kind::down) continue;
        if (!choice.recovery || chain[i].until < *choice.recovery) {
            choice.recovery = chain[i].until;
        }
        if (!untried || chain[i].kind != Kind::resting) continue;
        if (choice.entry && chain[*choice.entry].until <= chain[i].until) continue;
        choice.entry = i;
    }
    choice.all_rest = choice.entry.has_value();
    if (choice.entry) choice.recovery.reset();
    return choice;
}

}  // namespace understudy::proxy
