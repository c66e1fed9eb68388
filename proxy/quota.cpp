#include "proxy/quota.hpp"

#include "proxy/key_limits.hpp"
#include "proxy/pieces.hpp"
#include "proxy/prompt_excess.hpp"
#include "wire/append.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace understudy::proxy {

using limits::Budgets;
using limits::Limit;
using limits::NanoUsd;
using limits::Period;
using limits::Purse;
using limits::Refusal;
using wire::append_field;
using wire::FailureClass;

namespace {

constexpr std::int64_t kPicoPerNano = 1000;
constexpr std::uint64_t kBytesPerToken = 4;

std::string usd_text(NanoUsd amount) {
    return metrics::format_usd(amount * kPicoPerNano) + " USD";
}

// "2026-12-01 00:00 UTC"
std::string date_text(std::chrono::sys_seconds wall) {
    const std::time_t seconds = wall.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts)};
}

Budgets session_budget(const Inbound& request) {
    Budgets budgets;
    budgets.of(Period::always) = request.session_budget;
    return budgets;
}

std::string_view key_name(const Inbound& request) {
    return request.key != nullptr ? std::string_view(request.key->name) : std::string_view();
}

std::shared_ptr<Purse> purse_of_session(Runtime& runtime, const Inbound& request) {
    auto& purses = runtime.session_purses();
    if (request.session.empty() || purses.empty()) return nullptr;
    return purses.find(key_name(request), request.session);
}

/// It was sent, and what became of it nobody said: what it used then is a guess, and no more than
/// was held.
bool unsaid(const AttemptReport& report) {
    if (report.bill.reported || report.bill.estimated) return false;
    const bool left = report.reason == FailureClass::client_closed && report.deliveries > 0;
    return left || report.usage_missing();
}

metrics::TokenCounts used_by(const AttemptReport& report, const Expected& expected) {
    if (!unsaid(report)) return report.bill.tokens;
    metrics::TokenCounts tokens;
    tokens.input = expected.prompt;
    if (report.ended) {
        tokens.output = std::min(report.bytes_received / kBytesPerToken, expected.output);
    }
    return tokens;
}

NanoUsd cost_of(const AttemptReport& report, const AttemptMoney& money) {
    if (report.bill.cost_pico_usd) return *report.bill.cost_pico_usd / kPicoPerNano;
    const auto tokens = used_by(report, money.expected);
    if (tokens.total() == 0 || money.price == nullptr) return 0;
    const auto pico = metrics::cost_pico_usd(*money.price, tokens, report.service_tier);
    return pico ? *pico / kPicoPerNano : money.held;
}

bool has_field(std::string_view head, std::string_view prefix) {
    for (;;) {
        const bool maybe = !head.empty() && (head.front() | 0x20) == prefix.front();
        if (maybe && wire::istarts_with(head, prefix)) return true;
        const auto end = head.find('\n');
        if (end == std::string_view::npos) return false;
        head.remove_prefix(end + 1);
    }
}

}  // namespace

Quota::Quota(Runtime& runtime, limits::Allowance* allowance, const Inbound& request)
    : runtime_(runtime), allowance_(allowance), request_(request) {
    if (allowance_ != nullptr) rules_ = limits_of(request.key->limits);
    session_ = purse_of_session(runtime, request);
    if (!holds_money() && !rules_.rates.tokens_per_minute) return;
    answer_ = wire::answer_limit(request.body, request.facts);
    const auto prompt = prompt_size(request.body, request.facts);
    expected_.prompt = prompt.expected;
    most_prompt_ = prompt.most;
    learns_ = prompt.all_here;
    expected_.output = expected_output(request.endpoint.shape, answer_, {}, 0);
}

std::shared_ptr<Purse> Quota::make_session() {
    session_ = runtime_.session_purses().find_or_make(key_name(request_), request_.session);
    return session_;
}

std::optional<LocalError> Quota::admit() {
    if (allowance_ == nullptr) return std::nullopt;
    const auto tokens = rules_.rates.tokens_per_minute ? expected_.total() : 0;
    const auto refusal = allowance_->rates().admit(rules_.rates, limits::now(), tokens, pass_);
    if (!refusal) return std::nullopt;
    allowance_->count(refusal.limit);
    return rate_error(refusal);
}

void Quota::count(const Refused& refused) {
    if (refused.of_session) {
        runtime_.session_purses().count_denial();
    } else if (allowance_ != nullptr) {
        allowance_->count(refused.refusal.limit);
    }
}

bool Quota::served_in_its_words(const RuntimeEntry& entry) const {
    return wire::traits_of(request_.endpoint.shape).served_by.contains(entry.upstream->dialect);
}

Leave Quota::try_leave(const RuntimeEntry& entry, std::string_view model,
                       const wire::AnswerLimit& limit, Refused& refused) {
    Leave leave;
    const auto shape = request_.endpoint.shape;
    if (!holds_money() || !costs_money(shape)) return leave;
    auto money = std::make_unique<AttemptMoney>();
    const auto& upstream = *entry.upstream;
    money->price = runtime_.price(upstream, model, model);
    money->expected = expected_;
    // The model's own limit is looked for only where the request's is not the last word.
    const bool open = !limit.tokens || !upstream.body.empty();
    const auto longest = open ? runtime_.longest_answer(upstream, model, money->price) : 0;
    money->expected.output = expected_output(shape, limit, upstream.body, longest);
    const auto now = limits::now();
    auto most = money->expected;
    most.prompt = prompt_bound(most_prompt_,
                               PromptExcess::known().percent(upstream.name, model, now.second()),
                               runtime_.context_window(upstream, model));
    const auto cost = expected_cost(money->price, most, limit.tier, pieces_of(request_));
    if (!cost && !asks_money()) return leave;
    if (!cost) {
        leave.refused = FailureClass::unsupported;
        leave.why = "no price is known for the model there, and the budget needs one: set `price`";
        return leave;
    }
    money->held = *cost;
    if (rules_.budgets.any()) {
        refused.refusal = Purse::take(allowance_->purse(), rules_.budgets, now, *cost, money->key);
    }
    // Without a budget of its own it is let through, and counts for those beside it that name one.
    if (!refused.refusal && session_) {
        refused.refusal =
            Purse::take(session_, session_budget(request_), now, *cost, money->session);
        refused.of_session = static_cast<bool>(refused.refusal);
    }
    if (refused.refusal) {
        leave.refused = FailureClass::budget;
        leave.why = refused.refusal.held
                        ? "what is left of the budget is held for requests under way"
                        : "the budget is used up";
    } else {
        leave.money = std::move(money);
    }
    return leave;
}

Leave Quota::leave_for(const RuntimeEntry& entry, std::string_view model,
                       const std::optional<wire::AnswerLimit>& own) {
    if (auto prepared = std::move(prepared_); prepared && prepared_for_ == &entry) {
        Leave leave;
        leave.money = std::move(prepared);
        return leave;
    }
    Refused refused;
    auto leave = try_leave(entry, model, own.value_or(answer_), refused);
    if (refused.refusal) {
        count(refused);
        denied_ = money_error(refused);
    }
    return leave;
}

bool Quota::may_add(const RuntimeEntry& entry, std::string_view model) {
    if (holds_money() && !served_in_its_words(entry)) return !asks_money();
    Refused refused;
    auto leave = try_leave(entry, model, answer_, refused);
    prepared_ = std::move(leave.money);
    prepared_for_ = &entry;
    return leave.refused == FailureClass::none;
}

void Quota::settle(const AttemptReport& report, AttemptMoney* money) {
    const auto now = limits::now();
    pass_.use(now, used_by(report, money != nullptr ? money->expected : expected_).total());
    if (money == nullptr) {
        book_unheld(report.bill.cost_pico_usd.value_or(0) / kPicoPerNano);
        return;
    }
    learn(report, now);
    const auto cost = cost_of(report, *money);
    if (rules_.budgets.any()) {
        money->key.settle(now, cost);
    } else if (allowance_ != nullptr) {
        allowance_->purse()->book(now, cost);
    }
    if (money->session) {
        money->session.settle(now, cost);
    } else {
        book_for_session(now, cost);
    }
}

// What the prompt had, against what it was thought to have at most.
void Quota::learn(const AttemptReport& report, const limits::Moment& now) const {
    if (!report.bill.reported || !learns_) return;
    PromptExcess::known().note(report.upstream, report.model, now.second(), most_prompt_,
                               report.bill.said().prompt());
}

// No budget was asked, but it is counted for those that may be asked later.
void Quota::book_unheld(NanoUsd cost) {
    if (cost == 0) return;
    const auto now = limits::now();
    if (allowance_ != nullptr) allowance_->purse()->book(now, cost);
    book_for_session(now, cost);
}

// Its purse may have been made since the request began.
void Quota::book_for_session(const limits::Moment& now, NanoUsd cost) {
    if (session_ == nullptr) session_ = purse_of_session(runtime_, request_);
    if (session_ != nullptr) session_->book(now, cost);
}

void Quota::settle_late(const AttemptReport& report, Runtime& runtime, const Inbound& request) {
    const auto purse = purse_of_session(runtime, request);
    const auto cost = report.bill.cost_pico_usd.value_or(0) / kPicoPerNano;
    if (purse != nullptr && cost != 0) purse->book(limits::now(), cost);
}

// "rate limit" is said here because it is true: clients' libraries wait and come again.
LocalError Quota::rate_error(const Refusal& refusal) const {
    const auto& rates = rules_.rates;
    std::string what;
    switch (refusal.limit) {
        case Limit::requests_per_minute:
            what = std::to_string(*rates.requests_per_minute) + " requests per minute";
            break;
        case Limit::tokens_per_minute:
            what = std::to_string(*rates.tokens_per_minute) + " tokens per minute" +
                   (refusal.held ? ", of which requests under way hold a part" : "") +
                   "; this request may use " + std::to_string(expected_.total());
            break;
        default:
            what = std::to_string(*rates.requests_in_flight) + " requests under way at once";
            break;
    }
    LocalError error(429, "key_rate_limited",
                     "Rate limit of the key \"" + request_.key->name + "\": " + what +
                         ". Try again in " + std::to_string(refusal.again->count()) + " s.");
    error.retry_after = refusal.again;
    return error;
}

LocalError Quota::money_error(const Refused& refused) const {
    const auto& refusal = refused.refusal;
    const std::string whose = refused.of_session ? "session \"" + request_.session + '"'
                                                 : "key \"" + request_.key->name + '"';
    std::string most = usd_text(request_.session_budget.value_or(0));
    if (refusal.limit == Limit::budget_usd_per_day) {
        most = usd_text(*rules_.budgets.of(Period::day)) + " a day";
    } else if (refusal.limit == Limit::budget_usd_per_month) {
        most = usd_text(*rules_.budgets.of(Period::month)) + " a month";
    }
    if (refusal.held) {
        LocalError error(429, "budget_held",
                         "What is left of the budget of the " + whose + " (" + most +
                             ") is held for requests that are under way. Try again when they are "
                             "done, or with a smaller max_tokens.");
        error.retry_after = refusal.again;
        return error;
    }
    LocalError error(429, "budget_exceeded",
                     "The budget of the " + whose + " is used up: " + most + ".");
    if (refusal.again) {
        error.message +=
            " It is renewed at " + date_text(limits::now().wall + *refusal.again) + '.';
        error.retry_after = refusal.again;
    }
    error.no_retry = true;
    return error;
}

void Quota::clear_fields(std::string& head) {
    if (!has_field(head, "ratelimit-") && !has_field(head, "ratelimit:")) return;
    std::string kept;
    for (std::string_view rest = head; !rest.empty();) {
        const auto line = rest.substr(0, std::min(rest.size(), rest.find('\n') + 1));
        rest.remove_prefix(line.size());
        const bool theirs =
            wire::istarts_with(line, "ratelimit-") || wire::istarts_with(line, "ratelimit:");
        if (!theirs) kept += line;
    }
    head = std::move(kept);
}

const limits::Standings& Quota::standings(const limits::Moment& now) {
    if (!standings_) standings_ = allowance_->rates().standings(rules_.rates, now);
    return *standings_;
}

void Quota::append_fields(std::string& head) {
    const auto now = limits::now();
    wire::HeadWriter out(head);
    std::optional<NanoUsd> left;
    if (request_.session_budget && session_) left = session_->left(session_budget(request_), now);
    if (allowance_ != nullptr) {
        const auto& standings = this->standings(now);
        // The one that is nearest to its end.
        const auto* tight = standings.requests ? &*standings.requests : nullptr;
        if (const auto& tokens = standings.tokens) {
            const auto share = [](const limits::Standing& s) {
                return static_cast<double>(s.remaining) / static_cast<double>(s.limit);
            };
            if (tight == nullptr || share(*tokens) < share(*tight)) tight = &*tokens;
        }
        if (tight != nullptr) {
            out.add("ratelimit-limit: ").add_number(tight->limit);
            out.add("\r\nratelimit-remaining: ").add_number(tight->remaining);
            out.add("\r\nratelimit-reset: ").add_number(static_cast<std::uint64_t>(tight->reset));
            out.add("\r\n");
        }
        const auto of_key = allowance_->purse()->left(rules_.budgets, now);
        if (of_key && (!left || *of_key < *left)) left = of_key;
    }
    if (left) {
        out.add_field("x-understudy-budget-remaining-usd",
                      metrics::format_usd(*left * kPicoPerNano));
    }
}

void Quota::append_openai_fields(std::string& head, bool may_have_some) {
    if (allowance_ == nullptr || (may_have_some && has_field(head, "x-ratelimit-"))) return;
    if (!standings_) standings(limits::now());
    const auto& standings = *standings_;
    wire::HeadWriter out(head);
    if (const auto& r = standings.requests) {
        out.add("x-ratelimit-limit-requests: ").add_number(r->limit);
        out.add("\r\nx-ratelimit-remaining-requests: ").add_number(r->remaining);
        out.add("\r\nx-ratelimit-reset-requests: ");
        out.add_number(static_cast<std::uint64_t>(r->reset)).add("s\r\n");
    }
    if (const auto& t = standings.tokens) {
        out.add("x-ratelimit-limit-tokens: ").add_number(t->limit);
        out.add("\r\nx-ratelimit-remaining-tokens: ").add_number(t->remaining);
        out.add("\r\nx-ratelimit-reset-tokens: ");
        out.add_number(static_cast<std::uint64_t>(t->reset)).add("s\r\n");
    }
}

}  // namespace understudy::proxy
