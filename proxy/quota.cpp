#include "proxy/quota.hpp"

#include "metrics/usd_text.hpp"
#include "proxy/pieces.hpp"
#include "proxy/prompt_excess.hpp"

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
using wire::FailureClass;

namespace {

constexpr std::int64_t kPicoPerNano = 1000;
constexpr std::uint64_t kBytesPerToken = 4;
const KeyRules kNoRules;

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
    const bool cut =
        report.reason == FailureClass::client_closed ||
        report.reason == FailureClass::overloaded;  // by a drain, or for want of memory
    return (cut && report.deliveries > 0) || report.usage_missing();
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

// The fields about limits that an upstream has put into a head.
struct TheirFields {
    bool plain = false;   // ratelimit, ratelimit-*
    bool openai = false;  // x-ratelimit-*
};

bool is_plain_limit(std::string_view line) {
    return wire::istarts_with(line, "ratelimit-") || wire::istarts_with(line, "ratelimit:");
}

TheirFields their_fields(std::string_view head) {
    TheirFields found;
    while (!head.empty()) {
        const char first = static_cast<char>(head.front() | 0x20);
        if (first == 'r') found.plain |= is_plain_limit(head);
        if (first == 'x') found.openai |= wire::istarts_with(head, "x-ratelimit-");
        head.remove_prefix(std::min(head.find('\n'), head.size() - 1) + 1);
    }
    return found;
}

void drop_plain_limits(std::string& head) {
    std::string kept;
    for (std::string_view rest = head; !rest.empty();) {
        const auto line = rest.substr(0, std::min(rest.size(), rest.find('\n') + 1));
        rest.remove_prefix(line.size());
        if (!is_plain_limit(line)) kept += line;
    }
    head = std::move(kept);
}

}  // namespace

Quota::Quota(Runtime& runtime, limits::Allowance* allowance, const Inbound& request)
    : runtime_(runtime),
      allowance_(allowance),
      request_(request),
      key_rules_(allowance != nullptr ? runtime.rules_of(*request.key) : kNoRules) {
    session_ = purse_of_session(runtime, request);
    if (!holds_money() && !rules_.rates.tokens_per_minute) return;
    answer_ = wire::answer_limit(request.body, request.facts);
    answer_.answers = std::max(answer_.answers, pieces_of(request).images);  // a form's, too
    prompt_ = prompt_size(request.body, request.facts);
    expected_.prompt = prompt_.expected;
    learns_ = prompt_.all_here;
    // What is held of a minute's tokens is what is usual. Money is held for the longest answer, for
    // there are servers that give more than the API says.
    const auto shape = request.endpoint.shape;
    expected_.output = expected_output(shape, answer_, {}, default_answer(shape));
    most_.prompt = expected_.prompt;
    most_.output = expected_output(shape, answer_, {}, 0);
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

// What the attempt may use at most, as far as money is concerned.
Expected Quota::most_of(const RuntimeEntry& entry, std::string_view model, std::uint64_t output,
                        const limits::Moment& now) const {
    const auto& upstream = *entry.upstream;
    const auto excess = PromptExcess::known().percent(upstream.name, model, now.second());
    const auto window = runtime_.context_window(upstream, model);
    const auto bound = [&](std::uint64_t tokens) {
        return tokens != 0 ? prompt_bound(tokens, excess, window) : 0;
    };
    Expected most;
    most.prompt = bound(prompt_.most);
    most.output = output;
    most.audio = bound(prompt_.audio);
    most.images = bound(prompt_.images);
    most.for_an_hour = prompt_.for_an_hour;
    return most;
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
    const auto cost =
        expected_cost(money->price, most_of(entry, model, money->expected.output, now), limit.tier,
                      pieces_of(request_));
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
    pass_.use(now, used_by(report, money != nullptr ? money->expected : most_).total());
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
    PromptExcess::known().note(report.upstream, report.model, now.second(), prompt_.most,
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

const limits::Standings& Quota::standings(const limits::Moment& now) {
    if (!standings_) standings_ = allowance_->rates().standings(rules_.rates, now);
    return *standings_;
}

void Quota::add_rates(wire::HeadWriter& head, bool in_openais_words, const limits::Moment& now) {
    const auto& standings = this->standings(now);
    // The one that is nearest to its end.
    const auto* tight = standings.requests ? &*standings.requests : nullptr;
    const auto* words = &key_rules_.requests;
    if (const auto& tokens = standings.tokens) {
        const auto share = [](const limits::Standing& s) {
            return static_cast<double>(s.remaining) / static_cast<double>(s.limit);
        };
        if (tight == nullptr || share(*tokens) < share(*tight)) {
            tight = &*tokens;
            words = &key_rules_.tokens;
        }
    }
    if (tight != nullptr) {
        head.add(words->plain).add_number(tight->remaining).add("\r\nratelimit-reset: ");
        head.add_number(static_cast<std::uint64_t>(tight->reset)).add("\r\n");
    }
    if (!in_openais_words) return;
    if (const auto& r = standings.requests) {
        head.add(key_rules_.requests.openai).add_number(r->remaining);
        head.add("\r\nx-ratelimit-reset-requests: ");
        head.add_number(static_cast<std::uint64_t>(r->reset)).add("s\r\n");
    }
    if (const auto& t = standings.tokens) {
        head.add(key_rules_.tokens.openai).add_number(t->remaining);
        head.add("\r\nx-ratelimit-reset-tokens: ");
        head.add_number(static_cast<std::uint64_t>(t->reset)).add("s\r\n");
    }
}

bool Quota::take_fields_of_others(std::string& head) {
    const auto theirs = their_fields(head);
    if (theirs.plain) drop_plain_limits(head);
    return theirs.openai;
}

void Quota::add_fields(wire::HeadWriter& head, bool has_openais) {
    const auto now = limits::now();
    std::optional<NanoUsd> left;
    if (request_.session_budget && session_) left = session_->left(session_budget(request_), now);
    if (allowance_ != nullptr) {
        add_rates(head, !has_openais, now);
        const auto of_key = allowance_->purse()->left(rules_.budgets, now);
        if (of_key && (!left || *of_key < *left)) left = of_key;
    }
    if (left) {
        head.add_field("x-understudy-budget-remaining-usd",
                       metrics::UsdText(*left * kPicoPerNano).view());
    }
}

void Quota::append_fields(std::string& head) {
    const bool has_openais = take_fields_of_others(head);
    wire::HeadWriter out(head);
    add_fields(out, has_openais);
}

}  // namespace understudy::proxy
