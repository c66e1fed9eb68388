#include "wire/quality.hpp"

#include "wire/asked_for.hpp"
#include "wire/json_schema.hpp"
#include "wire/said.hpp"

#include <nlohmann/json.hpp>

namespace understudy::wire {
namespace {

using Json = nlohmann::json;
using Verdict = std::optional<QualityVerdict>;

/// Why a call cannot be carried out; null: it can.
const char* wrong_call(const SaidCall& call, const AskedFor& asked) {
    const auto offered = asked.tools.find(call.name);
    if (offered == asked.tools.end()) {
        return asked.other_tools ? nullptr : "it calls a tool that was not offered";
    }
    if (call.free) return nullptr;
    if (call.arguments.is_discarded()) return "the arguments of a call are not JSON";
    if (!call.arguments.is_object()) return "the arguments of a call are not a JSON object";
    if (offered->second.is_null()) return nullptr;
    return misfit(offered->second, call.arguments) != nullptr
               ? "the arguments of a call do not satisfy the tool's schema"
               : nullptr;
}

Verdict judge_calls(const Said& said, const AskedFor& asked) {
    const auto bad = [](const char* what) {
        return QualityVerdict{FailureClass::invalid_tool_call, what};
    };
    if (said.bad_call) return bad("the server says that a call failed");
    for (const auto& call : said.calls) {
        if (const char* what = wrong_call(call, asked)) return bad(what);
    }
    return std::nullopt;
}

Verdict judge_json(const Said& said, const AskedFor& asked) {
    if (!asked.json) return std::nullopt;
    // A call is for the client to carry out before there is an answer, a refusal for it to read.
    const bool instead = said.text.empty() && said.other;
    if (instead || said.refused || !said.calls.empty()) return std::nullopt;
    const auto bad = [](const char* what) {
        return QualityVerdict{FailureClass::invalid_json, what};
    };
    const auto value = Json::parse(said.text, nullptr, false);
    if (value.is_discarded()) return bad("JSON was asked for, and it is none");
    if (asked.object && !value.is_object()) return bad("a JSON object was asked for");
    if (!asked.schema.is_null() && misfit(asked.schema, value) != nullptr) {
        return bad("the JSON does not satisfy the schema that was given");
    }
    return std::nullopt;
}

Verdict judge(const Said& said, const AskedFor& asked, FailureSet classes) {
    const auto is = [&](FailureClass failure, bool holds) {
        return holds && classes.contains(failure);
    };
    if (is(FailureClass::refusal, said.refused)) {
        return QualityVerdict{FailureClass::refusal, "the model refuses"};
    }
    if (is(FailureClass::length, said.cut)) {
        return QualityVerdict{FailureClass::length, "the answer ended at its limit of tokens"};
    }
    if (is(FailureClass::empty, said.empty())) {
        return QualityVerdict{FailureClass::empty, "the answer says nothing"};
    }
    if (classes.contains(FailureClass::invalid_tool_call)) {
        if (auto verdict = judge_calls(said, asked)) return verdict;
    }
    if (classes.contains(FailureClass::invalid_json)) return judge_json(said, asked);
    return std::nullopt;
}

}  // namespace

std::optional<QualityVerdict> judge_quality(AnswerShape shape, std::string_view request,
                                            const RequestFacts& facts, std::string_view answer,
                                            FailureSet asked) {
    if (answer.size() > kMostJudged) return std::nullopt;
    const auto parsed = Json::parse(answer, nullptr, false);
    if (parsed.is_discarded()) return std::nullopt;
    const auto choices = said_in(shape, parsed);
    if (choices.empty()) return std::nullopt;
    const bool by_request = asked.contains(FailureClass::invalid_json) ||
                            asked.contains(FailureClass::invalid_tool_call);
    const auto wanted = by_request ? asked_for(shape, request, facts) : AskedFor{};
    Verdict first;
    for (const auto& choice : choices) {
        const auto verdict = judge(choice, wanted, asked);
        if (!verdict) return std::nullopt;
        if (!first) first = verdict;
    }
    return first;
}

}  // namespace understudy::wire
