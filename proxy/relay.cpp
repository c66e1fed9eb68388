#include "proxy/relay.hpp"

#include "proxy/session.hpp"
#include "proxy/stream_error.hpp"
#include "wire/append.hpp"
#include "wire/chunk.hpp"

#include <optional>

namespace understudy::proxy {

using upstreams::Attempt;
using upstreams::GatherList;
using upstreams::Task;
using wire::append_field;

namespace {

// The error event that ends a stream which cannot be completed, as the answer's libraries read it.
std::string error_event(const Attempt& attempt) {
    const std::string message =
        "The upstream's stream ended before the answer was complete (" + attempt.detail() + ").";
    return stream_error_event(attempt.shape(), message, attempt.events_seen());
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
        if (kind_ == wire::BodyKind::chunked) append_field(head, "transfer-encoding", "chunked");
        if (kind_ == wire::BodyKind::length) append_field(head, "content-length", length_);
    }

  private:
    wire::BodyKind kind_;
    std::uint64_t length_ = 0;
};

}  // namespace

void add_upstream_head(std::string& out, const upstreams::AnswerHead& head) {
    out.append("HTTP/1.1 ");
    wire::append_number(out, head.status);
    out.append(1, ' ').append(head.reason).append("\r\n").append(head.fields);
}

void add_answer_fields(std::string& out, const Inbound& request, const RequestRecord& record,
                       std::string_view upstream, std::string_view model, const Bill* bill) {
    append_field(out, "x-request-id", request.request_id);
    out.append(request.cors);
    if (!upstream.empty()) {
        append_field(out, "x-understudy-upstream", upstream);
        if (!model.empty()) {
            out.append("x-understudy-model: ");
            append_model_name(out, model);
            out.append("\r\n");
        }
    }
    append_field(out, "x-understudy-attempts", record.attempts);
    if (!record.trace.empty()) append_field(out, "x-understudy-trace", record.trace);
    if (bill != nullptr && bill->cost_pico_usd) {
        // Of the whole request: attempts that failed were paid for as well.
        const auto usd = metrics::format_usd(record.total_cost_pico_usd + *bill->cost_pico_usd);
        append_field(out, "x-understudy-cost-usd", usd);
        append_field(out, "x-litellm-response-cost", usd);
    }
}

bool relay_whole(Session& session, std::string& head, unsigned status, std::string_view body,
                 GatherList& list) {
    if (status != 204 && status != 304) append_field(head, "content-length", body.size());
    head.append(session.connection_field()).append("\r\n");
    list.clear();
    list.add(head);
    list.add(body);
    return session.send_at_once(list);
}

Task<void> relay_stream(Session& session, Attempt& attempt, std::string& head) {
    using State = Attempt::State;
    const ClientFraming framing(session, attempt);
    const bool chunked = framing.kind() == wire::BodyKind::chunked;
    if (framing.kind() == wire::BodyKind::until_close) session.close_after_answer();

    framing.write_field(head);
    head.append(session.connection_field()).append("\r\n");

    GatherList data;
    GatherList out;
    std::string_view before = head;
    for (;;) {
        // When the end is known already it goes out in the same write.
        while (attempt.state() == State::committed && attempt.at_end())
            static_cast<void>(attempt.pump());
        data.clear();
        out.clear();
        out.add(before);
        attempt.gather(data);
        std::optional<wire::ChunkHeader> size;
        if (chunked && !data.empty()) out.add(size.emplace(data.bytes()).view());
        out.add(data);
        if (size) out.add(wire::kChunkEnd);
        if (chunked && attempt.state() == State::finished) out.add(wire::kLastChunk);
        const bool sent = session.send_at_once(out) || co_await session.send_rest(out);
        if (!sent) co_return;
        before = {};
        attempt.advance();
        if (attempt.state() != State::committed) break;
        while (!attempt.pump()) {
            co_await session.signal().wait();
            if (attempt.waited_in_vain()) break;
        }
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
