#include "ledger/sqlite/names.hpp"

#include <algorithm>

namespace understudy::ledger {

namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kDroppedAtOnce = 500;

}  // namespace

Fault Names::prepare(Database& database) {
    forget();
    database_ = &database;
    auto fault = Fault::none;
    const auto also = [&](Statement& statement, std::string_view sql) {
        if (fault == Fault::none) fault = statement.prepare(database, sql);
    };
    also(find_, "SELECT id, seen FROM name WHERE text = ?");
    also(insert_, "INSERT INTO name (text, chosen, seen) VALUES (?, ?, ?)");
    also(touch_, "UPDATE name SET seen = ? WHERE id = ?");
    also(count_, "SELECT count(*) FROM name WHERE chosen IS NOT NULL");
    also(drop_,
         "DELETE FROM name WHERE id IN (SELECT id FROM name WHERE seen < ? AND id NOT IN (SELECT a "
         "FROM counter UNION SELECT b FROM counter UNION SELECT c FROM counter UNION SELECT d FROM "
         "counter) LIMIT ?)");
    return fault;
}

void Names::at(std::int64_t us) {
    hour_ = us / kHourUs;
}

// One that is remembered from an hour before is looked for again: it may have been dropped, by
// another process too, and it is noted that it is still in use.
std::int64_t Names::id(std::string_view text, Origin origin) {
    if (text.empty()) return 0;
    auto*& recent = this->recent(text);
    if (recent == nullptr || recent->first != text) {
        const auto known = known_.find(text);
        recent = known != known_.end() ? &*known : nullptr;
    }
    if (recent != nullptr && recent->second.hour >= hour_) return recent->second.id;
    auto id = look_up(text);
    if (id == 0 && fault_ == Fault::none) id = add(text, origin);
    if (id == 0) return 0;
    if (known_.size() >= kRemembered) {
        known_.clear();
        recent_.fill(nullptr);
    }
    known_.insert_or_assign(std::string(text), Known{id, hour_});
    return id;
}

std::int64_t Names::look_up(std::string_view text) {
    const auto step = find_.bind(text).step();
    const auto id = step == Statement::Step::row ? find_.number(0) : 0;
    const auto seen = id != 0 ? find_.number(1) : 0;
    if (step == Statement::Step::fault) fault_ = find_.fault();
    find_.reset();
    if (id != 0 && seen < hour_) fault_ = touch_.bind(hour_).bind(id).run();
    return fault_ == Fault::none ? id : 0;
}

std::int64_t Names::add(std::string_view text, Origin origin) {
    const bool chosen = origin == Origin::chosen;
    if (chosen && full()) return fault_ == Fault::none ? id("other") : 0;
    fault_ = insert_.bind(text).bind_or_null(std::int64_t{chosen}).bind(hour_).run();
    if (fault_ != Fault::none) return 0;
    if (chosen) ++chosen_;
    return database_->last_id();
}

bool Names::full() {
    if (chosen_ < 0) {
        const auto step = count_.step();
        if (step == Statement::Step::fault) fault_ = count_.fault();
        chosen_ = step == Statement::Step::row ? count_.number(0) : -1;
        count_.reset();
    }
    return chosen_ < 0 || chosen_ >= kMostChosen;
}

Fault Names::drop_unused(std::int64_t before_hour) {
    const auto fault = drop_.bind(before_hour).bind(kDroppedAtOnce).run();
    forget();
    return fault;
}

void Names::forget() {
    known_.clear();
    recent_.fill(nullptr);
    chosen_ = -1;
    ++forgotten_;
    fault_ = Fault::none;
}

void Names::finalize() {
    forget();
    for (auto* const statement : {&find_, &insert_, &touch_, &count_, &drop_}) {
        statement->finalize();
    }
}

}  // namespace understudy::ledger
