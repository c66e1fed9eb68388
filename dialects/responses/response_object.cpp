#include "dialects/responses/response_object.hpp"

#include "dialects/responses/error.hpp"
#include "dialects/usage_text.hpp"

namespace understudy::dialects::responses {
namespace {

using Kind = Item::Kind;
using State = Item::State;

std::string_view status_of(const Item& item) {
    return item.state == State::done ? "completed" : "incomplete";
}

void write_call(const Item& item, std::string_view text, Writer& to) {
    const bool custom = item.kind == Kind::custom_call;
    to.key(custom ? "input" : "arguments").content(text);
    to.key("call_id").content(item.call_id).key("name").content(item.name);
    if (!item.space.empty()) to.key("namespace").content(item.space);
}

void write_thoughts(const Item& item, bool bare, Writer& to) {
    to.key("summary").open('[');
    if (!bare && item.has_part()) write_part(item, item.text, to);
    to.close(']');
    if (!bare && !item.seal.empty()) to.key("encrypted_content").content(item.seal);
}

void write(const Item& item, bool bare, Writer& to) {
    const auto status = bare ? "in_progress" : status_of(item);
    to.open('{').key("id").content(item.id).key("type");
    switch (item.kind) {
        case Kind::message:
        case Kind::refusal:
            to.text("message").key("status").text(status).key("role").text("assistant");
            to.key("content").open('[');
            if (!bare) write_part(item, item.text, to);
            to.close(']');
            break;
        case Kind::reasoning:
            to.text("reasoning");
            write_thoughts(item, bare, to);
            break;
        case Kind::function_call:
        case Kind::custom_call:
            to.text(item.kind == Kind::custom_call ? "custom_tool_call" : "function_call");
            to.key("status").text(status);
            write_call(item, bare ? std::string_view() : item.text, to);
            break;
    }
    to.close('}');
}

void write_incomplete(Status status, Writer& to) {
    to.key("incomplete_details");
    if (status == Status::out_of_tokens) {
        to.open('{').key("reason").text("max_output_tokens").close('}');
    } else if (status == Status::filtered) {
        to.open('{').key("reason").text("content_filter").close('}');
    } else {
        to.null();
    }
}

void write_usage(const Response& response, Status status, Writer& to) {
    to.key("usage");
    const bool over = status != Status::in_progress && status != Status::failed;
    if (response.usage && status != Status::in_progress) {
        write_responses_usage(*response.usage, to);
    } else if (over) {
        write_responses_usage(response.estimate, to);  // strict clients insist on the numbers
    } else {
        to.null();
    }
}

void echo_member(Value said, std::string_view key, std::string_view otherwise, Writer& to) {
    to.key(key).on_one_line(said.nothing() ? otherwise : said.raw());
}

}  // namespace

std::string_view id_prefix_of(Kind kind) {
    switch (kind) {
        case Kind::reasoning:
            return "rs_";
        case Kind::function_call:
            return "fc_";
        case Kind::custom_call:
            return "ctc_";
        default:
            return "msg_";
    }
}

EventNames names_of(Kind kind) {
    switch (kind) {
        case Kind::message:
            return {"response.content_part.added",
                    "response.output_text.delta",
                    "response.output_text.done",
                    "response.content_part.done",
                    "content_index",
                    "text"};
        case Kind::refusal:
            return {
                "response.content_part.added", "response.refusal.delta", "response.refusal.done",
                "response.content_part.done",  "content_index",          "refusal"};
        case Kind::reasoning:
            return {"response.reasoning_summary_part.added",
                    "response.reasoning_summary_text.delta",
                    "response.reasoning_summary_text.done",
                    "response.reasoning_summary_part.done",
                    "summary_index",
                    "text"};
        case Kind::function_call:
            return {{},
                    "response.function_call_arguments.delta",
                    "response.function_call_arguments.done",
                    {},
                    {},
                    "arguments"};
        default:
            return {{},
                    "response.custom_tool_call_input.delta",
                    "response.custom_tool_call_input.done",
                    {},
                    {},
                    "input"};
    }
}

void write_part(const Item& item, std::string_view text, Writer& to) {
    if (item.kind == Kind::reasoning) {
        to.open('{').key("type").text("summary_text").key("text").content(text).close('}');
    } else if (item.kind == Kind::refusal) {
        to.open('{').key("type").text("refusal").key("refusal").content(text).close('}');
    } else {
        to.open('{').key("type").text("output_text").key("annotations").raw("[]");
        to.key("logprobs").raw("[]").key("text").content(text).close('}');
    }
}

void write_announced(const Item& item, Writer& to) {
    write(item, true, to);
}

void write_item(const Item& item, Writer& to) {
    write(item, false, to);
}

std::string_view status_word(Status status) {
    switch (status) {
        case Status::in_progress:
            return "in_progress";
        case Status::completed:
            return "completed";
        case Status::failed:
            return "failed";
        default:
            return "incomplete";
    }
}

void write_response(const Response& response, Status status, const std::vector<Item>& items,
                    const wire::ErrorFacts* error, bool announced, Writer& to) {
    to.open('{').key("id").content(response.id).key("object").text("response");
    to.key("created_at").raw(std::to_string(response.created));
    to.key("status").text(status_word(status)).key("error");
    if (error != nullptr) {
        const auto code = code_of(*error, wire::cause_of(*error));
        to.open('{').key("code").text(code).key("message").text(error->message);
        to.close('}');
    } else {
        to.null();
    }
    write_incomplete(status, to);
    to.key("model").content(response.model).key("output").open('[');
    for (const auto& item : items) {
        if (!announced || item.state != State::held) write_item(item, to);
    }
    to.close(']');
    write_usage(response, status, to);
    to.raw(response.echo).close('}');
}

std::string echo_of(Value request) {
    const auto members =
        request.pick({"max_output_tokens", "metadata", "parallel_tool_calls", "reasoning",
                      "temperature", "text", "tool_choice", "top_p", "user"});
    const auto& [most, metadata, parallel, reasoning, temperature, text, choice, top_p, user] =
        members;
    const auto [effort, summary] = reasoning.pick({"effort", "summary"});
    const auto [format, verbosity] = text.pick({"format", "verbosity"});
    std::string out;
    out.reserve(512);
    Writer to(out);
    to.raw(R"("background":false,"instructions":null)");
    echo_member(most, "max_output_tokens", "null", to);
    echo_member(metadata, "metadata", "{}", to);
    echo_member(parallel, "parallel_tool_calls", "true", to);
    to.raw(R"("previous_response_id":null)").key("reasoning").open('{');
    echo_member(effort, "effort", "null", to);
    echo_member(summary, "summary", "null", to);
    to.close('}').raw(R"("store":false)");
    echo_member(temperature, "temperature", "null", to);
    to.key("text").open('{');
    echo_member(format, "format", R"({"type":"text"})", to);
    if (!verbosity.nothing()) to.key("verbosity").on_one_line(verbosity.raw());
    to.close('}');
    echo_member(choice, "tool_choice", R"("auto")", to);
    to.raw(R"("tools":[])");
    echo_member(top_p, "top_p", "null", to);
    to.raw(R"("truncation":"disabled")");
    echo_member(user, "user", "null", to);
    return out;
}

}  // namespace understudy::dialects::responses
