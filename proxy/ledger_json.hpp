// What is read from the ledger, as text: JSON in OpenAI's terms for the API and for scripts, tables
// and CSV for people. Pure. Prompt tokens include what was read from or written to a cache, and
// completion tokens the reasoning; guesses stand apart, and costs are dollars, exactly.
#pragma once

#include "ledger/reader.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

/// 2026-11-29T05:30:00.123Z
std::string time_text(std::int64_t us);

struct UsageAnswer {
    ledger::By by = ledger::By::model;
    std::int64_t from_us = 0;
    ledger::UsagePage page;
};
/// {"by":"model","since":...,"usage":[{"model":...}],"total":{...},"next":...}; the total is that
/// of all lines; `next` is for the next page, null on the last one.
std::string usage_json(const UsageAnswer& usage);
/// A line of names, then one for each line, RFC 4180. Names that a spreadsheet would take for a
/// formula have an apostrophe before them.
std::string usage_csv(const UsageAnswer& usage);
/// Aligned columns, a total at the end, and what it leaves out. A cost that nobody knows is `-`.
std::string usage_table(const UsageAnswer& usage);

/// {"requests":[...],"next":"..."}; `next` is for the next page, null on the last one.
std::string requests_json(const ledger::RequestPage& page);
/// The whole story of one request.
std::string story_json(const ledger::Story& story);
/// A session as OpenHands' Metrics: accumulated cost and usage, costs and usages by call.
std::string session_json(std::string_view name, const ledger::SessionStory& session);

}  // namespace understudy::proxy
