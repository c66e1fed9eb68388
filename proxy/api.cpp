#include "proxy/api.hpp"

#include "proxy/api_query.hpp"
#include "proxy/ledger_json.hpp"
#include "proxy/question.hpp"
#include "proxy/session.hpp"
#include "proxy/upstreams_json.hpp"

#include <chrono>
#include <optional>

namespace understudy::proxy {

using ledger::Fault;
using net::Task;

namespace {

constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kGroupCommit{250};  // longer than one takes
constexpr std::size_t kAttemptsOfSession = 1000;
constexpr std::string_view kJson = "application/json", kCsv = "text/csv; charset=utf-8";

/// What came of a question.
struct Reply {
    Reply() = default;
    std::optional<LocalError> error;
    std::string body;
    std::string_view type = kJson;
};

LocalError missing(std::string_view what) {
    return {404, "not_found",
            "The ledger has no such " + std::string(what) + ", or does not keep it any more."};
}

Fault answer(const AskUsage& ask, ledger::Reader& reader, Reply& reply) {
    UsageAnswer usage;
    usage.by = ask.by;
    usage.from_us = ask.span.from_us;
    usage.page.skip = ask.skip;
    usage.page.limit = ask.limit;
    const auto fault = reader.usage(ask.by, ask.span, usage.page);
    reply.body = usage_text(ask.csv ? UsageForm::csv : UsageForm::json, usage);
    if (ask.csv) reply.type = kCsv;
    return fault;
}

Fault answer(const AskRequests& ask, ledger::Reader& reader, Reply& reply) {
    ledger::RequestPage page;
    const auto fault = reader.requests(ask.filter, page);
    reply.body = requests_json(page);
    return fault;
}

Fault answer(const AskRequest& ask, ledger::Reader& reader, Reply& reply) {
    std::optional<ledger::Story> story;
    const auto fault = reader.request(ask.id, story);
    if (!story) {
        reply.error = missing("request");
    } else {
        reply.body = story_json(*story);
    }
    return fault;
}

Fault answer(const AskSession& ask, ledger::Reader& reader, Reply& reply) {
    ledger::SessionStory session;
    const auto fault = reader.session(ask.name, kAttemptsOfSession, session);
    if (session.lines.empty()) {
        reply.error = missing("session");
    } else {
        reply.body = session_json(ask.name, session);
    }
    return fault;
}

// Answered without a look at the ledger.
Fault answer(const AskUpstreams&, ledger::Reader&, Reply&) {
    return Fault::none;
}

Reply look_up_now(const ApiQuery& query, const std::string& path) {
    Reply reply;
    const auto reader = ledger::sqlite_reader(path);
    auto fault = reader->open();
    if (fault == Fault::none) {
        reader->limit_time(kPatience);
        fault = std::visit([&](const auto& ask) { return answer(ask, *reader, reply); }, query);
    }
    if (fault != Fault::none) {
        reply.error.emplace(503, "ledger_unreadable",
                            "The ledger cannot be read: " + reader->why() + '.');
    }
    return reply;
}

// Who asks for a request right behind its answer may be sooner than the writer, and find an earlier
// one that had the same id.
Reply look_up(const ApiQuery& query, ledger::Ledger& ledger) {
    const bool of_request = std::holds_alternative<AskRequest>(query);
    if (of_request) ledger.settle(kGroupCommit);
    auto reply = look_up_now(query, ledger.place());
    const bool not_found = !of_request && reply.error && reply.error->status == 404;
    if (not_found && ledger.settle(kGroupCommit)) reply = look_up_now(query, ledger.place());
    return reply;
}

std::optional<LocalError> ask(Session& session, const ApiQuery& query, Question<Reply>& question) {
    auto& shared = session.worker().shared();
    if (!shared.ledger) {
        return LocalError(404, "no_ledger", "This proxy keeps no ledger (`ledger` is off).");
    }
    const bool asked =
        question.ask(shared.reading_room, session.worker().io(), session.signal(),
                     [query, &ledger = *shared.ledger] { return look_up(query, ledger); });
    if (asked) return std::nullopt;
    return overloaded("Too many questions to the ledger wait already.");
}

std::int64_t now_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

Task<void> answer_api(Session& session, const Inbound& request,
                      const std::shared_ptr<Runtime>& runtime) {
    constexpr std::string_view kNoFields;
    const auto query = read_api_query(request.head.target, now_us());
    if (const auto* const error = std::get_if<LocalError>(&query)) {
        const auto copy = *error;
        co_await session.answer(copy);
        co_return;
    }
    if (std::holds_alternative<AskUpstreams>(std::get<ApiQuery>(query))) {
        const auto totals = session.worker().shared().registry.collect();
        const auto text = upstreams_json(runtime->config(), totals);
        co_await session.answer(200, kJson, kNoFields, text);
        co_return;
    }
    Question<Reply> question;
    const auto refused = ask(session, std::get<ApiQuery>(query), question);
    if (refused) {
        co_await session.answer(*refused);
        co_return;
    }
    while (!question.over() && !session.client_gone()) co_await session.signal().wait();
    if (!question.over()) co_return;
    const auto& reply = question.reply();
    if (reply.error) {
        co_await session.answer(*reply.error);
    } else {
        co_await session.answer(200, reply.type, kNoFields, reply.body);
    }
}

}  // namespace understudy::proxy
