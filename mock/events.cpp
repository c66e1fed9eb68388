// Answers as a stream of events.
#include "mock/amazon.hpp"
#include "mock/answer.hpp"
#include "mock/anthropic.hpp"
#include "mock/errors.hpp"
#include "mock/google.hpp"
#include "mock/shapes.hpp"

namespace understudy::mock {
namespace {

/// The first sequence numbers of a /responses stream are taken by its opening events.
std::size_t responses_opening_count(const Plan& plan) {
    return plan.content == Content::tools ? 3 : 4;
}

std::string data_event(std::string_view json) {
    return join({"data: ", json, "\n\n"});
}

/// Everything of a chat (or text) chunk in front of its choices.
std::string chunk_head(const Ask& ask) {
    if (ask.endpoint == Endpoint::completions) {
        return join({R"({"id":"cmpl-mock-)", ask.id, R"(","object":"text_completion","created":)",
                     kCreated, R"(,"model":)", quoted(ask.model), R"(,"system_fingerprint":)",
                     quoted(ask.fingerprint), R"(,"choices":[)"});
    }
    return join({R"({"id":"chatcmpl-mock-)", ask.id,
                 R"(","object":"chat.completion.chunk","created":)", kCreated, R"(,"model":)",
                 quoted(ask.model), R"(,"service_tier":"default","system_fingerprint":)",
                 quoted(ask.fingerprint), R"(,"choices":[)"});
}

/// Closes a chunk that is not the usage chunk.
std::string_view chunk_end(const Ask& ask, const Plan& plan) {
    return ask.include_usage && plan.usage ? R"(],"usage":null})" : "]}";
}

std::string chat_chunk(const Ask& ask, const Plan& plan, std::string_view delta,
                       std::string_view finish) {
    return data_event(
        join({chunk_head(ask), R"({"index":0,"delta":)", delta,
              R"(,"logprobs":null,"finish_reason":)", finish, "}", chunk_end(ask, plan)}));
}

/// "reasoning_content", a word per event, before the words of the answer.
void add_reasoning(std::vector<std::string>& events, const Ask& ask, const Plan& plan) {
    std::string_view left = reasoning_text();
    while (!left.empty()) {
        const auto end = std::min(left.find(' ', 1), left.size());
        events.push_back(chat_chunk(
            ask, plan, join({R"({"reasoning_content":)", quoted(left.substr(0, end)), "}"}),
            "null"));
        left.remove_prefix(end);
    }
}

/// An event of /responses: named, typed and numbered.
std::string typed(std::string_view type, std::string_view members, std::size_t sequence) {
    return join({"event: ", type, "\ndata: {\"type\":\"", type, "\",", members,
                 ",\"sequence_number\":", std::to_string(sequence), "}\n\n"});
}

std::vector<std::string> responses_opening(const Ask& ask, const Plan& plan) {
    const Tale tale(ask, plan);
    const auto response =
        join({R"("response":)", response_object(ask, plan, tale, ResponseState::in_progress)});
    const auto item = response_item(ask, plan, tale, ResponseState::in_progress);
    std::vector<std::string> events{
        typed("response.created", response, 0),
        typed("response.in_progress", response, 1),
        typed("response.output_item.added", join({R"("output_index":0,"item":)", item}), 2),
    };
    if (plan.content != Content::tools) {
        events.push_back(typed(
            "response.content_part.added",
            join({R"("item_id":"msg_mock_)", ask.id, R"(","output_index":0,"content_index":0,)",
                  R"("part":{"type":"output_text","text":"","annotations":[]})"}),
            3));
    }
    return events;
}

std::vector<std::string> responses_closing(const Ask& ask, const Plan& plan, const Tale& tale) {
    std::size_t number = responses_opening_count(plan) + tale.size();
    const auto text = tale.text();
    const auto item = response_item(ask, plan, tale, ResponseState::completed);
    std::vector<std::string> events;
    if (plan.content == Content::tools) {
        events.push_back(typed("response.function_call_arguments.done",
                               join({R"("item_id":"fc_mock_)", ask.id,
                                     R"(","output_index":0,"arguments":")", text, "\""}),
                               number++));
    } else {
        const auto where =
            join({R"("item_id":"msg_mock_)", ask.id, R"(","output_index":0,"content_index":0,)"});
        events.push_back(typed("response.output_text.done",
                               join({where, R"("text":")", text, R"(","logprobs":[])"}), number++));
        events.push_back(typed("response.content_part.done",
                               join({where, R"("part":{"type":"output_text","text":")", text,
                                     R"(","annotations":[]})"}),
                               number++));
    }
    events.push_back(
        typed("response.output_item.done", join({R"("output_index":0,"item":)", item}), number++));
    events.push_back(
        typed("response.completed",
              join({R"("response":)", response_object(ask, plan, tale, ResponseState::completed)}),
              number));
    return events;
}

EventFrame responses_frame(const Ask& ask, const Plan& plan) {
    const bool tools = plan.content == Content::tools;
    const std::string_view type =
        tools ? "response.function_call_arguments.delta" : "response.output_text.delta";
    EventFrame frame;
    frame.before = join({"event: ", type, "\ndata: {\"type\":\"", type, R"(","item_id":")",
                         tools ? "fc_mock_" : "msg_mock_", ask.id, R"(","output_index":0,)",
                         tools ? "" : R"("content_index":0,"logprobs":[],)", R"("delta":")"});
    frame.after = R"(","sequence_number":)";
    frame.sequence = responses_opening_count(plan);
    frame.end = "}\n\n";
    return frame;
}

}  // namespace

bool can_stream(Endpoint endpoint) {
    return endpoint == Endpoint::chat || endpoint == Endpoint::completions ||
           endpoint == Endpoint::responses || endpoint == Endpoint::transcription ||
           endpoint == Endpoint::messages || endpoint == Endpoint::gemini ||
           endpoint == Endpoint::converse;
}

std::vector<std::string> opening_events(const Ask& ask, const Plan& plan) {
    if (ask.endpoint == Endpoint::responses) return responses_opening(ask, plan);
    if (ask.endpoint == Endpoint::messages) return anthropic::opening(ask, plan);
    if (ask.endpoint == Endpoint::gemini) return google::opening(ask, plan);
    if (ask.endpoint == Endpoint::converse) return amazon::opening(plan);
    std::vector<std::string> events;
    if (ask.endpoint != Endpoint::chat || plan.lean) return events;
    std::string_view delta = R"({"role":"assistant","content":"","refusal":null})";
    if (plan.content == Content::tools)
        delta = R"({"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_mock",)"
                R"("type":"function","function":{"name":"get_weather","arguments":""}}]})";
    events.push_back(chat_chunk(ask, plan, delta, "null"));
    if (plan.content == Content::reasoning) add_reasoning(events, ask, plan);
    return events;
}

EventFrame event_frame(const Ask& ask, const Plan& plan) {
    if (ask.endpoint == Endpoint::responses) return responses_frame(ask, plan);
    if (ask.endpoint == Endpoint::messages) return anthropic::frame(plan);
    if (ask.endpoint == Endpoint::gemini) return google::frame(ask, plan);
    if (ask.endpoint == Endpoint::converse) return amazon::frame(plan);
    EventFrame frame;
    if (ask.endpoint == Endpoint::transcription) {
        frame.before = R"(data: {"type":"transcript.text.delta","delta":")";
        frame.end = "\"}\n\n";
    } else if (plan.lean) {
        frame.before = R"(data: {"id":"c","object":"chat.completion.chunk",)"
                       R"("choices":[{"index":0,"delta":{"content":")";
        frame.end = "\"}}]}\n\n";
    } else if (ask.endpoint == Endpoint::completions) {
        frame.before = join({"data: ", chunk_head(ask), R"({"text":")"});
        frame.end = join(
            {R"(","index":0,"logprobs":null,"finish_reason":null})", chunk_end(ask, plan), "\n\n"});
    } else {
        const bool tools = plan.content == Content::tools;
        const std::string_view open =
            tools ? R"({"tool_calls":[{"index":0,"function":{"arguments":")" : R"({"content":")";
        frame.before = join({"data: ", chunk_head(ask), R"({"index":0,"delta":)", open});
        frame.end = join({tools ? R"("}}]})" : R"("})", R"(,"logprobs":null,"finish_reason":null})",
                          chunk_end(ask, plan), "\n\n"});
    }
    return frame;
}

void append_event(std::string& out, const EventFrame& frame, std::size_t index,
                  std::string_view piece) {
    if (!frame.message.empty()) {
        out += amazon::event(frame.message, join({frame.before, piece, frame.end}));
        return;
    }
    out += frame.before;
    out += piece;
    out += frame.after;
    if (frame.sequence != 0) out += std::to_string(frame.sequence + index);
    out += frame.end;
}

std::vector<std::string> closing_events(const Ask& ask, const Plan& plan, const Tale& tale) {
    if (ask.endpoint == Endpoint::responses) return responses_closing(ask, plan, tale);
    if (ask.endpoint == Endpoint::messages) return anthropic::closing(plan, tale);
    if (ask.endpoint == Endpoint::gemini) return google::closing(ask, plan, tale);
    if (ask.endpoint == Endpoint::converse) return amazon::closing(plan, tale);
    std::vector<std::string> events;
    if (ask.endpoint == Endpoint::transcription) {
        const auto usage =
            plan.usage ? join({R"(,"usage":)", transcript_usage(tale.size())}) : std::string();
        events.push_back(data_event(
            join({R"({"type":"transcript.text.done","text":")", tale.text(), "\"", usage, "}"})));
        return events;
    }
    if (ask.endpoint == Endpoint::completions) {
        events.push_back(
            data_event(join({chunk_head(ask), R"({"text":"","index":0,"logprobs":null,)",
                             R"("finish_reason":"stop"})", chunk_end(ask, plan)})));
    } else {
        events.push_back(chat_chunk(
            ask, plan, "{}", plan.content == Content::tools ? R"("tool_calls")" : R"("stop")"));
    }
    if (ask.include_usage && plan.usage)
        events.push_back(
            data_event(join({chunk_head(ask), R"(],"usage":)", chat_usage(tale.size()), "}"})));
    if (plan.done) events.emplace_back("data: [DONE]\n\n");
    return events;
}

std::string malformed_event(Endpoint endpoint, Flaw flaw) {
    if (endpoint == Endpoint::messages) return anthropic::malformed();
    if (endpoint == Endpoint::gemini) return google::malformed();
    if (endpoint == Endpoint::converse) {
        return flaw == Flaw::malformed ? amazon::event(amazon::kDelta, "{\"delta\":{\"te")
                                       : amazon::corrupt(flaw);
    }
    return "data: {\"id\":\"chatcmpl-mock\",\"choices\":[{\"index\":0,\"delta\":{\"conte\n\n";
}

std::string error_event(Endpoint endpoint) {
    auto document = error_body(endpoint, 500);
    document.pop_back();  // the newline
    if (endpoint == Endpoint::messages) return anthropic::error_event(document);
    if (endpoint == Endpoint::gemini) return google::event(document);
    if (endpoint == Endpoint::converse)
        return amazon::exception("internalServerException", document);
    if (endpoint != Endpoint::responses) return data_event(document);
    return join({"event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,",
                 std::string_view(document).substr(1), "\n\n"});
}

std::string odd_event(Endpoint endpoint, std::string_view document) {
    return endpoint == Endpoint::converse ? amazon::event(amazon::kDelta, document)
                                          : data_event(document);
}

}  // namespace understudy::mock
