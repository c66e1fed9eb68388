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

/// Sessions whose names have this hash, modulo a power of two.
constexpr std::size_t kSmallestShare = std::size_t{1} << 40;
struct Share {
    std::size_t hash = 0, of = 1;
    bool has(std::string_view name) const { return (Hash()(name) & (of - 1)) == hash; }
    /// Leaves one half of it here, and returns the other.
    Share split() {
        const Share other{hash + of, 2 * of};
        of *= 2;
        return other;
    }
};

/// There may be very many sessions, of which a page is wanted: no more of them are summed up in one
/// walk than may be kept, and the others in further ones.
class SessionSums {
  public:
    explicit SessionSums(UsagePage& out)
        : out_(out), wanted_(out.skip + std::min(out.limit, SIZE_MAX - out.skip)) {}

    Fault walk(Database& database, const std::string& sql,
               const std::array<std::int64_t, 6>& values) {
        while (!left_.empty()) {
            share_ = left_.back();
            left_.pop_back();
            const auto fault =
                each_row(database, sql, values, [this](const Statement& row) { add(row); });
            if (fault != Fault::none) return fault;
            choose();
        }
        std::sort(best_.begin(), best_.end(), before);
        for (std::size_t i = out_.skip; i < best_.size(); ++i)
            out_.lines.push_back(std::move(best_[i]));
        out_.more = count_ - std::min(count_, wanted_);
        return Fault::none;
    }

  private:
    static bool before(const UsageLine& a, const UsageLine& b) {
        return goes_before(a.name, a.sums, b.name, b.sums);
    }

    void add(const Statement& row) {
        const auto name = row.text(0);
        if (!share_.has(name)) return;
        auto found = sums_.find(name);
        if (found == sums_.end()) {
            if (sums_.size() >= out_.most_names && share_.of < kSmallestShare) {
                left_.push_back(share_.split());
                std::erase_if(sums_, [this](const auto& one) { return !share_.has(one.first); });
                return add(row);
            }
            found = sums_.emplace(name, Sums{}).first;
        }
        found->second.add(sums_of(row, 1));
    }

    // Of those that have been summed up, the first ones are kept.
    void choose() {
        while (!sums_.empty()) {
            auto one = sums_.extract(sums_.begin());
            out_.total.add(one.mapped());
            UsageLine line{std::move(one.key()), one.mapped()};
            if (out_.behind && !before(*out_.behind, line)) continue;
            ++count_;
            best_.push_back(std::move(line));
        }
        if (best_.size() <= wanted_) return;
        std::nth_element(best_.begin(), best_.begin() + static_cast<std::ptrdiff_t>(wanted_),
                         best_.end(), before);
        best_.resize(wanted_);
    }

    UsagePage& out_;
    const std::size_t wanted_;
    std::vector<Share> left_{Share{}};
    Share share_;
    Sessions sums_;
    std::vector<UsageLine> best_;
    std::size_t count_ = 0;  // of those behind
};

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
    if (by == By::session) return SessionSums(out).walk(database, sql, values);
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
