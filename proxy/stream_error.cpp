#include "proxy/stream_error.hpp"

#include "dialects/value.hpp"
#include "proxy/local_error.hpp"
#include "proxy/rescue/passed_event.hpp"
#include "wire/answer_traits.hpp"
#include "wire/error_names.hpp"
#include "wire/json_scan.hpp"

namespace understudy::proxy {

namespace {

// Both are JSON strings, quotes included.
std::string error_object(const std::string& message, const std::string& code) {
    return "{\"message\":" + message + R"(,"type":"understudy_error","param":null,"code":)" + code +
           "}";
}

std::string responses_events(const std::string& message, const std::string& code,
                             std::uint64_t next) {
    return "event: error\ndata: {\"type\":\"error\",\"sequence_number\":" + std::to_string(next) +
           ",\"code\":" + code + ",\"message\":" + message +
           ",\"param\":null,\"error\":" + error_object(message, code) +
           "}\n\nevent: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":" +
           std::to_string(next + 1) +
           R"(,"response":{"object":"response","status":"failed","output":[],"error":{"code":)" +
           code + ",\"message\":" + message + "}}}\n\n";
}

std::string quoted_or(const dialects::Value& value, std::string_view otherwise) {
    return value.is_string() ? std::string(value.raw()) : wire::encode_string(otherwise);
}

// The error of an upstream that failed before anything was told.
std::string responses_events(const dialects::Value& error, const StreamError& otherwise) {
    const auto message = quoted_or(error.at("message"), otherwise.message);
    const auto code = quoted_or(error.at("code"), otherwise.code);
    const auto param = error.at("param");
    std::string flat =
        R"({"type":"error","sequence_number":0,"code":)" + code + ",\"message\":" + message +
        ",\"param\":" + (param.present() ? std::string(param.raw()) : std::string("null")) +
        ",\"error\":" + std::string(error.raw()) + '}';
    std::string out = "event: error\ndata: ";
    rescue::append_on_one_line(out, flat);
    return out +
           "\n\nevent: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":1,"
           R"("response":{"object":"response","status":"failed","output":[],"error":{"code":)" +
           code + ",\"message\":" + message + "}}}\n\n";
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

std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events, std::string_view code, unsigned status) {
    const auto quoted = wire::encode_string(message);
    const auto quoted_code = wire::encode_string(code);
    switch (wire::traits_of(shape).dialect) {
        case wire::Dialect::responses:
            return responses_events(quoted, quoted_code, events);
        case wire::Dialect::messages:
            return anthropic_event(quoted, quoted_code, status);
        case wire::Dialect::gemini:
            return google_chunk(message, code, status);
        default:
            return "data: {\"error\":" + error_object(quoted, quoted_code) + "}\n\n";
    }
}

std::string upstream_error_event(wire::AnswerShape shape, std::string_view body,
                                 const StreamError& otherwise) {
    const auto made = [&] {
        return stream_error_event(shape, otherwise.message, 0, otherwise.code, otherwise.status);
    };
    auto whole = dialects::Value::of(body);
    if (whole.is_array()) whole = first_of(whole);  // Google's streams are lists
    const auto error = whole.at("error");
    if (!error.is_object() || !error.at("message").is_string()) return made();
    switch (wire::traits_of(shape).dialect) {
        case wire::Dialect::responses:
            return responses_events(error, otherwise);
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
