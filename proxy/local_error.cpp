#include "proxy/local_error.hpp"

#include "wire/error_names.hpp"
#include "wire/json_scan.hpp"

#include <boost/beast/http/status.hpp>

namespace understudy::proxy {

namespace {

std::string openai_shape(const LocalError& error) {
    std::string out = "{\"error\":{\"message\":" + wire::encode_string(error.message);
    out += ",\"type\":\"understudy_error\",\"param\":";
    out += error.param.empty() ? std::string("null") : wire::encode_string(error.param);
    out += ",\"code\":" + wire::encode_string(error.code) + "}}";
    return out;
}

// https://docs.anthropic.com/en/api/errors
std::string anthropic_shape(const LocalError& error, std::string_view request_id) {
    std::string out = "{\"type\":\"error\",\"error\":{\"type\":\"";
    out.append(wire::anthropic_error_type(error.status));
    out += "\",\"message\":" + wire::encode_string(error.message);
    out += ",\"details\":{\"error_code\":" + wire::encode_string(error.code) + "}}";
    out += ",\"request_id\":";
    out += request_id.empty() ? std::string("null") : wire::encode_string(request_id);
    return out + '}';
}

// google.rpc.Status as JSON, with google.rpc.ErrorInfo and RetryInfo:
// https://cloud.google.com/apis/design/errors
std::string google_shape(const LocalError& error) {
    constexpr std::string_view kType = "{\"@type\":\"type.googleapis.com/google.rpc.";
    std::string reason(error.code);
    for (char& c : reason) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
    }
    std::string out = "{\"error\":{\"code\":" + std::to_string(error.status);
    out += ",\"message\":" + wire::encode_string(error.message) + ",\"status\":\"";
    out.append(wire::google_error_status(error.status)).append("\",\"details\":[").append(kType);
    out += "ErrorInfo\",\"reason\":" + wire::encode_string(reason) + ",\"domain\":\"understudy\"}";
    if (error.retry_after) {
        out.append(",").append(kType).append("RetryInfo\",\"retryDelay\":\"");
        out += std::to_string(error.retry_after->count()) + "s\"}";
    }
    return out + "]}}";
}

}  // namespace

LocalError overloaded(std::string message) {
    LocalError error(503, "overloaded", std::move(message));
    error.retry_after = std::chrono::seconds(1);
    return error;
}

LocalError out_of_memory() {
    return overloaded("Out of buffer memory (limits.memory); try again.");
}

LocalError out_of_places() {
    return overloaded("Too many client connections (limits.connections); try again.");
}

std::string to_json(const LocalError& error, wire::Dialect dialect, std::string_view request_id) {
    switch (error.dialect.value_or(dialect)) {
        case wire::Dialect::messages:
            return anthropic_shape(error, request_id);
        case wire::Dialect::gemini:
            return google_shape(error);
        default:
            return openai_shape(error);
    }
}

std::string_view reason_phrase(unsigned status) {
    namespace http = boost::beast::http;
    const auto known = http::int_to_status(status);
    return known == http::status::unknown ? "Error"
                                          : std::string_view(http::obsolete_reason(known));
}

}  // namespace understudy::proxy
