#include "proxy/answer_head.hpp"

#include "metrics/usd_text.hpp"
#include "proxy/quota.hpp"
#include "proxy/session.hpp"
#include "wire/append.hpp"

#include <algorithm>

namespace understudy::proxy {

using net::GatherList;

std::string without_fields(std::string_view lines, std::initializer_list<std::string_view> names) {
    std::string kept;
    while (!lines.empty()) {
        const auto line = lines.substr(0, std::min(lines.size(), lines.find('\n') + 1));
        lines.remove_prefix(line.size());
        const auto name = line.substr(0, line.find(':'));
        const bool dropped = std::any_of(names.begin(), names.end(), [&](std::string_view other) {
            return wire::iequals(name, other);
        });
        if (!dropped) kept += line;
    }
    return kept;
}

void add_upstream_head(std::string& out, const upstreams::AnswerHead& head) {
    wire::HeadWriter(out)
        .add("HTTP/1.1 ")
        .add_number(head.status)
        .add(" ")
        .add(head.reason)
        .add("\r\n")
        .add(head.fields);
}

static void add_cost(wire::HeadWriter& out, const RequestRecord& record, const Bill& bill) {
    // Of the whole request: attempts that failed were paid for as well.
    const metrics::UsdText usd(record.total_cost_pico_usd + *bill.cost_pico_usd);
    out.add_field("x-understudy-cost-usd", usd.view());
    out.add_field("x-litellm-response-cost", usd.view());
    const auto version = price_version(bill.priced_by, record.prices());
    if (!version.empty()) out.add_field("x-understudy-price-version", version);
}

// What limits others have written of, before a writer has the head; as Quota's.
static bool take_limits(std::string& out, const RequestRecord& record) {
    return record.quota != nullptr && Quota::take_fields_of_others(out);
}

static void add_state(wire::HeadWriter& head, const RequestRecord& record, bool has_openais) {
    if (!record.trace.empty()) head.add_field("x-understudy-trace", record.trace);
    if (record.quota != nullptr) record.quota->add_fields(head, has_openais);
}

void add_answer_fields(std::string& out, const Inbound& request, const RequestRecord& record,
                       std::string_view upstream, std::string_view model, const Bill* bill) {
    const bool has_openais = take_limits(out, record);
    wire::HeadWriter head(out);
    head.add_field("x-request-id", request.request_id).add(request.cors);
    if (!upstream.empty()) {
        head.add_field("x-understudy-upstream", upstream);
        if (!model.empty()) {
            ModelName name;
            head.add_field("x-understudy-model", name.of(model));
        }
    }
    head.add_field("x-understudy-attempts", record.attempts);
    add_state(head, record, has_openais);
    if (bill != nullptr && bill->cost_pico_usd) add_cost(head, record, *bill);
}

void add_early_fields(std::string& out, const Inbound& request, const RequestRecord& record) {
    const bool has_openais = take_limits(out, record);
    wire::HeadWriter head(out);
    head.add_field("x-request-id", request.request_id).add(request.cors);
    add_state(head, record, has_openais);
}

bool send_whole(Session& session, std::string& head, unsigned status, std::string_view body,
                GatherList& list) {
    {
        wire::HeadWriter end(head);
        if (status != 204 && status != 304) end.add_field("content-length", body.size());
        end.add(session.connection_field()).add("\r\n");
    }
    list.clear();
    list.add(head);
    list.add(body);
    return session.send_at_once(list);
}

}  // namespace understudy::proxy
