#include "proxy/rescue/responses/dialect.hpp"

#include "proxy/rescue/anchor.hpp"
#include "proxy/rescue/continuation_request.hpp"
#include "proxy/rescue/instruction.hpp"
#include "proxy/rescue/responses/continuation.hpp"
#include "proxy/rescue/value_edit.hpp"

#include <string>
#include <utility>
#include <vector>

namespace understudy::proxy::rescue {

using dialects::Value;

namespace {

std::string turn_of(std::string_view role, std::string_view json) {
    return std::string(R"({"role":")").append(role).append(R"(","content":)").append(json) + '}';
}

bool asks_for_logprobs(Value include, Value top) {
    bool asks = top.is_number() && top.count() > 0;
    include.elements([&](Value what) { asks |= what.is("message.output_text.logprobs"); });
    return asks;
}

}  // namespace

Wishes ResponsesDialect::read(std::string_view body, const wire::RequestFacts&) {
    const auto [input, tools, text, include, top, background] =
        Value::of(body).pick({"input", "tools", "text", "include", "top_logprobs", "background"});
    Wishes wishes;
    wishes.conversation = (input.is_string() || input.is_array()) && !background.is_true();
    wishes.tools = tools.is_array() && !tools.empty();
    const auto format = text.at("format").at("type");
    wishes.schema = format.present() && !format.is("text");
    wishes.logprobs = asks_for_logprobs(include, top);
    return wishes;
}

std::string ResponsesDialect::ask(std::string_view body, Rung rung, config::PrefillKind) const {
    if (rung == Rung::restart) return std::string(body);
    const auto [input, limit] = Value::of(body).pick({"input", "max_output_tokens"});
    const auto said = sendable(transcript_.text());
    auto turns = turn_of("assistant", wire::encode_string(said));
    if (rung == Rung::instruct)
        turns += ',' + turn_of("user", wire::encode_string(instruction_behind(said)));
    std::vector<wire::Edit> edits;
    if (input.is_array()) {
        edits.push_back(behind_last(body, input, turns));
    } else {
        edits.push_back(
            replaced(body, input, '[' + turn_of("user", input.raw()) + ',' + turns + ']'));
    }
    if (limit.is_number() && !transcript_.thought()) {
        const auto rest = rest_of_limit(limit.count(), transcript_.completion_tokens(), rung);
        edits.push_back(replaced(body, limit, std::to_string(rest)));
    }
    return with_edits(body, std::move(edits));
}

std::unique_ptr<Continuation> ResponsesDialect::go_on(const ContinuationOptions& options) const {
    return std::make_unique<ResponsesContinuation>(transcript_, options);
}

}  // namespace understudy::proxy::rescue
