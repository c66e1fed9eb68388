#include "ledger/sqlite/usage_sums.hpp"

#include "ledger/sqlite/kept_rows.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace understudy::ledger {

namespace {

struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
    }
};
using Sessions = std::unordered_map<std::string, Sums, Hash, std::equal_to<>>;

template <class Use>
Fault each_row(Database& database, const std::string& sql,
               const std::array<std::int64_t, 6>& values, Use&& use) {
    Statement query;
    const auto fault = query.prepare(database, sql, false);
    if (fault != Fault::none) return fault;
    for (const auto value : values) query.bind(value);
    auto step = query.step();
    for (; step == Statement::Step::row; step = query.step()) use(query);
    return step == Statement::Step::done ? Fault::none : query.fault();
}

std::int64_t cost_of(const Sums& sums) {
    return sums.cost_nano_usd + sums.estimated_cost_nano_usd;
}

/// Lines `begin` to `end` are the caller's.
struct Part {
    std::size_t begin = 0, end = 0;
};
Part part_of(std::size_t lines, const UsagePage& page) {
    const auto begin = std::min(page.skip, lines);
    return {begin, begin + std::min(page.limit, lines - begin)};
}

std::uint64_t tokens_of(const Sums& sums) {
    return sums.tokens.input + sums.tokens.output;
}

// The dearest first.
bool goes_before(std::string_view name_a, const Sums& a, std::string_view name_b, const Sums& b) {
    if (const auto one = cost_of(a), other = cost_of(b); one != other) return one > other;
    if (const auto one = tokens_of(a), other = tokens_of(b); one != other) return one > other;
    return name_a < name_b;
}

// There may be hundreds of thousands, of which a page is wanted.
Fault sum_sessions(Database& database, const std::string& sql,
                   const std::array<std::int64_t, 6>& values, UsagePage& out) {
    Sessions sessions;
    const auto fault = each_row(database, sql, values, [&sessions](const Statement& row) {
        const auto name = row.text(0);
        auto found = sessions.find(name);
        if (found == sessions.end()) found = sessions.emplace(name, Sums{}).first;
        found->second.add(sums_of(row, 1));
    });
    if (fault != Fault::none) return fault;
    std::vector<const Sessions::value_type*> order;
    order.reserve(sessions.size());
    for (const auto& session : sessions) {
        order.push_back(&session);
        out.total.add(session.second);
    }
    const auto part = part_of(order.size(), out);
    const auto place = [&order](std::size_t i) {
        return order.begin() + static_cast<std::ptrdiff_t>(i);
    };
    const auto before = [](const auto* a, const auto* b) {
        return goes_before(a->first, a->second, b->first, b->second);
    };
    if (part.end < order.size())
        std::nth_element(order.begin(), place(part.end), order.end(), before);
    std::sort(order.begin(), place(part.end), before);
    for (auto i = part.begin; i < part.end; ++i) {
        out.lines.push_back({order[i]->first, order[i]->second});
    }
    out.more = order.size() - part.end;
    return Fault::none;
}

Fault name_lines(Database& database, By by, const std::map<std::int64_t, Sums>& sums,
                 std::vector<UsageLine>& lines) {
    Statement name;
    const auto fault = name.prepare(database,
                                    by == By::day ? "SELECT date(? * 86400, 'unixepoch')"
                                                  : "SELECT text FROM name WHERE id = ?",
                                    false);
    if (fault != Fault::none) return fault;
    for (const auto& [number, of] : sums) {
        const auto step = name.bind(number).step();
        if (step == Statement::Step::fault) return name.fault();
        const bool found = step == Statement::Step::row;
        lines.push_back({found ? std::string(name.text(0)) : std::string(), of});
        name.reset();
    }
    return Fault::none;
}

}  // namespace

Fault sum_usage(Database& database, By by, const std::string& sql,
                const std::array<std::int64_t, 6>& values, UsagePage& out) {
    if (by == By::session) return sum_sessions(database, sql, values, out);
    std::map<std::int64_t, Sums> sums;
    auto fault = each_row(database, sql, values, [&sums](const Statement& row) {
        sums[row.number(0)].add(sums_of(row, 1));
    });
    std::vector<UsageLine> lines;
    if (fault == Fault::none) fault = name_lines(database, by, sums, lines);
    if (fault != Fault::none) return fault;
    const auto before = [](const UsageLine& a, const UsageLine& b) {
        return goes_before(a.name, a.sums, b.name, b.sums);
    };
    if (by != By::day) std::sort(lines.begin(), lines.end(), before);
    const auto part = part_of(lines.size(), out);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        out.total.add(lines[i].sums);
        if (i >= part.begin && i < part.end) out.lines.push_back(std::move(lines[i]));
    }
    out.more = lines.size() - part.end;
    return Fault::none;
}

}  // namespace understudy::ledger
