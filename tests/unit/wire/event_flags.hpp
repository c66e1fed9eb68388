// One event's facts as a short word, and tables of events with the word each must give.
#pragma once

#include "wire/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace understudy::wire::test {

inline EventFacts inspected(AnswerShape shape, std::string_view data, std::string_view name = {}) {
    EventFacts facts;
    // Stale on purpose: an inspection starts from nothing.
    facts.done = facts.commits = facts.error = facts.usage_only = facts.finish = true;
    facts.model = "stale";
    inspect_event(shape, data, name, facts);
    return facts;
}

/// The flags that are set, in the order c(ommits) f(inish) d(one) e(rror) u(sage only); "?" when
/// not well-formed.
inline std::string flags(const EventFacts& facts) {
    std::string set;
    if (!facts.well_formed) set += '?';
    if (facts.commits) set += 'c';
    if (facts.finish) set += 'f';
    if (facts.done) set += 'd';
    if (facts.error) set += 'e';
    if (facts.usage_only) set += 'u';
    return set;
}

struct EventRow {
    const char* title;
    std::string data;
    const char* expected;
};

inline void check(AnswerShape shape, const std::vector<EventRow>& rows) {
    for (const EventRow& row : rows) {
        INFO(row.title);
        CHECK(flags(inspected(shape, row.data)) == row.expected);
    }
}

}  // namespace understudy::wire::test
