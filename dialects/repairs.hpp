// What an upstream refuses of what a translation says, read from its error, and how the request is
// put in place of that. Which models take what no table knows of all servers: most of them name
// what they mind, one thing at a time. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::dialects {

/// What is to be said otherwise; of nothing at first.
struct Repairs {
    std::uint32_t left_out = 0;     // members, a bit for each row of the table
    std::uint32_t out_once = 0;     // the same, of which this request's value alone is refused
    std::uint64_t max_output = 0;   // no longer answer is asked for; 0: whatever the model can
    bool limit_once = false;        // which may be so of this request alone
    bool other_limit_name = false;  // chat: the other one of the two names of that limit
    bool tools_without_thought = false;
    bool operator==(const Repairs&) const = default;
    bool empty() const { return *this == Repairs(); }
    /// Both.
    void add(const Repairs& other);
    /// What other requests are to be asked with, too.
    Repairs lasting() const;
};

/// What is to be changed by an upstream's error, whose body this is; nothing where it is about
/// something else. `sent`: the request, in the upstream's words; `limit`: of tokens, in it.
Repairs repairs_for(std::string_view error_body, std::string_view sent,
                    std::optional<std::uint64_t> limit);

/// Leaves out of the talk what is refused, and names it. A problem where that must not be left out.
std::optional<Problem> repair(Talk& talk, const Repairs& repairs, std::string_view model);

}  // namespace understudy::dialects
