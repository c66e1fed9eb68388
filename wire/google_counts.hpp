// Google's usageMetadata as it was sent, before anybody has said what it means: nearly every event
// of a stream repeats it, each time a little higher. Internal to wire.
#pragma once

#include "wire/answer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace understudy::wire {

struct GoogleCounts {
    /// Members of usageMetadata itself.
    enum Which : std::uint8_t { prompt, tool_prompt, candidates, thoughts, cached, total };
    static constexpr std::size_t kPlain = 6;

    std::array<std::uint64_t, kPlain> plain{};
    std::uint64_t audio_prompt = 0, image_prompt = 0;  // what the cache had included
    std::uint64_t audio_cached = 0, image_cached = 0;
    std::uint64_t audio_output = 0, image_output = 0;
    std::uint8_t said = 0;  // flags of Usage::Said
    bool impossible = false;
};

/// What they mean; nullopt when they say nothing, or nothing that can be.
std::optional<Usage> meaning_of(const GoogleCounts& counts);

}  // namespace understudy::wire
