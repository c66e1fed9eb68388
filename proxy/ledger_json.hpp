// What is read from the ledger, as text: JSON in OpenAI's terms for the API and for scripts, tables
// and CSV for people. Pure. Prompt tokens include what was read from or written to a cache, and
// completion tokens the reasoning; guesses stand apart, and costs are dollars, exactly.
#pragma once

#include "ledger/reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
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
/// How usage is written.
enum class UsageForm : std::uint8_t {
    /// {"by":"model","since":...,"usage":[{"model":...}],"total":{...},"next":...}; the total is
    /// that of all lines; `next` is for the next page, null on the last one.
    json,
    /// A line of names, then one for each line, RFC 4180. Names that a spreadsheet would take for a
    /// formula have an apostrophe before them.
    csv,
    /// Aligned columns, a total at the end, and what it leaves out. A cost that nobody knows is
    /// `-`.
    table,
};

/// Usage as text, piece by piece: there may be more lines than anybody wants to hold.
class UsageText {
  public:
    UsageText(UsageForm form, ledger::By by, std::int64_t from_us)
        : form_(form), by_(by), from_us_(from_us) {}

    /// A table's columns get as wide as these lines and the total want them; before they are
    /// written.
    void fit(const ledger::UsagePage& page);
    /// Appends what stands in front of the lines, some of those, what stands behind all of them.
    void begin(std::string& out) const;
    void add(std::span<const ledger::UsageLine> lines, std::string& out);
    /// `page`: the last one.
    void end(const ledger::UsagePage& page, std::string& out) const;

  private:
    static constexpr std::size_t kCells = 9;
    using Cells = std::array<std::string, kCells>;
    void widen(const std::string& name, const Cells& cells);
    void row(const std::string& name, const Cells& cells, std::string& out) const;

    UsageForm form_;
    ledger::By by_;
    std::int64_t from_us_;
    std::size_t lines_ = 0;  // written
    std::size_t name_width_ = 0;
    std::array<std::size_t, kCells> widths_{};
};

/// All of it.
std::string usage_text(UsageForm form, const UsageAnswer& usage);

/// {"requests":[...],"next":"..."}; `next` is for the next page, null on the last one.
std::string requests_json(const ledger::RequestPage& page);
/// The whole story of one request.
std::string story_json(const ledger::Story& story);
/// A session as OpenHands' Metrics: accumulated cost and usage, costs and usages by call.
std::string session_json(std::string_view name, const ledger::SessionStory& session);

}  // namespace understudy::proxy
