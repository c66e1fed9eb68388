// Conditions of a route beyond the model's name: what the request holds (`routes[].when`). Pure.
#pragma once

#include "wire/head.hpp"
#include "wire/request_content.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace understudy::config {

/// All that is set must hold. Nothing set: every request.
struct When {
    std::optional<bool> images;                       // an image is among the messages, or none is
    std::optional<bool> tools;                        // functions are offered, or none is
    std::optional<std::uint64_t> prompt_tokens_over;  // an estimate: wire/request_content.hpp
    std::vector<std::pair<std::string, std::string>> headers;  // name in lower case, glob

    bool empty() const { return !images && !tools && !prompt_tokens_over && headers.empty(); }
    bool operator==(const When&) const = default;
};

/// Null when the request fulfils it, else the first condition that does not hold, in words:
/// "images: true, but there are none".
std::optional<std::string> unmet(const When& when, const wire::RequestContent& content,
                                 const wire::Fields& fields);

/// Whether it holds; the same as !unmet(), without words.
bool holds(const When& when, const wire::RequestContent& content, const wire::Fields& fields);

/// "images, no tools, over 100000 prompt tokens, x-team: blue"; empty when nothing is set.
std::string text_of(const When& when);

}  // namespace understudy::config
