#include "tests/unit/by_hand/proxy.hpp"

#include "ledger/ledger.hpp"
#include "proxy/session.hpp"
#include "tests/unit/proxy/support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <type_traits>
#include <utility>

namespace understudy::test {

using nlohmann::json;

namespace {

constexpr std::size_t kMemory = std::size_t{64} << 20;

std::string chunk(const std::string& data) {
    static const char* const kDigits = "0123456789abcdef";
    std::string size;
    for (auto n = data.size(); n > 0; n /= 16) size.insert(size.begin(), kDigits[n % 16]);
    return size + "\r\n" + data + "\r\n";
}

std::string event(const json& choice) {
    const json data = {{"id", "chatcmpl-1"},
                       {"object", "chat.completion.chunk"},
                       {"created", 1},
                       {"model", "m-2026"},
                       {"choices", json::array({choice})}};
    return "data: " + data.dump() + "\n\n";
}

std::string message(unsigned status, std::string_view fields, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " Said\r\ncontent-type: application/json\r\n" +
           std::string(fields) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

milliseconds from_us(std::int64_t us) {
    return std::chrono::duration_cast<milliseconds>(std::chrono::microseconds(us));
}

BookedAttempt copy_of(const ledger::AttemptRow& row) {
    BookedAttempt copy;
    copy.upstream = row.upstream;
    copy.reason = row.reason;
    copy.cause = row.cause;
    copy.took = from_us(row.total_us);
    copy.status = row.status;
    copy.deliveries = row.deliveries;
    copy.hedge = row.hedge;
    copy.hedge_won = row.hedge_won;
    copy.overtaken = row.overtaken;
    copy.request = row.request_no;
    copy.tokens = row.tokens.total() + row.estimated_input + row.estimated_output;
    return copy;
}

BookedRequest copy_of(const ledger::RequestRow& row) {
    BookedRequest copy;
    copy.outcome = row.outcome;
    copy.code = row.code;
    copy.served_by = row.served_by;
    copy.took = from_us(row.total_us);
    copy.status = row.status;
    copy.attempts = row.attempts;
    copy.no = row.no;
    copy.tokens = row.prompt_tokens + row.completion_tokens;
    copy.broken = row.broken;
    return copy;
}

}  // namespace

// ------------------------------------------------------------------------------------ upstreams

Step says(milliseconds after, std::string bytes) {
    return {after, Step::Kind::says, std::move(bytes)};
}

Step ends(milliseconds after) {
    return {after, Step::Kind::ends, {}};
}

Step breaks(milliseconds after) {
    return {after, Step::Kind::breaks, {}};
}

Script answers(milliseconds after, std::string_view text) {
    const json body = {
        {"id", "chatcmpl-1"},
        {"object", "chat.completion"},
        {"created", 1},
        {"model", "m-2026"},
        {"choices", json::array({{{"index", 0},
                                  {"message", {{"role", "assistant"}, {"content", text}}},
                                  {"finish_reason", "stop"}}})},
        {"usage", {{"prompt_tokens", 10}, {"completion_tokens", 5}, {"total_tokens", 15}}}};
    return Script({says(after, message(200, {}, body.dump()))});
}

Script refuses(milliseconds after, unsigned status, std::string_view fields) {
    const json body = {{"error", {{"message", "not today"}, {"type", "server_error"}}}};
    return Script({says(after, message(status, fields, body.dump()))});
}

std::string stream_head() {
    return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
}

std::string piece(std::string_view text) {
    return chunk(event({{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}));
}

std::string stream_end() {
    return chunk(event({{"index", 0}, {"delta", json::object()}, {"finish_reason", "stop"}})) +
           chunk("data: [DONE]\n\n") + "0\r\n\r\n";
}

static Script beginning(milliseconds head, milliseconds between,
                        const std::vector<std::string>& pieces) {
    Script script;
    script.steps.push_back(says(head, stream_head()));
    for (const auto& text : pieces) script.steps.push_back(says(between, piece(text)));
    return script;
}

Script streams(milliseconds head, milliseconds between, const std::vector<std::string>& pieces) {
    auto script = beginning(head, between, pieces);
    script.steps.push_back(says(between, stream_end()));
    return script;
}

Script breaks_off(milliseconds head, milliseconds between, const std::vector<std::string>& pieces) {
    auto script = beginning(head, between, pieces);
    script.steps.push_back(breaks(between));
    return script;
}

// --------------------------------------------------------------------------------------- client

std::string Client::head() const {
    const auto end = raw().find("\r\n\r\n");
    return end == std::string::npos ? std::string() : raw().substr(0, end + 2);
}

unsigned Client::status() const {
    return head().empty() ? 0 : static_cast<unsigned>(std::stoul(raw().substr(9, 3)));
}

std::string Client::header(std::string_view name) const {
    const auto text = head();
    const auto at = text.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return text.substr(begin, text.find("\r\n", begin) - begin);
}

static bool take_chunks(std::string_view framed, std::string& body) {
    while (!framed.empty()) {
        const auto line = framed.find("\r\n");
        if (line == std::string_view::npos) return false;
        const auto size = std::stoul(std::string(framed.substr(0, line)), nullptr, 16);
        framed.remove_prefix(line + 2);
        if (size == 0) return framed == "\r\n";
        if (framed.size() < size + 2) return false;
        body += framed.substr(0, size);
        framed.remove_prefix(size + 2);
    }
    return false;
}

std::string Client::body() const {
    const auto framed = std::string_view(raw()).substr(std::min(raw().size(), head().size() + 2));
    if (header("transfer-encoding") != "chunked") return std::string(framed);
    std::string body;
    take_chunks(framed, body);
    return body;
}

bool Client::whole() const {
    if (head().empty()) return false;
    const auto framed = std::string_view(raw()).substr(head().size() + 2);
    std::string body;
    if (header("transfer-encoding") == "chunked") return take_chunks(framed, body);
    const auto length = header("content-length");
    return !length.empty() && framed.size() == std::stoul(length);
}

bool Client::answered() const {
    return closed() || whole();
}

std::string Client::text() const {
    const auto all = body();
    if (header("content-type").find("event-stream") == std::string::npos) {
        const auto answer = json::parse(all, nullptr, false);
        if (answer.is_discarded() || !answer.contains("choices")) return {};
        return answer["choices"][0]["message"]["content"];
    }
    std::string text;
    constexpr std::string_view kData = "data: ";
    for (std::size_t at = 0; at < all.size();) {
        const auto end = std::min(all.size(), all.find("\n\n", at));
        const auto one = std::string_view(all).substr(at, end - at);
        at = end + 2;
        if (!one.starts_with(kData)) continue;
        const auto said = json::parse(one.substr(kData.size()), nullptr, false);
        if (said.is_discarded() || !said.contains("choices")) continue;
        for (const auto& choice : said["choices"]) text += choice["delta"].value("content", "");
    }
    return text;
}

// ---------------------------------------------------------------------------------------- proxy

/// A ledger that keeps its rows where the test can see them. Its thread writes, the test's reads.
struct Proxy::Written {
    std::mutex mutex;
    Books books;

    class Store final : public ledger::Store {
      public:
        explicit Store(std::shared_ptr<Written> to) : to_(std::move(to)) {}
        ledger::Fault open() override { return ledger::Fault::none; }
        void leave_form(bool) override {}
        ledger::Fault write(const ledger::Batch& batch) override {
            const std::lock_guard lock(to_->mutex);
            for (const auto& chunk : batch) {
                chunk.for_each([this](const auto& row) {
                    using Row = std::remove_cvref_t<decltype(row)>;
                    if constexpr (std::is_same_v<Row, ledger::AttemptRow>) {
                        to_->books.attempts.push_back(copy_of(row));
                    } else {
                        to_->books.requests.push_back(copy_of(row));
                    }
                });
            }
            return ledger::Fault::none;
        }
        std::int64_t newest(std::int64_t) override { return 0; }
        ledger::Fault forget(std::int64_t, bool& more) override {
            more = false;
            return ledger::Fault::none;
        }
        ledger::Fault counters(std::vector<ledger::Counter>&) override {
            return ledger::Fault::none;
        }
        bool changed_elsewhere() override { return false; }
        std::string set_aside() override { return {}; }
        void rest() override {}
        const std::string& why() const override { return nothing_; }
        const std::string& place() const override { return nothing_; }

      private:
        std::shared_ptr<Written> to_;
        std::string nothing_;
    };
};

Proxy::Proxy(std::string_view yaml, std::uint64_t seed)
    : registry(1, wire::kFailureClassNames, {"test", "test"}),
      shared(kMemory, registry),
      written_(std::make_shared<Written>()) {
    auto store = std::make_unique<Written::Store>(written_);
    shared.ledger = std::make_unique<ledger::Ledger>(std::move(store), ledger::Settings());
    shared.ledger->start();
    worker_.emplace(0, shared, registry.shard(0));
    worker_->seed(seed);
    world.drive(worker_->io());
    load(yaml);
    world.until([this] { return worker_->runtime() != nullptr; });
}

void Proxy::load(std::string_view yaml) {
    auto loaded = std::make_shared<const proxy::LoadedConfig>(proxy::test::config_of(yaml),
                                                              loaded_.lock().get());
    loaded_ = loaded;
    worker_->use(std::move(loaded));
}

std::weak_ptr<const proxy::LoadedConfig> Proxy::reload(std::string_view yaml) {
    auto before = loaded_;
    load(yaml);
    return before;
}

Proxy::~Proxy() {
    for (const auto& client : clients_) client->end();
    world.until([this] { return shared.sessions == 0; });
    shared.ledger->stop();
}

Client Proxy::ask(bool stream, std::string_view headers) {
    const json asked = {{"model", "m"},
                        {"stream", stream},
                        {"messages", json::array({{{"role", "user"}, {"content", "Hello?"}}})}};
    const auto body = asked.dump();
    auto far = std::make_shared<FarEnd>();
    far->say(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        "content-type: application/json\r\n" +
        std::string(headers) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body);
    clients_.push_back(far);
    shared.connections.fetch_add(1);
    proxy::Session::start(*worker_, world.socket(far), proxy::Role::everything,
                          boost::asio::ip::address_v4::loopback());
    return Client(far);
}

Books Proxy::books() {
    shared.ledger->settle(std::chrono::seconds(10));
    const std::lock_guard lock(written_->mutex);
    return written_->books;
}

std::string Proxy::metrics() const {
    return registry.render(metrics::Format::prometheus);
}

}  // namespace understudy::test
