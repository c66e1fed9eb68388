#include "mock/connection.hpp"

#include "mock/control.hpp"
#include "mock/errors.hpp"
#include "mock/player.hpp"

#include <chrono>
#include <utility>

namespace understudy::mock {
namespace {

enum class Got : std::uint8_t { request, bad, closed };

class Connection {
  public:
    Connection(WorkerRoom& room, std::shared_ptr<Link> link)
        : room_(room), state_(room.state), link_(std::move(link)), buffer_(room.blocks) {}

    Awaitable<void> run();

  private:
    Awaitable<Got> receive();
    Awaitable<bool> allow_body();
    Awaitable<bool> respond();
    Awaitable<bool> perform(Ask ask, Plan plan, RequestLog::EntryPtr entry);
    Awaitable<void> refuse(std::string_view problem);

    std::string_view canned(Endpoint endpoint, const BodyFacts& facts, std::uint64_t id);
    Ask ask_for(Endpoint endpoint, const BodyFacts& facts, std::uint64_t id) const;
    RequestLog::EntryPtr log_request(std::uint64_t id, const BodyFacts& facts,
                                     const std::string& label);
    void log_unfinished();
    bool refuse_signature(Plan& plan, Endpoint endpoint) const;
    void number_connection();
    void done_with_request();

    WorkerRoom& room_;
    State& state_;
    std::shared_ptr<Link> link_;
    Buffer buffer_;
    HttpReader reader_;
    HttpRequest request_;
    bool continued_ = false;    // 100 was sent for this request
    std::uint64_t number_ = 0;  // of this connection, once it has sent a request
    std::uint64_t request_number_ = 0;
};

Awaitable<void> Connection::run() {
    for (;;) {
        const Got got = co_await receive();
        if (got == Got::closed) {
            if (reader_.head_done()) log_unfinished();
            break;
        }
        if (got == Got::bad) {
            co_await refuse(reader_.problem());
            break;
        }
        const bool going = co_await respond();
        if (!going) break;
    }
    link_->close();
}

Awaitable<Got> Connection::receive() {
    // Between two requests nothing is there yet: waiting first saves a read that fails.
    bool wait = buffer_.empty() && !link_->has_input();
    for (;;) {
        if (!buffer_.empty()) {
            const auto status = reader_.read(buffer_.view(), request_);
            if (status == HttpReader::Status::done) co_return Got::request;
            if (status == HttpReader::Status::bad) co_return Got::bad;
            if (request_.expect_continue && reader_.head_done() && !continued_) {
                const bool allowed = co_await allow_body();
                if (!allowed) co_return Got::closed;
            }
        }
        if (wait) {
            buffer_.release_if_empty();
            co_await link_->ready(Io::want_read);
        }
        const std::size_t wanted = std::max<std::size_t>(reader_.missing(), 4096);
        char* const to = buffer_.room(wanted);
        std::size_t size = 0;
        const Io result = link_->read_now(to, buffer_.room_size(), size);
        buffer_.filled(size);
        if (result == Io::closed) co_return Got::closed;
        wait = result == Io::want_read;
        if (result == Io::want_write) co_await link_->ready(result);
    }
}

Awaitable<bool> Connection::allow_body() {
    continued_ = true;
    co_return co_await link_->send_rest("HTTP/1.1 100 Continue\r\n\r\n");
}

Awaitable<void> Connection::refuse(std::string_view problem) {
    Plan plan;
    plan.status = 400;
    plan.body = error_document(Endpoint::unknown, plan.status, problem);
    Ask ask;
    ask.id = id_text(0);
    ask.keep_alive = false;
    Player player(*link_, ask, plan);
    co_await player.play();
}

/// The whole answer if it is the healthy plain one and nobody keeps a log: the benches' way.
std::string_view Connection::canned(Endpoint endpoint, const BodyFacts& facts, std::uint64_t id) {
    const bool simple = endpoint == Endpoint::chat && request_.method == "POST" &&
                        request_.minor_version == 1 && request_.keep_alive && facts.well_formed &&
                        !facts.stream && !facts.last_is_assistant &&
                        facts.previous_message.empty() && !facts.model.empty();
    if (!simple || state_.keep_log() || state_.has_script()) return {};
    return room_.canned.find(facts.model, state_.name(), id);
}

Ask Connection::ask_for(Endpoint endpoint, const BodyFacts& facts, std::uint64_t id) const {
    Ask ask;
    ask.endpoint = endpoint;
    ask.id = id_text(id);
    ask.model = facts.model.empty() ? "ok" : std::string(facts.model);
    ask.stream = facts.stream;
    ask.include_usage = facts.include_usage;
    ask.as_list = endpoint == Endpoint::gemini && facts.stream &&
                  request_.query.find("alt=sse") == std::string_view::npos;
    ask.http10 = request_.minor_version == 0;
    ask.keep_alive = request_.keep_alive;
    ask.fingerprint = state_.name();
    if (facts.last_is_assistant) ask.prefill = message_text(facts.last_message);
    if (!facts.previous_message.empty())
        ask.prefill = begun_before(facts.previous_message, facts.last_message);
    if (endpoint == Endpoint::embeddings) ask.embeddings = scan_embeddings(request_.body);
    return ask;
}

void Connection::number_connection() {
    if (number_ == 0) number_ = state_.next_connection();
    ++request_number_;
}

RequestLog::EntryPtr Connection::log_request(std::uint64_t id, const BodyFacts& facts,
                                             const std::string& label) {
    if (!state_.keep_log()) return nullptr;
    auto entry = RequestLog::entry_for(request_);
    entry->id = id;
    entry->model = facts.model;
    entry->stream = facts.stream;
    entry->connection = number_;
    entry->request = request_number_;
    entry->behaviour = label;
    state_.log().add(entry);
    return entry;
}

/// The client left in the middle of its request body.
void Connection::log_unfinished() {
    number_connection();
    ++state_.counters().aborted;
    const auto entry = log_request(state_.next_request(), BodyFacts(), "unfinished request");
    if (!entry) return;
    Outcome outcome;
    outcome.aborted = true;
    state_.log().finish(entry, outcome);
}

void Connection::done_with_request() {
    buffer_.consume(request_.size);
    buffer_.release_if_empty();
    reader_.reset();
    request_.storage.clear();
    request_.storage.shrink_to_fit();
    continued_ = false;
}

/// Bedrock looks at who asks before anything else. True: the plan is a refusal now.
bool Connection::refuse_signature(Plan& plan, Endpoint endpoint) const {
    const auto& key = state_.aws_key();
    if (key.id.empty() || api_of(endpoint) != Api::amazon) return false;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto problem = check_signature(
        request_, key, std::chrono::duration_cast<std::chrono::seconds>(now).count());
    if (!problem) return false;
    plan = Plan();
    plan.status = 403;
    plan.headers.emplace_back("x-amzn-errortype", problem->name);
    plan.body = error_document(endpoint, plan.status, problem->message);
    return true;
}

/// False: the connection has ended.
Awaitable<bool> Connection::respond() {
    const Endpoint endpoint = endpoint_of(request_.path);
    if (endpoint == Endpoint::control) {
        Plan plan = control_answer(state_, request_);
        Ask ask = ask_for(endpoint, BodyFacts(), 0);
        done_with_request();
        Player player(*link_, ask, plan);
        co_await player.play();
        co_return player.keep_alive();
    }
    ++state_.counters().requests;
    const std::uint64_t id = state_.next_request();
    const bool form = request_.field("content-type").starts_with("multipart/form-data");
    BodyFacts facts =
        form ? scan_form(request_.body, request_.field("content-type")) : scan_json(request_.body);
    read_path(endpoint, request_.path, facts);
    const std::string_view ready = canned(endpoint, facts, id);
    if (!ready.empty()) {
        buffer_.consume(request_.size);
        reader_.reset();
        ++state_.counters().complete;
        co_return co_await link_->send_rest(ready);
    }
    number_connection();
    const RequestTraits traits{facts.model, request_.path, facts.stream};
    State::Decision decision = state_.decide(traits, facts.last_is_assistant);
    Plan plan = std::move(decision.behaviour.plan);
    word_refusal(plan, endpoint, facts.stream);
    answer_housekeeping(plan, endpoint, request_);
    if (refuse_signature(plan, endpoint)) decision.label = "signature refused";
    const bool reads_body = !plan.body && !plan.events && plan.breaks == Break::none;
    if (reads_body && !facts.well_formed) {
        plan.status = 400;
        plan.body = error_document(endpoint, plan.status,
                                   "We could not parse the JSON body of your request.");
    }
    auto entry = log_request(id, facts, decision.label);
    Ask ask = ask_for(endpoint, facts, id);
    if (plan.content == Content::echo) append_escaped(ask.echo, request_.body);
    done_with_request();
    co_return co_await perform(std::move(ask), std::move(plan), std::move(entry));
}

Awaitable<bool> Connection::perform(Ask ask, Plan plan, RequestLog::EntryPtr entry) {
    Player player(*link_, ask, plan);
    co_await player.play();
    const Outcome& outcome = player.outcome();
    Counters& counters = state_.counters();
    ++(outcome.complete ? counters.complete : outcome.aborted ? counters.aborted : counters.broken);
    if (entry) state_.log().finish(entry, outcome);
    co_return player.keep_alive();
}

/// Counts the open connections whatever way they end.
class OpenCount {
  public:
    explicit OpenCount(Counters& counters) : counters_(counters) {
        ++counters_.connections;
        ++counters_.connections_open;
    }
    ~OpenCount() { --counters_.connections_open; }
    OpenCount(const OpenCount&) = delete;
    OpenCount& operator=(const OpenCount&) = delete;

  private:
    Counters& counters_;
};

}  // namespace

Awaitable<void> serve_connection(WorkerRoom& room, Socket socket) {
    const OpenCount count(room.state.counters());
    auto link = std::make_shared<Link>(std::move(socket), room.tls);
    const bool shaken = co_await link->handshake();
    if (!shaken) co_return;
    Connection connection(room, link);
    co_await connection.run();
}

}  // namespace understudy::mock
