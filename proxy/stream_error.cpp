#include "proxy/stream_error.hpp"

#include "dialects/ids.hpp"
#include "dialects/value.hpp"
#include "proxy/local_error.hpp"
#include "proxy/rescue/passed_event.hpp"
#include "wire/answer_traits.hpp"
#include "wire/error_names.hpp"
#include "wire/json_scan.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy {

namespace {

// Both are JSON strings, quotes included.
std::string error_object(const std::string& message, const std::string& code) {
    return "{\"message\":" + message + R"(,"type":"understudy_error","param":null,"code":)" + code +
           "}";
}

/// `error` is a JSON object.
void append_response(std::string& out, const AnswerSoFar& so_far, std::string_view error) {
    if (!so_far.response.empty()) {
        out += so_far.response;
        return;
    }
    dialects::Writer to(out);
    to.open('{').key("id").text(dialects::minted_id("resp_", so_far.seed, 0));
    to.key("object").text("response").key("created_at").raw(std::to_string(so_far.created));
    to.key("status").text("failed").key("error").raw(error).key("incomplete_details").null();
    to.key("model").text(so_far.model).key("output").raw("[]").key("usage").null();
    to.key("parallel_tool_calls").boolean(true).key("tool_choice").text("auto");
    to.key("tools").raw("[]").close('}');
}

/// In a word that libraries know. What passes by itself is no fault of the prompt, whatever number
/// it came with: codex asks again but for `invalid_prompt`.
std::string_view response_code(unsigned status) {
    constexpr std::array kTransient{408U, 409U, 425U};
    if (status == 429 || status == 498) return "rate_limit_exceeded";
    const bool passes = std::find(kTransient.begin(), kTransient.end(), status) != kTransient.end();
    return status >= 400 && status < 500 && !passes ? "invalid_prompt" : "server_error";
}

/// Appended where it belongs: a Response may be large.
void append_failed_event(std::string& out, std::uint64_t number, const AnswerSoFar& so_far,
                         std::string_view error) {
    out += "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":";
    out.append(std::to_string(number)).append(",\"response\":");
    append_response(out, so_far, error);
    out += "}\n\n";
}

std::string responses_events(std::string_view text, std::string_view word, std::uint64_t next,
                             unsigned status, const AnswerSoFar& so_far) {
    const auto message = wire::encode_string(text);
    const auto code = wire::encode_string(word);
    auto out =
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":" + std::to_string(next) +
        ",\"code\":" + code + ",\"message\":" + message +
        ",\"param\":null,\"error\":" + error_object(message, code) + "}\n\n";
    append_failed_event(out, next + 1, so_far, response_error(text, status));
    return out;
}

std::string quoted_or(const dialects::Value& value, std::string_view otherwise) {
    return value.is_string() ? std::string(value.raw()) : wire::encode_string(otherwise);
}

// The error of an upstream that failed before anything was told.
std::string responses_events(const dialects::Value& error, const StreamError& otherwise,
                             const AnswerSoFar& so_far) {
    const auto message = quoted_or(error.at("message"), otherwise.message);
    const auto code = quoted_or(error.at("code"), otherwise.code);
    const auto param = error.at("param");
    std::string flat =
        R"({"type":"error","sequence_number":0,"code":)" + code + ",\"message\":" + message +
        ",\"param\":" + (param.present() ? std::string(param.raw()) : std::string("null")) +
        ",\"error\":" + std::string(error.raw()) + '}';
    std::string out = "event: error\ndata: ";
    rescue::append_on_one_line(out, flat);
    out += "\n\n";
    // OpenAI's own errors often have no code, and ours is none that a Response fails with.
    const auto known = quoted_or(error.at("code"), response_code(otherwise.status));
    append_failed_event(out, 1, so_far, "{\"code\":" + known + ",\"message\":" + message + '}');
    return out;
}

dialects::Value first_of(const dialects::Value& list) {
    dialects::Value first;
    list.elements([&](dialects::Value value) {
        if (!first.present()) first = value;
    });
    return first;
}

std::string anthropic_event(const std::string& message, const std::string& code, unsigned status) {
    return "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"" +
           std::string(wire::anthropic_error_type(status)) + "\",\"message\":" + message +
           R"(,"details":{"error_code":)" + code + "}}}\n\n";
}

std::string google_chunk(std::string_view message, std::string_view code, unsigned status) {
    constexpr unsigned kBadGateway = 502;
    const LocalError error(status != 0 ? status : kBadGateway, code, std::string(message));
    return "data: " + to_json(error, wire::Dialect::gemini) + "\r\n\r\n";
}

}  // namespace

std::string response_error(std::string_view message, unsigned status) {
    return "{\"code\":\"" + std::string(response_code(status)) +
           "\",\"message\":" + wire::encode_string(message) + '}';
}

std::string response_failed_event(std::uint64_t number, std::string_view error,
                                  const AnswerSoFar& so_far) {
    std::string out;
    append_failed_event(out, number, so_far, error);
    return out;
}

std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events, std::string_view code, unsigned status,
                               const AnswerSoFar& so_far) {
    const auto quoted = wire::encode_string(message);
    const auto quoted_code = wire::encode_string(code);
    switch (wire::traits_of(shape).dialect) {
        case wire::Dialect::responses:
            return responses_events(message, code, events, status, so_far);
        case wire::Dialect::messages:
            return anthropic_event(quoted, quoted_code, status);
        case wire::Dialect::gemini:
            return google_chunk(message, code, status);
        default:
            return "data: {\"error\":" + error_object(quoted, quoted_code) + "}\n\n";
    }
}

std::string upstream_error_event(wire::AnswerShape shape, std::string_view body,
                                 const StreamError& otherwise, const AnswerSoFar& so_far) {
    const auto made = [&] {
        return stream_error_event(shape, otherwise.message, 0, otherwise.code, otherwise.status,
                                  so_far);
    };
    auto whole = dialects::Value::of(body);
    if (whole.is_array()) whole = first_of(whole);  // Google's streams are lists
    const auto error = whole.at("error");
    if (!error.is_object() || !error.at("message").is_string()) return made();
    switch (wire::traits_of(shape).dialect) {
        case wire::Dialect::responses:
            return responses_events(error, otherwise, so_far);
        case wire::Dialect::messages:
            if (!error.at("type").is_string()) return made();
            return passed_error_event(
                shape, whole.at("type").is("error")
                           ? std::string(whole.raw())
                           : R"({"type":"error","error":)" + std::string(error.raw()) + '}');
        case wire::Dialect::gemini:
        default:
            return passed_error_event(shape, "{\"error\":" + std::string(error.raw()) + '}');
    }
}

std::string passed_error_event(wire::AnswerShape shape, std::string_view data) {
    const auto dialect = wire::traits_of(shape).dialect;
    const bool named = dialect == wire::Dialect::messages || dialect == wire::Dialect::responses;
    std::string out;
    if (named && dialects::is_object_text(data)) {
        const auto type = dialects::Value::of(data).at("type");
        out.append("event: ").append(type.is_string() ? type.content() : "error").append("\n");
    }
    out += "data: ";
    rescue::append_on_one_line(out, data);
    return out += dialect == wire::Dialect::gemini ? "\r\n\r\n" : "\n\n";
}

}  // namespace understudy::proxy
