#include "proxy/relay.hpp"

#include "proxy/session.hpp"
#include "wire/chunk.hpp"
#include "wire/json_scan.hpp"

#include <optional>

namespace understudy::proxy {

using upstreams::Attempt;
using upstreams::GatherList;
using upstreams::Task;

namespace {

void line(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void start_line(std::string& out, const upstreams::AnswerHead& head) {
    out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(1, ' ');
    out.append(head.reason).append("\r\n").append(head.fields);
}

// The error event that ends a stream which cannot be completed (shape: reference errors.md 5).
std::string error_event(const Attempt& attempt) {
    const std::string message =
        "The upstream's stream ended before the answer was complete (" + attempt.detail() + ").";
    return "data: {\"error\":{\"message\":" + wire::encode_string(message) +
           ",\"type\":\"understudy_error\",\"param\":null,\"code\":\"stream_interrupted\"}}\n\n";
}

// How the rest of one answer is framed for one client.
class ClientFraming {
  public:
    ClientFraming(const Session& session, const Attempt& attempt) {
        const auto& framing = attempt.head().framing;
        // Events may be dropped from a stream, so its length is never promised.
        if (!attempt.event_stream() && framing.kind == wire::BodyKind::length) {
            length_ = framing.length;
            kind_ = wire::BodyKind::length;
        } else {
            kind_ =
                session.chunked_allowed() ? wire::BodyKind::chunked : wire::BodyKind::until_close;
        }
    }
    wire::BodyKind kind() const { return kind_; }
    void write_field(std::string& head) const {
        if (kind_ == wire::BodyKind::chunked) line(head, "transfer-encoding", "chunked");
        if (kind_ == wire::BodyKind::length) line(head, "content-length", std::to_string(length_));
    }

  private:
    wire::BodyKind kind_;
    std::uint64_t length_ = 0;
};

}  // namespace

std::string answer_fields(const Inbound& request, const RequestRecord& record,
                          std::string_view upstream, std::string_view model, const Bill* bill) {
    std::string out;
    out.reserve(320);
    line(out, "x-request-id", request.request_id);
    if (!upstream.empty()) {
        line(out, "x-understudy-upstream", upstream);
        const auto name = attempt_name("", model);
        if (name.size() > 1) line(out, "x-understudy-model", std::string_view(name).substr(1));
    }
    line(out, "x-understudy-attempts", std::to_string(record.attempts));
    if (!record.trace.empty()) line(out, "x-understudy-trace", record.trace);
    if (bill != nullptr && bill->cost_pico_usd) {
        const auto usd = metrics::format_usd(*bill->cost_pico_usd);
        line(out, "x-understudy-cost-usd", usd);
        line(out, "x-litellm-response-cost", usd);
    }
    return out;
}

Task<void> relay_whole(Session& session, const upstreams::AnswerHead& head, std::string_view body,
                       const std::string& our_fields) {
    std::string out;
    out.reserve(head.fields.size() + our_fields.size() + 128);
    start_line(out, head);
    out += our_fields;
    if (head.status != 204 && head.status != 304) {
        line(out, "content-length", std::to_string(body.size()));
    }
    out.append(session.connection_field()).append("\r\n");
    GatherList list;
    list.add(out);
    list.add(body);
    co_await session.send(list);
}

Task<void> relay_stream(Session& session, Attempt& attempt, const std::string& our_fields) {
    using State = Attempt::State;
    const ClientFraming framing(session, attempt);
    const bool chunked = framing.kind() == wire::BodyKind::chunked;
    if (framing.kind() == wire::BodyKind::until_close) session.close_after_answer();

    std::string head;
    start_line(head, attempt.head());
    head += our_fields;
    framing.write_field(head);
    head.append(session.connection_field()).append("\r\n");

    GatherList data;
    GatherList out;
    std::string_view before = head;
    for (;;) {
        // When the end is known already it goes out in the same write.
        while (attempt.state() == State::committed && attempt.at_end()) co_await attempt.pump();
        data.clear();
        out.clear();
        out.add(before);
        attempt.gather(data);
        std::optional<wire::ChunkHeader> size;
        if (chunked && !data.empty()) out.add(size.emplace(data.bytes()).view());
        out.add(data);
        if (size) out.add(wire::kChunkEnd);
        if (chunked && attempt.state() == State::finished) out.add(wire::kLastChunk);
        const bool sent = out.empty() || co_await session.send(out);
        if (!sent) co_return;
        before = {};
        attempt.advance();
        if (attempt.state() != State::committed) break;
        co_await attempt.pump();
    }
    if (attempt.state() == State::finished) co_return;

    // Broken: say so in the stream, and end without the end of the message.
    if (attempt.can_append_event() && !attempt.metered().error && !session.client_gone()) {
        const auto event = (attempt.mid_event() ? "\n\n" : "") + error_event(attempt);
        const wire::ChunkHeader size(event.size());
        out.clear();
        if (chunked) out.add(size.view());
        out.add(event);
        if (chunked) out.add(wire::kChunkEnd);
        co_await session.send(out);
    }
    session.cut(!chunked);
}

}  // namespace understudy::proxy
