#include "ledger/sqlite/tallies.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace understudy::ledger {

namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

// What both tables of sums have behind their keys, in the order of bind_sums().
constexpr std::string_view kSumColumns =
    "requests, attempts, failed, input, cache_read, cache_write, output, reasoning, "
    "estimated_input, estimated_output, cost_nano_usd, estimated_cost_nano_usd, missing, unpriced";

std::string upsert(std::string_view table, std::string_view keys, std::size_t key_count) {
    constexpr std::size_t kSums = 14;
    std::string sql = "INSERT INTO " + std::string(table) + " (" + std::string(keys) + ", " +
                      std::string(kSumColumns) + ") VALUES (?";
    for (std::size_t i = 1; i < key_count + kSums; ++i) sql += ",?";
    sql += ") ON CONFLICT DO UPDATE SET ";
    for (auto rest = kSumColumns; !rest.empty();) {
        const auto end = std::min(rest.find(", "), rest.size());
        const std::string column(rest.substr(0, end));
        sql += column + " = " + column + " + excluded." + column;
        rest.remove_prefix(std::min(end + 2, rest.size()));
        if (!rest.empty()) sql += ", ";
    }
    return sql;
}

std::int64_t number(std::uint64_t n) {
    return static_cast<std::int64_t>(n);
}

void bind_sums(Statement& s, const Sums& sums) {
    const auto& t = sums.tokens;
    for (const auto n :
         {sums.requests, sums.attempts, sums.failed, t.input, t.cache_read, t.cache_write, t.output,
          t.reasoning, sums.estimated_input, sums.estimated_output})
        s.bind(number(n));
    s.bind(sums.cost_nano_usd).bind(sums.estimated_cost_nano_usd);
    s.bind(number(sums.missing)).bind(number(sums.unpriced));
}

std::uint64_t all_tokens(const AttemptRow& row) {
    return row.tokens.total() + row.estimated_input + row.estimated_output;
}

}  // namespace

Fault Tallies::prepare(Database& database) {
    clear();
    auto fault =
        hour_.prepare(database, upsert("usage_hour", "hour, route, key, upstream, model", 5));
    if (fault == Fault::none) {
        fault = session_.prepare(database,
                                 upsert("session_hour", "hour, session, key, upstream, model", 5));
    }
    for (std::size_t i = 0; i < counters_.size() && fault == Fault::none; ++i) {
        std::string sql = "INSERT INTO counter (name, a, b, c, d, value) VALUES (?,?,?,?,?,?)";
        for (std::size_t n = 1; n < kGroups[i]; ++n) sql += ",(?,?,?,?,?,?)";
        fault = counters_[i].prepare(
            database, sql + " ON CONFLICT DO UPDATE SET value = value + excluded.value");
    }
    return fault;
}

void Tallies::finalize() {
    clear();
    hour_.finalize();
    session_.finalize();
    for (auto& counters : counters_) counters.finalize();
}

void Tallies::clear() {
    hours_.clear();
    sessions_.clear();
    series_.clear();
    requests_.clear();
    failovers_.clear();
    hedges_.clear();
    raised_.clear();
    last_hour_ = nullptr;
    last_series_ = nullptr;
    last_reason_ = nullptr;
}

void Tallies::add(const AttemptRow& row, const AttemptNames& names, std::int64_t id) {
    const auto hour = id / kHourUs;
    const decltype(hours_)::key_type key{hour, names.route, names.key, names.upstream, names.model};
    if (last_hour_ == nullptr || last_hour_->first != key) {
        last_hour_ = &*hours_.try_emplace(key).first;
    }
    last_hour_->second.add(row);
    if (!row.session.empty()) {
        sessions_[{hour, std::string(row.session), names.key, names.upstream, names.model}].add(
            row);
    }
    count(row, names);
}

void Tallies::count(const AttemptRow& row, const AttemptNames& names) {
    const decltype(series_)::key_type key{names.upstream, names.label, names.operation};
    if (last_series_ == nullptr || last_series_->first != key) {
        last_series_ = &*series_.try_emplace(key).first;
        last_reason_ = nullptr;
    }
    auto& series = last_series_->second;
    series.sums.add(row);
    if (last_reason_ == nullptr || last_reason_->first != names.reason) {
        last_reason_ = &*series.reasons.try_emplace(names.reason).first;
    }
    ++last_reason_->second;
    if (row.deliveries > 1) series.silent_replays += row.deliveries - 1;
    if (names.moved_from != 0) {
        ++failovers_[{names.moved_from, names.upstream, names.moved_why}];
    }
    if (row.hedge || row.overtaken) count_hedge(row, names);
}

void Tallies::count_hedge(const AttemptRow& row, const AttemptNames& names) {
    auto& hedges = hedges_[names.route];
    if (row.hedge) ++hedges.started;
    if (row.hedge_won) ++hedges.won;
    if (row.overtaken) hedges.tokens += all_tokens(row);
}

void Tallies::add_request(std::int64_t route, std::int64_t outcome) {
    ++requests_[{route, outcome}];
}

void Tallies::raise(std::string_view name, const Four& labels, std::uint64_t n) {
    if (n != 0) raised_.push_back({name, labels, n});
}

void Tallies::raise_series() {
    for (const auto& [key, series] : series_) {
        const auto& [upstream, label, operation] = key;
        const auto& sums = series.sums;
        const auto& t = sums.tokens;
        for (const auto& [name, n] :
             {std::pair{"tokens_input", t.input}, std::pair{"tokens_cache_read", t.cache_read},
              std::pair{"tokens_cache_write", t.cache_write}, std::pair{"tokens_output", t.output},
              std::pair{"tokens_reasoning", t.reasoning},
              std::pair{"estimated_input", sums.estimated_input},
              std::pair{"estimated_output", sums.estimated_output},
              std::pair{"cost", static_cast<std::uint64_t>(sums.cost_nano_usd)},
              std::pair{"estimated_cost", static_cast<std::uint64_t>(sums.estimated_cost_nano_usd)},
              std::pair{"missing", sums.missing}, std::pair{"unpriced", sums.unpriced}})
            raise(name, {upstream, label, operation, 0}, n);
        for (const auto& [reason, n] : series.reasons)
            raise("attempts", {upstream, label, operation, reason}, n);
        raise("replays", {upstream, 0, 0, 0}, series.silent_replays);
    }
}

void Tallies::raise_rest() {
    for (const auto& [key, n] : requests_) raise("requests", {key[0], key[1], 0, 0}, n);
    for (const auto& [key, n] : failovers_) raise("failovers", {key[0], key[1], key[2], 0}, n);
    for (const auto& [route, hedges] : hedges_) {
        raise("hedges_started", {route, 0, 0, 0}, hedges.started);
        raise("hedges_won", {route, 0, 0, 0}, hedges.won);
        raise("hedge_tokens", {route, 0, 0, 0}, hedges.tokens);
    }
}

Fault Tallies::write_counters() {
    for (std::span<const Raised> rest(raised_); !rest.empty();) {
        std::size_t group = 0;
        while (kGroups[group] > rest.size()) ++group;
        auto& statement = counters_[group];
        for (const auto& counter : rest.first(kGroups[group])) {
            statement.bind(counter.name);
            for (const auto label : counter.labels) statement.bind(label);
            statement.bind(number(counter.by));
        }
        const auto fault = statement.run();
        if (fault != Fault::none) return fault;
        rest = rest.subspan(kGroups[group]);
    }
    return Fault::none;
}

Fault Tallies::write() {
    for (const auto& [key, sums] : hours_) {
        for (const auto part : key) hour_.bind(part);
        bind_sums(hour_, sums);
        const auto fault = hour_.run();
        if (fault != Fault::none) return fault;
    }
    for (const auto& [key, sums] : sessions_) {
        const auto& [hour, session, of_key, upstream, model] = key;
        session_.bind(hour).bind(session).bind(of_key).bind(upstream).bind(model);
        bind_sums(session_, sums);
        const auto fault = session_.run();
        if (fault != Fault::none) return fault;
    }
    raise_series();
    raise_rest();
    return write_counters();
}

}  // namespace understudy::ledger
