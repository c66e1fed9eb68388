// Which entry of a chain is asked next, as far as breakers and key pools let it. Pure.
#pragma once

#include "upstreams/breaker.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace understudy::proxy {

struct Choice {
    /// The entry to ask; none: nobody can be asked. Usable ones that stand before it have been
    /// tried, or it is the only one that may be asked; what rests before it is skipped.
    std::optional<std::size_t> entry;
    /// It rests, but so does everybody else.
    bool all_rest = false;
    /// None to ask: when one can be; absent: not before a reload.
    std::optional<net::TimePoint> recovery;
    bool operator==(const Choice&) const = default;
};

/// The first usable entry from position `from` on. Where there is none and nothing was asked yet
/// (`untried`), it is the one among those from there on whose rest ends first: an answer that
/// may not come is better than none. But not before a time that the provider itself has named, and
/// not one that is down.
Choice choose_entry(std::span<const upstreams::Availability> chain, std::size_t from, bool untried);

}  // namespace understudy::proxy
